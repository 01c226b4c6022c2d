"""Copies of a house's texts to try other settings of the search on; the house itself sees nothing of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, select

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Passage, Scope
from inhouse.knowledge.chunk import Cut
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.recut import recut
from inhouse.knowledge.edge.retrieve import Retrieve, RetrieveSettings
from inhouse.knowledge.edge.tables import documents, texts
from inhouse.knowledge.thesaurus import office_expansions
from inhouse.knowledge.tuning import Trial
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = ["Workbench"]

BATCH = 200


class Workbench:
    """Searches the texts of a house as trials say: words only, no vectors and no reranker.

    `new_database` opens an empty one below a folder that is given; whoever made `folder` removes it. A copy
    is kept for each cut, so that trials of weights are quick.
    """

    def __init__(
        self, house: Database, folder: Path, new_database: Callable[[Path], Database], *, per_document: int
    ) -> None:
        self._house = house
        self._folder = folder
        self._new_database = new_database
        self._per_document = per_document
        self._copies: dict[str, tuple[Database, Lexical]] = {}
        self._trying: tuple[Trial, Retrieve] | None = None

    def texts(self) -> list[tuple[str, str, str]]:
        """(source, path, text) of all that is searched, whoever may read it."""
        query = select(documents.c.source, documents.c.path, texts.c.text).join(texts)
        with self._house.read() as connection:
            rows = connection.execute(query.where(documents.c.status == "indexed")).all()
        return [(row.source, row.path, row.text) for row in rows]

    def search(self, trial: Trial, caller: Caller, question: str, *, k: int) -> tuple[Passage, ...]:
        """As `Retrieve.find`; the first search of a cut takes as long as taking the texts in."""
        if self._trying is None or self._trying[0] != trial:
            self._trying = (trial, self._retrieve(trial))
        return self._trying[1].find(caller, question, k=k, scope=Scope()).passages

    def close(self) -> None:
        """Give the copies back."""
        for database, _ in self._copies.values():
            database.close()
        self._copies.clear()
        self._trying = None

    def _retrieve(self, trial: Trial) -> Retrieve:
        if trial.cut.name not in self._copies:
            self._copies[trial.cut.name] = self._copy(trial.cut)
        database, lexical = self._copies[trial.cut.name]
        settings = RetrieveSettings(self._per_document, trial.mix)
        return Retrieve(database, lexical, settings=settings, common=office_expansions)

    def _copy(self, cut: Cut) -> tuple[Database, Lexical]:
        place = self._folder / secrets.token_hex(8)
        database, lexical = self._new_database(place), Lexical(place / "lexical")
        with self._house.read() as house:
            wanted = select(documents.c.document_id).where(documents.c.status == "indexed")
            ids = list(house.execute(wanted).scalars())
            for at in range(0, len(ids), BATCH):
                with database.write() as copy:
                    _take_over(house, copy, ids[at : at + BATCH])
        recut(database, cut)
        Manifest(
            database,
            Blobs(place / "blobs"),
            lexical,
            now=time.time,
            new_id=lambda: secrets.token_hex(16),
            cut=cut,
        ).recover()
        return database, lexical


def _take_over(house: Connection, copy: Connection, ids: Sequence[str]) -> None:
    for table in (documents, texts):
        rows = house.execute(select(table).where(table.c.document_id.in_(ids))).mappings().all()
        fresh = [{**row, "cut": ""} if table is documents else dict(row) for row in rows]
        if fresh:
            copy.execute(insert(table), fresh)
