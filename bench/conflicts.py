"""Conflicts: are both sides cited where documents disagree, and is nothing claimed where they do not?

Asks ten questions whose answer stands differently in two documents written for this script, among real
documents; then all questions of the question files and of XQuAD, whose documents are not known to contradict
each other, and counts how often a conflict is stated there. The false ones are printed to be read.

    python -m bench.conflicts [DATA_FOLDER]
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.house import data_folder, fresh_house, question_file, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.knowledge.ports import Answer, Answered, AskRequest
from inhouse.serve.parts import Parts

CALLER = Caller()
CASES: tuple[tuple[str, tuple[str, str, str], tuple[str, str, str]], ...] = (
    (
        "How many days of parental leave does a parent at Northwind get?",
        (
            "northwind/parents 2022.md",
            "Parents at Northwind",
            "Northwind gives every parent 60 days of parental leave.",
        ),
        (
            "northwind/parents 2025.md",
            "Parents at Northwind",
            "Northwind gives every parent 90 days of parental leave.",
        ),
    ),
    (
        "What is the mileage allowance at Northwind?",
        ("northwind/cars-a.md", "Own cars, 2021", "The mileage allowance at Northwind is $0.45 per mile."),
        ("northwind/cars-b.md", "Own cars, 2024", "The mileage allowance at Northwind is $0.67 per mile."),
    ),
    (
        "When does the Northwind canteen close?",
        ("northwind/canteen.md", "Canteen", "The Northwind canteen closes at 2 pm."),
        ("northwind/rules.md", "House rules", "The Northwind canteen closes at 3 pm."),
    ),
    (
        "May contractors use the Northwind gym?",
        ("northwind/gym 2020.md", "Gym", "Contractors are allowed to use the Northwind gym."),
        ("northwind/gym 2024.md", "Gym", "Contractors are not allowed to use the Northwind gym."),
    ),
    (
        "By when are Northwind timesheets due?",
        ("northwind/time-a.md", "Timesheets", "Northwind timesheets are due by the 3rd of May."),
        ("northwind/time-b.md", "Timesheets, new", "Northwind timesheets are due by the 10th of May."),
    ),
    (
        "Сколько дней отпуска даёт «Ладога» водителям?",
        (
            "ladoga/отпуска 2022.md",
            "Отпуска водителей",
            "Водителям «Ладоги» дают 28 календарных дней отпуска.",
        ),
        (
            "ladoga/отпуска 2025.md",
            "Отпуска водителей",
            "Водителям «Ладоги» дают 31 календарный день отпуска.",
        ),
    ),
    (
        "Какие суточные в командировках платит «Ладога»?",
        ("ladoga/суточные 2021.md", "Командировки", "Суточные в командировках «Ладоги» — 700 рублей."),
        ("ladoga/суточные 2024.md", "Командировки", "Суточные в командировках «Ладоги» — 1 200 рублей."),
    ),
    (
        "Во сколько закрывается склад «Ладоги»?",
        ("ladoga/склад.md", "Склад", "Склад «Ладоги» закрывается в 18:00."),
        ("ladoga/порядок.md", "Порядок", "Склад «Ладоги» закрывается в 20:00."),
    ),
    (
        "За сколько дней предупреждают «Ладогу» об увольнении?",
        ("ladoga/увольнение 2019.md", "Увольнение", "Об увольнении «Ладогу» предупреждают за две недели."),
        ("ladoga/увольнение 2024.md", "Увольнение", "Об увольнении «Ладогу» предупреждают за 30 дней."),
    ),
    (
        "Какую скидку даёт «Ладога» сотрудникам на мебель?",
        ("ladoga/скидки-1.md", "Скидки", "На мебель «Ладога» даёт сотрудникам скидку 10 %."),
        ("ladoga/скидки-2.md", "Скидки, 2025", "На мебель «Ладога» даёт сотрудникам скидку 15 %."),
    ),
)


async def main() -> None:
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = write_xquad(data, folder / "corpus")
        for _, *sides in CASES:
            for document, title, text in sides:
                path = folder / "written" / document
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"# {title}\n\n{text}\n", "utf-8")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            sources = [
                folder / "written",
                data / "handbook",
                data / "ru",
                *sorted((folder / "corpus").iterdir()),
            ]
            for path in sources:
                await asyncio.to_thread(parts.ingest.run, [path])
            await _written(parts)
            files = ("handbook_questions.jsonl", "ru_questions.jsonl")
            rows = [row for file in files for row in question_file(data / file)]
            await _others(parts, "question files", [row["question"] for row in rows])
            for language in ("ru", "en"):
                await _others(
                    parts, f"XQuAD {language}", [one.question for one in asked if one.language == language]
                )


async def _written(parts: Parts) -> None:
    both = stated = newest = 0
    for question, *sides in CASES:
        answer = await _ask(parts, question)
        cited = {citation.document for sentence in answer.sentences for citation in sentence.citations}
        wanted = {document for document, _, _ in sides}
        both += wanted <= cited
        stated += bool(answer.conflicts)
        if answer.conflicts:
            first = answer.conflicts[0].sides[0].citation.document
            newest += first == max(wanted) if "20" in first else True
        if not wanted <= cited or not answer.conflicts:
            print(f"  missed: {question} [{answer.band}] cited {sorted(cited)}")
    print(f"written conflicts: both sides cited {both}/{len(CASES)}, stated {stated}/{len(CASES)},"
          f" dated in the name and newest first {newest}/{len(CASES)}")  # fmt: skip


async def _others(parts: Parts, name: str, questions: list[str]) -> None:
    said = 0
    for question in questions:
        answer = await _ask(parts, question)
        said += bool(answer.conflicts)
        for conflict in answer.conflicts:
            print(f"  {question}\n    {conflict.statement}")
            for side in conflict.sides:
                print(f"      {side.citation.document}: {' '.join(side.citation.quote.split())[:160]}")
    print(f"{name}: conflicts stated for {said} of {len(questions)}")


async def _ask(parts: Parts, question: str) -> Answer:
    async for event in parts.answers.ask(CALLER, AskRequest(question), request_id="bench"):
        if isinstance(event, Answered):
            return event.answer
    raise RuntimeError("the answer did not end")


if __name__ == "__main__":
    asyncio.run(main())
