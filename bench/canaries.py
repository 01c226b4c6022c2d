"""Looks for leaks: random people ask random questions in a house where most documents are not for them.

    python -m bench.canaries [PAIRS] [SEED] [SECONDS]

Every document has a key word, by which it is asked for, and a secret that stands nowhere else; its readers
are one of many sets of groups with levels. A leak is a secret, a name or an id of a document that the asker
may not read, anywhere in what a search or an answer gives. Then some of the people ask the same in a house
that holds only what they may read: everything they get must be equal, down to scores and counts. The control
asks with the filter switched off (in a function of this file) and has to find leaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from bench.house import fresh_house
from inhouse.kernel.caller import EVERYONE, Caller, Readers, may_read
from inhouse.kernel.documents import Passage
from inhouse.knowledge.acl_groups import groups_of
from inhouse.knowledge.acl_rules import Rule
from inhouse.knowledge.ports import Answered, AskRequest
from inhouse.knowledge.ports.sources import NewSource
from inhouse.serve.parts import Parts

PAIRS = 10_000
ASKED = 300
COMPARED_PEOPLE, COMPARED_QUESTIONS = 4, 40
LIMIT_S = 600.0
"""On a slow machine fewer pairs are tried; n is printed."""
DOCUMENTS, SETS, PEOPLE, TOPICS = 96, 32, 60, 12
GROUPS = ("finance", "hr", "it", "legal", "sales", "board", "lab", "north")
HIGHEST = 3
LETTERS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: `path` below the source, its readers, what it is asked for by, what it must not lose."""

    path: str
    readers: Readers
    key: str
    secret: str
    topic: str
    text: str


@dataclass(slots=True)
class Tally:
    """What was tried and what was wrong."""

    tried: int = 0
    hits: int = 0
    leaks: int = 0
    first: str = ""


def made_up(dice: random.Random, taken: set[str], syllables: int) -> str:
    """A word that no text has yet."""
    while True:
        word = "".join(dice.choice(LETTERS[0]) + dice.choice(LETTERS[1]) for _ in range(syllables))
        if word not in taken:
            taken.add(word)
            return word


def corpus(dice: random.Random) -> list[Paper]:
    """Documents of few topics, so that forbidden ones compete with readable ones for every question."""
    taken: set[str] = set()
    topics = [made_up(dice, taken, 3) for _ in range(TOPICS)]
    sets = [reader_set(dice) for _ in range(SETS)]
    papers: list[Paper] = []
    for number in range(DOCUMENTS):
        shelf = number % SETS
        key, secret, topic = made_up(dice, taken, 4), made_up(dice, taken, 6), dice.choice(topics)
        full = " ".join(made_up(dice, taken, 3).capitalize() for _ in range(3))
        short = "".join(word[0] for word in full.split())
        others = ". ".join(f"The {one} of {dice.choice(topics)} was noted" for one in dice.sample(topics, 6))
        text = (
            f"# Note on {topic} {number}\n\n"
            f"The {topic} of {key} is {secret}. "
            f"The {full} ({short}) of {key} keeps {dice.randint(10, 999)}.\n\n"
            f"{others}.\n\nThe {topic} was {'seen ' * dice.randint(1, 5)}in {2000 + number % 30}.\n"
        )
        path = f"set{shelf:02d}/{topic}-{number:03d}.md"
        papers.append(Paper(path, sets[shelf], key, secret, topic, text))
    return papers


def reader_set(dice: random.Random) -> Readers:
    """Everyone, a level of everyone, some groups with levels, or nobody."""
    kind = dice.random()
    if kind < 0.08:
        return frozenset({EVERYONE})
    if kind < 0.14:
        return frozenset({f"{EVERYONE}:{dice.randint(1, HIGHEST)}"})
    if kind < 0.18:
        return frozenset()
    names = dice.sample(GROUPS, dice.randint(1, 3))
    return frozenset(f"{name}:{level}" if (level := dice.randint(0, HIGHEST)) else name for name in names)


