"""Questions of people on real documents, without a model: is the evidence among the five passages?

Prints, per question file, how many answerable questions have one / all evidence quotes within the
passages of `ask`, the bands of answerable and unanswerable questions, and whether every quote shown is
verbatim at its offsets.

    python -m bench.questions [DATA_FOLDER] [--show]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench.house import data_folder, fresh_house, question_file, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.knowledge.ports import Answer, Answered, AskRequest
from inhouse.serve.parts import Parts

CALLER = Caller()
FILES = {"handbook_questions.jsonl": "handbook", "ru_questions.jsonl": "ru"}


async def main() -> None:
    show = "--show" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--show"]
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_xquad(data, folder / "corpus")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            for path in (data / "handbook", data / "ru", *sorted((folder / "corpus").iterdir())):
                await asyncio.to_thread(parts.ingest.run, [path])
            for file, source in FILES.items():
                await _report(parts, question_file(data / file), source, file, show=show)


async def _report(parts: Parts, rows: list[dict[str, Any]], source: str, file: str, *, show: bool) -> None:
    one = whole = quotes = verbatim = said = 0
    bands: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for row in rows:
        answer = await _ask(parts, row["question"])
        answerable = row["type"] != "unanswerable"
        bands[answerable][answer.band] += 1
        for sentence in answer.sentences:
            for citation in sentence.citations:
                text = parts.library.text(CALLER, citation.document_id)
                quotes += 1
                verbatim += text[citation.start : citation.end] == citation.quote
        found = [_found(evidence, answer, source) for evidence in row["evidence"]]
        one += answerable and any(found)
        whole += answerable and all(found)
        said += answerable and all(
            word.lower() in answer.answer.lower() for word in row["answer_must_contain"]
        )
        if show:
            print(
                f"  {row['id']} {row['type']:12} {answer.band:7} {sum(found)}/{len(found)} {row['question']}"
            )
    n = sum(bands[True].values())
    print(f"{file}: at least one quote in five passages {one}/{n}, all quotes {whole}/{n}")
    print(f"  answerable: {dict(bands[True])}; the answer itself holds the expected words {said}/{n}")
    print(f"  unanswerable: {dict(bands[False])}")
    print(f"  quotes verbatim at their offsets {verbatim}/{quotes}")


async def _ask(parts: Parts, question: str) -> Answer:
    async for event in parts.answers.ask(CALLER, AskRequest(question), request_id="bench"):
        if isinstance(event, Answered):
            return event.answer
    raise RuntimeError("the answer did not end")


def _found(evidence: dict[str, str], answer: Answer, source: str) -> bool:
    wanted = " ".join(evidence["quote"].split())
    return any(
        passage.source == source
        and passage.document == evidence["file"]
        and wanted in " ".join(passage.text.split())
        for passage in answer.passages
    )


if __name__ == "__main__":
    asyncio.run(main())
