"""The rerank leg over a real server: what it changes, and what its faults cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.dialects.rerank import read_reply, write_request
from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import EngineBroke, InhouseError
from inhouse.knowledge.edge.embed_store import Examined
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.retrieve_states import LegWishes, rerank_state
from inhouse.knowledge.selfcheck import Checked
from inhouse.store.database import Database
from tests.knowledge.legs_world import World, world
from tests.worlds.legs import FakeLegs, Fault

QUESTION = "кто хранит порядок выдачи паспорта"


async def ready(house: World) -> None:
    """The reranker examined, the vectors left out."""
    work = house.work()
    work._settings = None
    while await work.step():
        pass


@pytest.mark.parametrize("form", ["cohere", "tei"])
async def test_both_forms_are_spoken(tmp_path: Path, database: Database, lexical: Lexical, form: str) -> None:
    """The first passages carry what the server said of them, in its order."""
    async with world(tmp_path, database, lexical, FakeLegs(), form=form) as house:
        assert all(p.rerank is None for p in await house.found(QUESTION))
        await ready(house)
        notes = house.store.book.notes().rerank
        assert notes is not None
        assert {check.language: check.passed for check in notes.checks} == {"ru": True, "en": True}
        found = await house.found(QUESTION)
        assert found[0].document == "ru/15.md"
        assert found[0].rerank is not None


async def test_a_reranker_of_one_language_is_off_for_the_other(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """One that sees no Cyrillic letter leaves Russian results as they are, and judges English ones."""
    async with world(tmp_path, database, lexical, FakeLegs("english"), form="cohere") as house:
        await ready(house)
        assert await house.found(QUESTION) == await house.plain.search(Caller(), QUESTION, k=5)
        assert (await house.found("who keeps the rules for the forklift"))[0].rerank is not None
        state = rerank_state(LegWishes(rerank_url=house.fake.url), house.store.book.notes(), None)
        assert state.state == "part"
        assert "ru off (" in state.words


@pytest.mark.parametrize("fault", ["nan", "few", "lying", "html", "500", "close", "hang"])
async def test_faults_leave_the_order(
    tmp_path: Path, database: Database, lexical: Lexical, fault: Fault
) -> None:
    """Lying indices, too few, NaN, a page, an error, silence: the order before it; three, and nobody asks."""
    fake = FakeLegs()
    async with world(tmp_path, database, lexical, fake, form="cohere") as house:
        await ready(house)
        fake.fault = fault
        for _ in range(5):
            assert await house.found(QUESTION) == await house.plain.search(Caller(), QUESTION, k=5)
        assert fake.fired == 3
        fake.fault = "none"
        house.clock.now += 31
        assert (await house.found(QUESTION))[0].rerank is not None


async def test_without_the_check_a_bad_reranker_would_decide(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """The control: let in by force, judgements by chance change the order; examined, they do not count."""
    async with world(tmp_path, database, lexical, FakeLegs("random"), form="cohere") as house:
        await ready(house)
        plain = await house.plain.search(Caller(), QUESTION, k=5)
        assert await house.found(QUESTION) == plain
        forced = Examined(
            model="m", at=0, chunks=1, checks=(Checked("ru", 20, 20, 20, passed=True, weight=0.5),)
        )
        house.store.book.note(rerank=forced)
        assert [p.document for p in await house.found(QUESTION)] != [p.document for p in plain]


async def test_an_unreachable_reranker_is_said(tmp_path: Path, database: Database, lexical: Lexical) -> None:
    """The examination fails with a reason, and it is tried again."""
    fake = FakeLegs(fault="500")
    async with world(tmp_path, database, lexical, fake, form="cohere") as house:
        with pytest.raises(InhouseError, match="500"):
            await ready(house)
        fake.fault = "none"
        await ready(house)
        assert house.store.book.notes().rerank is not None


def test_requests_of_both_forms() -> None:
    """Cohere's names the model when there is one and asks for all; TEI's has neither."""
    asked = json.loads(write_request("cohere", "m", "q", ["a", "b"]))
    assert asked == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}
    assert "model" not in json.loads(write_request("cohere", "", "q", ["a"]))
    assert json.loads(write_request("tei", "m", "q", ["a"])) == {
        "query": "q",
        "texts": ["a"],
        "truncate": True,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'{"results":[{"index":0}]}',
        b'{"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":2}]}',
        b'{"results":[{"index":-1,"relevance_score":1},{"index":1,"relevance_score":2}]}',
        b'[{"index":0,"score":1e999},{"index":1,"score":0}]',
        b'[{"index":0,"score":NaN},{"index":1,"score":0}]',
    ],
)
def test_a_reply_is_taken_whole_or_not_at_all(body: bytes) -> None:
    """Each text has one finite score, or nothing is believed."""
    with pytest.raises(EngineBroke):
        read_reply(body, 2)


def test_scores_stand_in_the_order_of_the_texts() -> None:
    """However the server sorts them."""
    body = b'{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}'
    assert read_reply(body, 2) == (0.1, 0.9)
