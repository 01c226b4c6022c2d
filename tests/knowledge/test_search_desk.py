"""Why a document was or was not found, and the words of the house in real tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.embed_store import LegBook
from inhouse.knowledge.edge.glossary import StoredGlossary, keep_abbreviations
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.library import DocumentLibrary
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.retrieve_desk import SearchDesk
from inhouse.knowledge.edge.retrieve_states import LegWishes
from inhouse.knowledge.edge.tables import documents
from inhouse.knowledge.glossary import Term
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database
from tests.knowledge.shelf import fill

HR = Caller("anna", frozenset({EVERYONE, "hr"}))
CONTENT = {
    "hr/leave.md": "Paid Time Off (PTO) lasts 28 days.",
    "hr/notice.md": "The PTO request is sent two weeks before it begins.",
    "hr/canteen.md": "Lunch costs 300 roubles.",
    "en/time.md": "Employees may take time off on paid days when they are ill.",
}


def desk_of(tmp_path: Path, database: Database, lexical: Lexical) -> SearchDesk:
    blobs = Blobs(tmp_path / "blobs")
    manifest = Manifest(database, blobs, lexical, now=lambda: 1.0, new_id=lambda: "x")
    library = DocumentLibrary(database, blobs, manifest)
    retrieve = Retrieve(database, lexical)
    return SearchDesk(database, retrieve, library, LegBook(tmp_path / "legs.json"), LegWishes())


@pytest.fixture
def desk(tmp_path: Path, database: Database, lexical: Lexical) -> SearchDesk:
    fill(database, lexical, CONTENT, readers={"hr/canteen.md": frozenset({"hr"})})
    return desk_of(tmp_path, database, lexical)


def mark(database: Database, path: str, **values: object) -> None:
    with database.write() as connection:
        connection.execute(update(documents).where(documents.c.document_id == path).values(**values))


async def test_a_document_that_is_shown(desk: SearchDesk) -> None:
    """Its place, and the words that it has and lacks as the person wrote them."""
    why = await desk.why(Caller(), "PTO lunch", "hr/notice.md")
    assert why.sought.shown
    assert why.sought.rank in (1, 2)
    assert why.sought.held == ("PTO",)
    assert why.sought.lacking == ("lunch",)
    assert why.reasons[0].code == "shown"
    assert [leg.state for leg in why.legs] == ["on", "off", "off"]


async def test_a_forbidden_document_is_no_document(desk: SearchDesk) -> None:
    """The same words as for one that does not exist; its readers are told."""
    with pytest.raises(NotFound) as forbidden:
        await desk.why(Caller(), "lunch", "hr/canteen.md")
    with pytest.raises(NotFound) as unknown:
        await desk.why(Caller(), "lunch", "hr/cantine.md")
    assert forbidden.value.message == unknown.value.message.replace("cantine", "canteen")
    assert (await desk.why(HR, "lunch", "hr/canteen.md")).sought.shown


async def test_a_document_without_the_words(desk: SearchDesk) -> None:
    """It says which words are missing and what to do."""
    why = await desk.why(HR, "vacation", "hr/canteen.md")
    assert not why.sought.shown
    assert why.reasons[0].code == "no_words"
    assert "vacation" in why.reasons[0].words
    assert "glossary" in why.reasons[0].remedy


async def test_a_document_that_others_outrank(desk: SearchDesk) -> None:
    """Its place and score stand beside what would have been needed."""
    why = await desk.why(Caller(), "PTO request two weeks", "hr/leave.md", k=1)
    assert not why.sought.shown
    assert why.reasons[0].code == "outranked"
    assert why.sought.rank == 2
    assert why.sought.score is not None
    assert why.sought.needed is not None
    assert why.sought.score < why.sought.needed


@pytest.mark.parametrize(
    ("status", "code"),
    [("pending", "pending"), ("refused", "refused"), ("empty", "empty"), ("trashed", "trashed")],
)
async def test_a_document_that_is_not_searched(
    desk: SearchDesk, database: Database, status: str, code: str
) -> None:
    """Its state and its reason; in the trash only for administrators who could read it."""
    mark(database, "hr/leave.md", status=status, reason="it is encrypted")
    why = await desk.why(Caller(), "PTO", "hr/leave.md")
    assert [reason.code for reason in why.reasons] == [code]
    assert not why.sought.shown
    if status == "refused":
        assert "encrypted" in why.reasons[0].words
    mark(database, "hr/canteen.md", status=status)
    with pytest.raises(NotFound):
        await desk.why(Caller(), "lunch", "hr/canteen.md")
    if status == "trashed":
        olga = Caller("olga", frozenset({"everyone", "admins"}))
        assert (await desk.why(olga, "PTO", "hr/leave.md")).reasons == why.reasons
        with pytest.raises(NotFound):
            await desk.why(Caller("anna"), "PTO", "hr/leave.md")


async def test_a_search_that_was_limited(desk: SearchDesk) -> None:
    """The limit is the reason."""
    why = await desk.why(Caller(), "PTO", "hr/leave.md", scope=Scope(sources=("en",)))
    assert why.reasons[0].code == "scope"


async def test_a_person_marks_a_document_as_outdated(desk: SearchDesk) -> None:
    """The mark is a reason, and can be taken back; what one may not read one cannot mark."""
    desk.mark_outdated(Caller(), "hr/leave.md", outdated=True)
    assert "outdated" in {reason.code for reason in (await desk.why(Caller(), "PTO", "hr/leave.md")).reasons}
    desk.mark_outdated(Caller(), "hr/leave.md", outdated=False)
    assert "outdated" not in {one.code for one in (await desk.why(Caller(), "PTO", "hr/leave.md")).reasons}
    with pytest.raises(NotFound):
        desk.mark_outdated(Caller(), "hr/canteen.md", outdated=True)


# ---- the words of the house


def glossary_of(database: Database) -> StoredGlossary:
    return StoredGlossary(database, analyzer(), now=lambda: 1.0)


def test_terms_are_kept(database: Database) -> None:
    """In the order of the alphabet; written alike, the later one counts; unknown ones cannot go."""
    glossary = glossary_of(database)
    assert glossary.add([Term("PTO", ("leave",)), Term("ДМС", ("страховка",))]) == 2
    assert glossary.add([Term("pto", ("time off",))]) == 0
    assert glossary.terms() == (Term("pto", ("time off",)), Term("ДМС", ("страховка",)))
    glossary.remove("Pto")
    assert [one.term for one in glossary.terms()] == ["ДМС"]
    with pytest.raises(NotFound):
        glossary.remove("PTO")


async def test_a_term_finds_what_documents_call_otherwise(database: Database, lexical: Lexical) -> None:
    """At once when it is added, and no more when it is gone."""
    fill(database, lexical, CONTENT)
    glossary = glossary_of(database)
    retrieve = Retrieve(database, lexical, names=glossary)
    assert await retrieve.search(Caller(), "отгул") == ()
    glossary.add([Term("отгул", ("PTO",))])
    assert {p.document for p in await retrieve.search(Caller(), "отгул")} == {"hr/leave.md", "hr/notice.md"}
    glossary.remove("отгул")
    assert await retrieve.search(Caller(), "отгул") == ()


def explain(database: Database, path: str) -> None:
    with database.write() as connection:
        keep_abbreviations(connection, path, CONTENT[path], analyzer())


async def test_documents_explain_their_abbreviations(database: Database, lexical: Lexical) -> None:
    """The full name finds where only the abbreviation stands; without the explanation it does not."""
    fill(database, lexical, CONTENT)
    retrieve = Retrieve(database, lexical, names=glossary_of(database))
    query = "when is paid time off requested"
    before = await retrieve.search(Caller(), query)
    explain(database, "hr/leave.md")
    after = await retrieve.search(Caller(), query)
    place = [p.document for p in after].index("hr/notice.md")
    assert after[place].score > before[[p.document for p in before].index("hr/notice.md")].score


async def test_a_forbidden_explanation_changes_nothing(database: Database, lexical: Lexical) -> None:
    """Results and scores of those who may not read it are those of a house in which nobody explains it."""
    fill(database, lexical, CONTENT, readers={"hr/leave.md": frozenset({"hr"})})
    retrieve = Retrieve(database, lexical, names=glossary_of(database))
    queries = ("when is paid time off requested", "PTO", "days of PTO")
    before = [await retrieve.search(Caller(), query) for query in queries]
    hers = [await retrieve.search(HR, query) for query in queries]
    explain(database, "hr/leave.md")
    assert [await retrieve.search(Caller(), query) for query in queries] == before
    assert [await retrieve.search(HR, query) for query in queries] != hers
