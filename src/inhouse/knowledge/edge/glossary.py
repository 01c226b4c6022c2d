"""The words of the house in the database, and those that its documents explain.

What a document explains is known to those who may read it and changes nothing for anybody else.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.retrieve_rows import readers_of
from inhouse.knowledge.edge.tables import abbreviations, glossary, revisions
from inhouse.knowledge.expansions import Expansions, group_meanings
from inhouse.knowledge.glossary import Term, abbreviations_in, as_expansions
from inhouse.store.database import Database

__all__ = ["StoredGlossary", "abbreviation_rows", "keep_abbreviations"]

SUBJECT = "glossary"
EXPLAINED_WEIGHT = 0.8
"""A little less than the house's own list: in another document the same letters may mean something else."""
MOST_STEMS = 60
LONGEST_PHRASE = 8
MOST_MEANINGS = 3
# Plain SQL, as each question asks it: composing it through SQLAlchemy took longer than running it.
_EXPLAINED = """
SELECT abbreviations.short, abbreviations.full, abbreviations.full_stems, documents.readers, count(*)
FROM abbreviations JOIN documents ON documents.document_id = abbreviations.document_id
WHERE (abbreviations.short_stems IN ({shorts}) OR abbreviations.full_stems IN ({fulls}))
    AND documents.status = 'indexed'
GROUP BY abbreviations.short, abbreviations.full, abbreviations.full_stems, documents.readers
"""


class StoredGlossary:
    """Implements `ports.search.Glossary`; safe in several threads. `stems` is the analyzer of the index."""

    def __init__(
        self, database: Database, stems: Callable[[str], list[str]], *, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._stems = stems
        self._now = now
        self._known: tuple[int, Expansions] = (-1, Expansions())

    def terms(self) -> tuple[Term, ...]:
        """See `ports.search.Glossary`."""
        with self._database.read() as connection:
            return _terms(connection)

    def add(self, terms: Sequence[Term]) -> int:
        """See `ports.search.Glossary`."""
        new = 0
        with self._database.write() as connection:
            known = {term.term.casefold(): term.term for term in _terms(connection)}
            for term in terms:
                before = known.pop(term.term.casefold(), None)
                if before is None:
                    new += 1
                else:
                    connection.execute(delete(glossary).where(glossary.c.term == before))
                known[term.term.casefold()] = term.term
                meanings = json.dumps(term.meanings, ensure_ascii=False)
                row = {"term": term.term, "meanings": meanings, "created_at": self._now()}
                connection.execute(insert(glossary).values(row))
            _bump(connection)
        return new

    def remove(self, term: str) -> None:
        """See `ports.search.Glossary`."""
        with self._database.write() as connection:
            alike = [each.term for each in _terms(connection) if each.term.casefold() == term.casefold()]
            if not alike:
                raise NotFound(
                    f"The glossary has no term {term!r}", hint="inhouse glossary ls shows them all"
                )
            connection.execute(delete(glossary).where(glossary.c.term.in_(alike)))
            _bump(connection)

    def expansions(self, caller: Caller, question: str) -> Expansions:
        """Other names for parts of a question: the house's, and what documents of this caller explain."""
        with self._database.read_plain() as connection:
            return self._listed(connection).joined(self._explained(connection, caller, question))

    def _listed(self, connection: sqlite3.Connection) -> Expansions:
        found = connection.execute("SELECT count FROM revisions WHERE subject = ?", (SUBJECT,)).fetchone()
        revision = int(found[0]) if found is not None else 0
        known = self._known
        if known[0] != revision:
            rows = connection.execute("SELECT term, meanings FROM glossary").fetchall()
            known = self._known = (revision, as_expansions(_terms_of(rows), self._stems))
        return known[1]

    def _explained(self, connection: sqlite3.Connection, caller: Caller, question: str) -> Expansions:
        stems = self._stems(question)[:MOST_STEMS]
        if not stems:
            return Expansions()
        phrases = {
            " ".join(stems[at : at + length])
            for length in range(2, LONGEST_PHRASE + 1)
            for at in range(len(stems) - length + 1)
        }
        shorts = sorted({*stems, *map(" ".join, pairwise(stems))})
        query = _EXPLAINED.format(shorts=_marks(shorts), fulls=_marks(phrases))
        rows = connection.execute(query, [*shorts, *sorted(phrases)]).fetchall()
        if not rows:
            return Expansions()
        return group_meanings(
            _likeliest(
                (short, full, full_stems, count)
                for short, full, full_stems, readers, count in rows
                if may_read(caller, readers_of(readers))
            ),
            self._stems,
        )


def _marks(values: Collection[str]) -> str:
    return ",".join("?" * len(values))


def keep_abbreviations(
    connection: Connection, document_id: str, text: str, stems: Callable[[str], list[str]]
) -> None:
    """Write down what a document explains, in place of what it explained before."""
    connection.execute(delete(abbreviations).where(abbreviations.c.document_id == document_id))
    rows = abbreviation_rows(document_id, text, stems)
    if rows:
        connection.execute(insert(abbreviations), rows)


def abbreviation_rows(
    document_id: str, text: str, stems: Callable[[str], list[str]]
) -> list[dict[str, object]]:
    """What a document explains, as rows."""
    return [
        {
            "document_id": document_id,
            "short": one.short,
            "full": one.full,
            "short_stems": " ".join(stems(one.short)),
            "full_stems": " ".join(stems(one.full)),
        }
        for one in abbreviations_in(text)
    ]


def _likeliest(rows: Iterable[tuple[str, str, str, int]]) -> list[tuple[float, tuple[str, str]]]:
    """Of each abbreviation the meanings that most documents give; forms of the same words are one."""
    counted: dict[tuple[str, str], tuple[int, str]] = {}
    for short, full, full_stems, count in sorted(rows):
        before = counted.get((short, full_stems), (0, full))
        counted[short, full_stems] = (before[0] + count, before[1])
    of: dict[str, list[tuple[int, str]]] = {}
    for (short, _), said in counted.items():
        of.setdefault(short, []).append(said)
    return [
        (EXPLAINED_WEIGHT, (short, full))
        for short, meanings in sorted(of.items())
        for _, full in sorted(meanings, key=lambda one: (-one[0], one[1]))[:MOST_MEANINGS]
    ]


def _terms(connection: Connection) -> tuple[Term, ...]:
    rows = connection.execute(select(glossary.c.term, glossary.c.meanings)).all()
    return _terms_of((row.term, row.meanings) for row in rows)


def _terms_of(rows: Iterable[tuple[str, str]]) -> tuple[Term, ...]:
    found = (Term(term, tuple(json.loads(meanings))) for term, meanings in rows)
    return tuple(sorted(found, key=lambda one: (one.term.casefold(), one.term)))


def _bump(connection: Connection) -> None:
    row = upsert(revisions).values(subject=SUBJECT, count=1)
    connection.execute(
        row.on_conflict_do_update(index_elements=["subject"], set_={"count": revisions.c.count + 1})
    )
