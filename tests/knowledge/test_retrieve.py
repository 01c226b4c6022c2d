"""Search over real tables and a real index."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.store.database import Database
from tests.knowledge.shelf import DOCUMENTS, fill


@pytest.fixture
def retrieve(database: Database, lexical: Lexical) -> Retrieve:
    fill(database, lexical)
    return Retrieve(database, lexical)


async def test_passages_are_verbatim(retrieve: Retrieve) -> None:
    """The best passage is the right document's, word for word at its offsets."""
    best = (await retrieve.search(Caller(), "когда подавать заявление на отпуск"))[0]
    assert best.document == "hr/otpusk.md"
    assert best.text == DOCUMENTS[best.document][best.start : best.end]
    assert best.heading[0] == "Положение об отпусках"


async def test_a_forbidden_document_is_not_there(database: Database, lexical: Lexical) -> None:
    """Whoever may not read a document finds, counts and scopes as if it did not exist."""
    fill(database, lexical, readers={"it/vpn.md": frozenset({"it"})})
    retrieve = Retrieve(database, lexical)
    insider = Caller("anna", frozenset({EVERYONE, "it"}))
    assert [p.document for p in await retrieve.search(insider, "VPN password")] == ["it/vpn.md"]
    assert await retrieve.search(Caller(), "VPN password") == ()
    assert retrieve.find(Caller(), "VPN", k=5, scope=Scope()).searched == 2
    with pytest.raises(NotFound):
        await retrieve.search(Caller(), "VPN", scope=Scope(document_ids=("it/vpn.md",)))


async def test_scope_by_source(retrieve: Retrieve) -> None:
    """A source narrows the search; an unknown one is an error that names the way out."""
    found = await retrieve.search(Caller(), "days", scope=Scope(sources=("it",)))
    assert {p.document for p in found} == {"it/vpn.md"}
    with pytest.raises(NotFound, match="documents ls"):
        await retrieve.search(Caller(), "days", scope=Scope(sources=("nowhere",)))


@pytest.mark.parametrize("query", ["", "  ", "?!…", "\x00", "x" * 100_001])
async def test_a_question_without_words_is_refused(retrieve: Retrieve, query: str) -> None:
    """Empty, punctuation only, or far too long: a clear error, no result."""
    with pytest.raises(BadRequest):
        await retrieve.search(Caller(), query)


@pytest.mark.parametrize("query", ['"', "a:b AND (", "title:*", "NEAR/2 \\", "'; DROP TABLE documents; --"])
async def test_query_syntax_has_no_power(retrieve: Retrieve, query: str) -> None:
    """Operators of any query language are plain words or nothing."""
    try:
        await retrieve.search(Caller(), query)
    except BadRequest:
        assert not any(character.isalnum() for character in query)


async def test_searches_in_parallel(retrieve: Retrieve) -> None:
    """Twenty searches at once give what one alone gives."""
    one = await retrieve.search(Caller(), "отпуск")
    many = await asyncio.gather(*(retrieve.search(Caller(), "отпуск") for _ in range(20)))
    assert all(result == one for result in many)
