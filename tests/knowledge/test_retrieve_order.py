"""The order of what a search shows: editions, one document's share, doubtful figures, scopes."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import insert, update

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.retrieve import Retrieve, RetrieveSettings
from inhouse.knowledge.edge.tables import documents, revisions
from inhouse.knowledge.edition import edition_of
from inhouse.store.database import Database
from tests.knowledge.shelf import fill

ANNA = Caller("anna", frozenset({EVERYONE, "hr"}))
POLICIES = {
    "hr/Vacation policy 2023.md": "# Vacation policy\n\nVacation lasts 24 days.",
    "hr/Vacation policy 2025.md": (
        "# Vacation policy\n\nEach year, from the first of January on, vacation lasts 28 days."
    ),
    "hr/Canteen.md": "# Canteen\n\nLunch costs 300 roubles.",
}


def date_editions(database: Database) -> None:
    with database.write() as connection:
        for path in POLICIES:
            family, edition = edition_of(path.removeprefix("hr/"), "", "", 0.0)
            chosen = update(documents).where(documents.c.document_id == path)
            connection.execute(chosen.values(family=family, edition=edition))


async def test_the_newest_edition_comes_first(database: Database, lexical: Lexical) -> None:
    """The older one stays in the list, marked; without the marks its words would put it first."""
    fill(database, lexical, POLICIES)
    query = "how many days does vacation last"
    plain = await Retrieve(database, lexical).search(Caller(), query)
    assert plain[0].document == "hr/Vacation policy 2023.md"
    date_editions(database)
    found = await Retrieve(database, lexical).search(Caller(), query)
    assert [(p.document, p.superseded) for p in found[:2]] == [
        ("hr/Vacation policy 2025.md", False),
        ("hr/Vacation policy 2023.md", True),
    ]


async def test_whoever_asks_for_an_edition_gets_it(database: Database, lexical: Lexical) -> None:
    """The year in the question wins over the newer edition."""
    fill(database, lexical, POLICIES)
    date_editions(database)
    found = await Retrieve(database, lexical).search(Caller(), "vacation days in the policy of 2023")
    assert found[0].document == "hr/Vacation policy 2023.md"
    assert found[0].superseded


async def test_a_forbidden_edition_marks_nothing(database: Database, lexical: Lexical) -> None:
    """The old edition is the newest for those who may not read the new one."""
    fill(database, lexical, POLICIES, readers={"hr/Vacation policy 2025.md": frozenset({"hr"})})
    date_editions(database)
    retrieve = Retrieve(database, lexical)
    mine = await retrieve.search(Caller(), "vacation days")
    assert [(p.document, p.superseded) for p in mine] == [("hr/Vacation policy 2023.md", False)]
    hers = await retrieve.search(ANNA, "vacation days")
    assert {p.document: p.superseded for p in hers} == {
        "hr/Vacation policy 2025.md": False,
        "hr/Vacation policy 2023.md": True,
    }


async def test_what_a_person_called_outdated_is_marked(database: Database, lexical: Lexical) -> None:
    """Marked and shown; and it makes no other edition old."""
    fill(database, lexical, POLICIES)
    date_editions(database)
    with database.write() as connection:
        chosen = update(documents).where(documents.c.document_id == "hr/Vacation policy 2025.md")
        connection.execute(chosen.values(outdated=1))
    found = await Retrieve(database, lexical).search(Caller(), "vacation days")
    assert {p.document: p.superseded for p in found} == {
        "hr/Vacation policy 2025.md": True,
        "hr/Vacation policy 2023.md": False,
    }


STUFFED = {
    "spam/vacation.md": "\n\n".join(
        f"## Part {n}\n\nVacation days, vacation days {n}! " * 12 for n in range(9)
    )
}
STUFFED |= {f"hr/rule-{n}.md": f"# Rule {n}\n\nVacation is asked for {n + 3} weeks before." for n in range(5)}


async def test_a_stuffed_document_does_not_push_others_out(database: Database, lexical: Lexical) -> None:
    """At most three of ten places; with the cap off, the stuffed one takes more."""
    fill(database, lexical, STUFFED)
    found = await Retrieve(database, lexical).search(Caller(), "vacation days", k=8)
    assert sum(p.document == "spam/vacation.md" for p in found) == 3
    free = Retrieve(database, lexical, settings=RetrieveSettings(of_ten=10))
    assert (
        sum(p.document == "spam/vacation.md" for p in await free.search(Caller(), "vacation days", k=8)) > 3
    )


async def test_doubtful_figures_come_along(database: Database, lexical: Lexical) -> None:
    """The stretches of the document that lie in the passage, cut to it."""
    fill(database, lexical, {"a.md": "Vacation lasts 28 days."})
    with database.write() as connection:
        connection.execute(update(documents).values(doubts=json.dumps([[15, 17], [500, 510]])))
    (passage,) = await Retrieve(database, lexical).search(Caller(), "vacation")
    assert passage.doubts == ((15, 17),)
    assert passage.text[15 - passage.start : 17 - passage.start] == "28"


async def test_scopes_are_looked_up_anew_when_documents_change(database: Database, lexical: Lexical) -> None:
    """What is kept of the table is used again until its revision grows."""
    fill(database, lexical, POLICIES)
    with database.write() as connection:
        connection.execute(insert(revisions).values(subject="documents", count=1))
    retrieve = Retrieve(database, lexical)
    scope = Scope(sources=("hr",))
    assert retrieve.find(Caller(), "vacation", k=5, scope=Scope()).searched == 3
    assert retrieve.find(Caller(), "vacation", k=5, scope=scope).searched == 3
    with database.write() as connection:
        gone = update(documents).where(documents.c.document_id != "hr/Canteen.md")
        connection.execute(gone.values(status="trashed"))
        connection.execute(update(revisions).values(count=2))
    assert retrieve.find(Caller(), "lunch", k=5, scope=Scope()).searched == 1
    assert retrieve.find(Caller(), "lunch", k=5, scope=scope).searched == 1
    with pytest.raises(NotFound):
        retrieve.find(Caller(), "lunch", k=5, scope=Scope(document_ids=("hr/Vacation policy 2023.md",)))
