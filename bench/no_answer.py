"""Near misses: each XQuAD question with its paragraph in the house, and again with it removed.

The paragraph is really removed and taken in again, so that the index's statistics change too; the other
paragraphs of the same article stay, and with them the topic. Prints how many of the answerable questions
are not refused and how many of the unanswerable ones are, per language and band.

    python -m bench.no_answer [DATA_FOLDER]
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from bench.house import Asked, data_folder, fresh_house, interval, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.knowledge.ports import Answered, AskRequest
from inhouse.serve.parts import Parts

CALLER = Caller()


async def main() -> None:
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = write_xquad(data, folder / "corpus")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            for source in (*sorted((folder / "corpus").iterdir()), data / "handbook", data / "ru"):
                await asyncio.to_thread(parts.ingest.run, [source])
            await _report(parts, asked, folder / "corpus")


async def _report(parts: Parts, asked: list[Asked], corpus: Path) -> None:
    of_paragraph: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in asked:
        of_paragraph[one.language, one.document].append(one.question)
    present: dict[str, list[str]] = {"ru": [], "en": []}
    removed: dict[str, list[str]] = {"ru": [], "en": []}
    for (language, document), questions in of_paragraph.items():
        present[language] += [await _band(parts, question) for question in questions]
        record = parts.library.get(CALLER, f"xquad-{language}/{document}")
        await asyncio.to_thread(parts.library.remove, CALLER, [record.document_id])
        removed[language] += [await _band(parts, question) for question in questions]
        assert parts.ingest is not None
        file = corpus / f"xquad-{language}" / document
        await asyncio.to_thread(parts.ingest.run, [file], source=f"xquad-{language}")
    for language in ("ru", "en"):
        answered = interval([band != "refuse" for band in present[language]])
        refused = interval([band == "refuse" for band in removed[language]])
        print(f"{language}: answerable not refused {answered}; paragraph removed, refused {refused}")
        print(f"   bands with {dict(Counter(present[language]))}, without {dict(Counter(removed[language]))}")


async def _band(parts: Parts, question: str) -> str:
    async for event in parts.answers.ask(CALLER, AskRequest(question), request_id="bench"):
        if isinstance(event, Answered):
            return event.answer.band
    raise RuntimeError("the answer did not end")


if __name__ == "__main__":
    asyncio.run(main())