def people(dice: random.Random) -> list[Caller]:
    """Everybody from a name without a record to who is in many groups, and one who has left."""
    made = [Caller("stranger"), Caller("gone", frozenset())]
    for number in range(PEOPLE):
        names = dice.sample(GROUPS, dice.randint(0, 4))
        made.append(Caller(f"person{number}", groups_of(names, dice.randint(0, HIGHEST))))
    return made


def question(dice: random.Random, paper: Paper) -> str:
    """One of several ways to ask for a document."""
    ways = (
        f"What is the {paper.topic} of {paper.key}?",
        f"{paper.key} {paper.topic}",
        f"the {paper.topic} was noted and seen",
        f"Какой {paper.topic} у {paper.key}?",
        paper.path.rpartition("/")[2],
    )
    return dice.choice(ways)


def unfiltered(_caller: Caller) -> Caller:
    """The control: whoever asks is taken for somebody who may read everything."""
    names = [EVERYONE, *GROUPS]
    return Caller("control", groups_of(names, HIGHEST))


def forbidden_in(text: str, caller: Caller, papers: Iterable[Paper]) -> str:
    """The first secret or path in the text that the caller may not know; "" for none."""
    for paper in papers:
        if not may_read(caller, paper.readers) and (paper.secret in text or paper.path in text):
            return f"{caller.user} got {paper.path} (for {sorted(paper.readers) or 'nobody'})"
    return ""


class Counted:
    """Stands in for `secrets` where documents get their ids: equal scores are told apart by the id.

    With random ids two houses would put equal documents in different orders, whoever may read what.
    """

    def __init__(self) -> None:
        self._next = itertools.count()

    def token_hex(self, size: int) -> str:
        """The next number, in as many digits."""
        return f"{next(self._next):0{2 * size}x}"


@contextlib.asynccontextmanager
async def counted_house(folder: Path) -> AsyncIterator[Parts]:
    """A fresh house whose ids grow in the order in which documents come."""
    with mock.patch("inhouse.compose.knowledge.secrets", Counted()):
        async with fresh_house(folder) as parts:
            yield parts


async def fill(parts: Parts, folder: Path, papers: Sequence[Paper]) -> None:
    """Take the papers in as one source with a rule for each folder."""
    for paper in papers:
        path = folder / paper.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(paper.text, "utf-8")
    rules = {paper.path.split("/")[0]: paper.readers for paper in papers}
    assert parts.sources is not None
    assert parts.ingest is not None
    wanted = NewSource(
        name="canaries",
        kind="folder",
        address=str(folder),
        owner="",
        readers=frozenset({"owners"}),
        rules=tuple(Rule(where, readers) for where, readers in rules.items()),
        every_s=0,
    )
    await asyncio.to_thread(parts.sources.add, wanted)
    report = await asyncio.to_thread(parts.ingest.run, [folder], source="canaries")
    assert report.added + report.updated + report.unchanged == len(papers), report


def told(passages: Sequence[Passage]) -> str:
    """Everything that a result shows."""
    return json.dumps([dataclasses.asdict(one) for one in passages], ensure_ascii=False)


async def answer(parts: Parts, caller: Caller, words: str) -> str:
    """Every event of an answer as text, without the times."""
    request = AskRequest(words)
    shown: list[str] = []
    async for event in parts.answers.ask(caller, request, request_id="canaries"):
        body = dataclasses.asdict(event)
        if isinstance(event, Answered):
            receipt = body["answer"].pop("receipt")
            body["searched"] = receipt["documents_searched"]
        elif "receipt" in body:
            continue
        shown.append(json.dumps(body, ensure_ascii=False, sort_keys=True))
    return "\n".join(shown)


async def search_all(
    parts: Parts,
    papers: Sequence[Paper],
    pairs: Iterable[tuple[Caller, str]],
    *,
    filtered: bool,
    until: float,
) -> Tally:
    """Ask and look for what should not be there."""
    tally = Tally()
    for caller, words in pairs:
        if time.monotonic() > until:
            break
        found = await parts.search.search(caller if filtered else unfiltered(caller), words, k=10)
        note(tally, told(found), caller, papers)
        tally.hits += len(found)
    return tally


