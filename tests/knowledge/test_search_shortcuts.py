"""What makes a search cheap changes nothing of what it finds: each shortcut beside the long way."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.knowledge.edge.glossary import StoredGlossary, keep_abbreviations
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.rows import bump
from inhouse.knowledge.edge.tables import documents
from inhouse.knowledge.fuse import SAME_SHARE, SHINGLE, Choice, choose
from inhouse.knowledge.plain import _STEPS, plain
from inhouse.knowledge.rank import Candidate, Weights, rank
from inhouse.knowledge.sighting import Lookout
from inhouse.knowledge.words import Question
from inhouse.store.database import Database
from tests.knowledge.shelf import fill, open_database

LETTERS = "оаеинт"
STAFF, BOSS = Caller("staff"), Caller("boss", frozenset({EVERYONE, "board"}))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty house."""
    opened = open_database(tmp_path)
    yield opened
    opened.close()


def made_up(dice: random.Random) -> tuple[list[str], list[list[str]]]:
    """Words of which many are relatives of one another, and texts of them."""
    words = sorted({"".join(dice.choices(LETTERS, k=dice.randint(3, 8))) for _ in range(60)})
    words += [f"{word}ние" for word in words[:20]]
    return words, [dice.choices(words, k=dice.randint(1, 90)) for _ in range(12)]


@pytest.mark.parametrize("seed", range(40))
def test_ranking_many_at_once_is_ranking_each_alone(seed: int) -> None:
    """Words learnt for all candidates together give the scores of a lookout that sees one candidate only."""
    dice = random.Random(seed)
    words, texts = made_up(dice)
    content = tuple(dict.fromkeys(dice.choices(words, k=6)))
    named = {(words[0],): {content[0]: 0.5}, (words[1], words[2]): {content[-1]: 0.7}}
    of = {stem: dice.random() for stem in content}
    weights = Weights(of, sum(of.values()), 90.0, named)
    question = Question("?", "ru", content, frozenset(), frozenset(), None)
    candidates = [
        Candidate("a", at, text, frozenset(dice.choices(words, k=3))) for at, text in enumerate(texts)
    ]
    together = rank(question, candidates, weights)
    alone = [rank(question, [one.candidate], weights)[0] for one in together]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-12)
    assert [one.held for one in together] == [one.held for one in alone]


@pytest.mark.parametrize("seed", range(40))
def test_sightings_are_those_of_looking_at_every_place(seed: int) -> None:
    """One text after another, in any order, gives what each word says when it is looked at by itself."""
    dice = random.Random(seed)
    words, texts = made_up(dice)
    wanted = dice.sample(words, 5)
    named = {(words[3],): {wanted[0]: 0.5}, (words[4], words[5]): {wanted[1]: 0.7}}
    lookout = Lookout(wanted, named)
    for text in texts:
        slowly = []
        for at, word in enumerate(text):
            slowly += [(at, stem, share) for _, stem, share in Lookout(wanted, named).sight([word])]
            if tuple(text[at : at + 2]) == (words[4], words[5]):
                slowly.append((at, wanted[1], 0.7))
        assert lookout.sight(text) == slowly


@pytest.mark.parametrize("seed", range(60))
def test_doubles_are_those_that_shingles_tell(seed: int) -> None:
    """Telling passages apart by their words first leaves out no pair that the shingles call the same."""
    dice = random.Random(seed)
    # Without figures, which tell passages apart by themselves.
    first = ["".join(LETTERS[int(digit) % 6] for digit in f"{at:03o}") for at in range(dice.randint(1, 90))]
    other = list(first)
    for _ in range(dice.randint(0, 3)):
        other[dice.randrange(len(other))] = dice.choice(["x", "y", "z"])
    shown = choose([Choice("a", first), Choice("b", other)], 2, of_ten=3)

    def shingles(stems: list[str]) -> set[tuple[str, ...]]:
        return {tuple(stems[at : at + SHINGLE]) for at in range(max(1, len(stems) - SHINGLE + 1))}

    left, right = shingles(first), shingles(other)
    same = len(left & right) >= SAME_SHARE * len(left | right)
    assert (len(shown) == 1) == same


@pytest.mark.parametrize(
    "text",
    [
        "Простой текст.",
        "- пункт списка",
        "1. Первый пункт",
        "  (12) пункт",
        "• пункт\nвторая строка",
        "**жирный** и `код`",
        "| a | b |",
        "[имя](http://a.b)",
        "> цитата",
        "a \\* b",
        "— тире, 5 < 7",
    ],
)
def test_plain_text_is_that_of_all_steps(text: str) -> None:
    """The short way for text without marks gives what every step in a row gives."""
    slowly = text
    for pattern, replacement in _STEPS:
        slowly = pattern.sub(replacement, slowly)
    if not text.startswith("|"):
        assert plain(text) == " ".join(slowly.split())


def test_a_revoked_group_finds_nothing_more_at_once(database: Database, tmp_path: Path) -> None:
    """Nothing that is kept for speed outlives a right: readers, text and other names are asked anew."""
    lexical = Lexical(tmp_path / "lexical")
    text = "Совет директоров (СД) утвердил премию в 500 тысяч."
    fill(database, lexical, {"board/a.md": text}, readers={"board/a.md": frozenset({"board"})})
    with database.write() as connection:
        keep_abbreviations(connection, "board/a.md", text, analyzer())
        bump(connection)
    glossary = StoredGlossary(database, analyzer(), now=lambda: 1.0)
    retrieve = Retrieve(database, lexical, names=glossary)
    for _ in range(2):
        assert retrieve.find(BOSS, "премия СД", k=5, scope=Scope()).passages
        assert glossary.expansions(BOSS, "премия СД").of
        assert not retrieve.find(STAFF, "премия СД", k=5, scope=Scope()).passages
        assert not glossary.expansions(STAFF, "премия СД").of
    with database.write() as connection:
        # Without a new revision and with the shelf as it was: the row alone must be enough.
        connection.execute(update(documents).values(readers=json.dumps(["owners"])))
    assert not retrieve.find(BOSS, "премия СД", k=5, scope=Scope()).passages
    assert not glossary.expansions(BOSS, "премия СД").of


def test_a_hidden_document_is_gone_at_once(database: Database, tmp_path: Path) -> None:
    """A document that waits for its new shelf is not shown, though the index still has it."""
    lexical = Lexical(tmp_path / "lexical")
    fill(database, lexical, {"hr/a.md": "Отпуск длится 28 дней."})
    retrieve = Retrieve(database, lexical)
    assert retrieve.find(STAFF, "отпуск", k=5, scope=Scope()).passages
    with database.write() as connection:
        connection.execute(update(documents).values(status="pending"))
    assert not retrieve.find(STAFF, "отпуск", k=5, scope=Scope()).passages
