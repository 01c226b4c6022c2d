"""Questions as staff ask them, about an invented handbook: found, and not refused?

XQuAD's questions were written from their paragraphs; these tell a story and use other words than the rules
(`bench.staff_data`). Asked in a small house (the handbook alone) and in a larger one (XQuAD beside it).
Prints how often the rule is among the five passages, and the bands of answerable questions and near misses.

    python -m bench.staff [DATA_FOLDER] [--show]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.house import data_folder, fresh_house, write_xquad
from bench.staff_data import HANDBOOK, QUESTIONS, StaffQuestion
from inhouse.kernel.caller import Caller
from inhouse.knowledge.ports import Answer, Answered, AskRequest
from inhouse.serve.parts import Parts

CALLER = Caller()


async def main() -> None:
    show = "--show" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--show"]
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for document, text in HANDBOOK.items():
            path = folder / "handbook" / document
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        write_xquad(data, folder / "corpus")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            await asyncio.to_thread(parts.ingest.run, [folder / "handbook"])
            await _report(parts, "the handbook alone", show=show)
            for source in sorted((folder / "corpus").iterdir()):
                await asyncio.to_thread(parts.ingest.run, [source])
            await _report(parts, "among XQuAD's paragraphs", show=show)


async def _report(parts: Parts, where: str, *, show: bool) -> None:
    bands: dict[tuple[str, bool], Counter[str]] = {}
    found: Counter[str] = Counter()
    for one in QUESTIONS:
        answer = await _ask(parts, one.question)
        bands.setdefault((one.language, bool(one.document)), Counter())[answer.band] += 1
        among = _among(one, answer)
        found[one.language] += among
        if show:
            print(f"  {answer.band:7} {among:1} {one.question}  [{answer.reason or ''}]")
    for language in ("en", "ru"):
        good, missed = bands[language, True], bands[language, False]
        print(
            f"{where}, {language}: rule among five passages {found[language]}/{good.total()},"
            f" not refused {good.total() - good['refuse']}/{good.total()} {dict(good)};"
            f" near misses {dict(missed)} of {missed.total()}"
        )


async def _ask(parts: Parts, question: str) -> Answer:
    async for event in parts.answers.ask(CALLER, AskRequest(question), request_id="bench"):
        if isinstance(event, Answered):
            return event.answer
    raise RuntimeError("the answer did not end")


def _among(one: StaffQuestion, answer: Answer) -> bool:
    return any(
        passage.document == one.document and any(each in " ".join(passage.text.split()) for each in one.holds)
        for passage in answer.passages
    )


if __name__ == "__main__":
    asyncio.run(main())