async def ask_all(
    parts: Parts, papers: Sequence[Paper], pairs: Iterable[tuple[Caller, str]], *, until: float
) -> Tally:
    """As `search_all`, for whole answers."""
    tally = Tally()
    for caller, words in pairs:
        if time.monotonic() > until:
            break
        text = await answer(parts, caller, words)
        note(tally, text, caller, papers)
        tally.hits += '"citations": [{' in text
    return tally


def note(tally: Tally, text: str, caller: Caller, papers: Sequence[Paper]) -> None:
    """Count what was got, and the leak in it."""
    tally.tried += 1
    leak = forbidden_in(text, caller, papers)
    if leak:
        tally.leaks += 1
        tally.first = tally.first or leak


async def compare(
    parts: Parts, folder: Path, papers: Sequence[Paper], callers: Sequence[Caller], asked: Sequence[str]
) -> tuple[int, int]:
    """The same questions in a house of readable documents only: how many were compared, how many differ."""
    tried = differ = 0
    for number, caller in enumerate(callers):
        readable = [paper for paper in papers if may_read(caller, paper.readers)]
        place = folder / str(number)
        place.mkdir()
        async with counted_house(place) as other:
            await fill(other, place / "papers", readable)
            for words in asked:
                tried += 1
                differ += await seen_by(parts, caller, words) != await seen_by(other, caller, words)
    return tried, differ


async def seen_by(parts: Parts, caller: Caller, words: str) -> str:
    """Results and answer with scores and counts; ids and times of files are of each house, and with them
    the revision (tests/knowledge/test_life_hostile.py)."""
    found = await parts.search.search(caller, words, k=10)
    rows = [dataclasses.replace(one, document_id="", modified_at=0.0) for one in found]
    counts = dataclasses.replace(parts.library.counts(caller), revision=0)
    listed = sorted(one.document for one in parts.library.list(caller, limit=1000).documents)
    text = await answer(parts, caller, words)
    for one in parts.library.list(caller, limit=1000).documents:
        text = text.replace(one.document_id, one.document).replace(f"{one.modified_at}", "")
    return f"{told(rows)}\n{counts}\n{listed}\n{text}"


async def main() -> int:
    """Run all of it; 1 when something leaked or differed, or the control found nothing."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    dice = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20_261_121)
    papers, everybody = corpus(dice), people(dice)
    drawn = [(dice.choice(everybody), question(dice, dice.choice(papers))) for _ in range(pairs)]
    limit_s = float(sys.argv[3]) if len(sys.argv) > 3 else LIMIT_S
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        async with counted_house(folder) as parts:
            await fill(parts, folder / "papers", papers)
            until = started + limit_s * 0.8
            searched = await search_all(parts, papers, drawn, filtered=True, until=until)
            asked = await ask_all(parts, papers, drawn[-ASKED:], until=started + limit_s * 0.9)
            control = await search_all(parts, papers, drawn[:300], filtered=False, until=started + limit_s)
            chosen = [*dice.sample(everybody[2:], COMPARED_PEOPLE - 1), everybody[0]]
            questions = [words for _, words in drawn[:COMPARED_QUESTIONS]]
            compared, differ = await compare(parts, folder, papers, chosen, questions)
    sets = len({paper.readers for paper in papers})
    print(f"corpus: {len(papers)} documents, {sets} sets of readers, {len(everybody)} people")
    print(f"search: n={searched.tried}, {searched.hits} passages, leaks={searched.leaks} {searched.first}")
    print(f"ask: n={asked.tried}, {asked.hits} with a citation, leaks={asked.leaks} {asked.first}")
    print(f"the same in a house of readable documents only: n={compared}, differ={differ}")
    print(f"control without the filter: n={control.tried}, leaks={control.leaks}")
    print(f"seconds: {time.monotonic() - started:.0f}")
    return 1 if searched.leaks or asked.leaks or differ or not control.leaks else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
