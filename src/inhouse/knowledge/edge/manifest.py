"""What is known of each document, kept so that a kill at any moment loses and doubles nothing.

Taking in:  (1) one transaction writes rows, texts and chunks with status `pending`;
            (2) the indexes take the entries and are durable;
            (3) the status becomes final.
Refiling, moving, restoring: as taking in, without step 1's texts.
Trashing:   (1) status `trashing`, invisible at once; (2) the indexes forget; (3) status `trashed`.
Updating:   as taking in; what the earlier text left in files is wiped a while later.
Removing:   (1) status `removing`, invisible at once; (2) the indexes forget; (3) one transaction rewrites the
            answers that quote it and removes the rows; (4) bytes, pictures, and what deleted entries left in
            the files of the indexes and of the database.
`recover` finishes whatever stopped between these steps. The indexes are derived: whenever they do not match,
they are put right from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from inhouse.kernel.caller import Readers
from inhouse.knowledge.chunk import Chunk, Cut, chunk
from inhouse.knowledge.edge.kept import KeptBytes
from inhouse.knowledge.edge.leaving import UNDO_S, Leaving, due_to_wipe
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.parse.parsed import PARSER_VERSION, Parsed
from inhouse.knowledge.edge.rows import (
    BATCH_DOCUMENTS,
    EMPTY_CODES,
    HIDDEN,
    Place,
    Taken,
    batches,
    bump,
    chunks_of,
    content_of,
    known_of,
    placed,
    readers_json,
    rows_before,
    whole_of,
)
from inhouse.knowledge.edge.shelving import Shelving, Vectors
from inhouse.knowledge.edge.tables import documents, runs, texts
from inhouse.knowledge.edge.writing import write_down
from inhouse.knowledge.plan import Known
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = [
    "BATCH_CHARS",
    "BATCH_DOCUMENTS",
    "EMPTY_CODES",
    "UNDO_S",
    "Manifest",
    "Place",
    "Taken",
    "cut_text",
]

BATCH_CHARS = 4_000_000
_SAME = "SELECT 1 FROM documents WHERE sha256 = ? AND status = 'indexed' LIMIT 1"
"""Asked for each file, and composing the whole statement takes longer than reading a small one."""


class Manifest(Leaving):
    """The writing side of the documents. Safe to use from several threads.

    `bytes` are the files themselves; `save` takes over what was kept there for it.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        lexical: Lexical,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        vectors: Sequence[Vectors] = (),
        undo_s: float = UNDO_S,
        cut: Cut = Cut(),  # noqa: B008  frozen
    ) -> None:
        kept, shelves = KeptBytes(database, blobs), Shelving(database, lexical, vectors)
        super().__init__(database, kept, shelves, now=now, undo_s=undo_s)
        self._stems = analyzer()
        self._new_id = new_id
        self.cut = cut

    # ---- looking

    def known(self, source: str) -> list[Known]:
        """The documents of one source, those in the trash, too."""
        query = select(documents).where(documents.c.source == source, documents.c.status != "removing")
        with self._database.read() as connection:
            return [known_of(row) for row in connection.execute(query)]

    def same_content(
        self, sha256: str, document: str, readers: Readers
    ) -> tuple[Parsed, tuple[Chunk, ...]] | None:
        """What another document of equal bytes and equal kind of name gave, so that it is read once only.

        It has the same readers: by how fast an upload is done, nobody learns what others have.
        """
        suffix = Path(document).suffix.lower()
        if not self._database.rows(_SAME, (sha256,)):
            return None
        query = (
            select(documents, texts.c.text, texts.c.layout)
            .outerjoin(texts)
            .where(
                documents.c.sha256 == sha256,
                documents.c.readers == readers_json(readers),
                documents.c.parser_version == PARSER_VERSION,
                documents.c.cut == self.cut.name,
                documents.c.status == "indexed",
            )
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                if Path(row.path).suffix.lower() == suffix:
                    return content_of(row, connection.execute(chunks_of([row.document_id])).all())
        return None

    # ---- writing

    def save(self, batch: Sequence[Taken]) -> list[str]:
        """Write a batch down in all places; return the documents' ids in the same order.

        Raises:
            HomeUnusable: if the disk is full or read-only; the batch is then wholly in or wholly out,
                or `recover` completes it.
        """
        with self._turn:
            with self._database.write() as connection:
                replaced = rows_before(connection, batch)
                ids = [
                    replaced.get((one.source, one.document), ("", ""))[0] or self._new_id() for one in batch
                ]
                known = [document_id for document_id, _ in replaced.values()]
                taken = list(zip(ids, batch, strict=True))
                write_down(connection, taken, replaced=known, now=self._now(), stems=self._stems)
                if known:
                    due_to_wipe(connection, soon=False)
                bump(connection)
            if known:
                self._shelves.forget_vectors(known)
            self._shelves.put(ids)
            old = [sha256 for _, sha256 in replaced.values()]
            self.bytes.settle([one.sha256 for one in batch], old)
            for forget in self.gone if known else ():
                forget(known, old)
        return ids

    def touch(self, document_id: str, mtime_ns: int) -> None:
        """Note a new time for a file whose content stayed the same; the date shown stays, too."""
        with self._database.write() as connection:
            statement = update(documents).where(documents.c.document_id == document_id)
            connection.execute(statement.values(mtime_ns=mtime_ns))

    def adopt(self, moved: Mapping[str, Place]) -> None:
        """Give documents another place, and other readers, without reading their files again.

        Their ids stay, so citations of them stay good. One that was in the trash is there again.
        """
        for ids in batches(list(moved)):
            with self._turn:
                with self._database.write() as connection:
                    for row in connection.execute(whole_of(ids)).all():
                        values = placed(row, moved[row.document_id])
                        indexed = (values["title"], values["readers"]) == (row.title, row.readers)
                        if row.status in HIDDEN or not indexed:
                            values["status"] = "pending"
                        chosen = update(documents).where(documents.c.document_id == row.document_id)
                        connection.execute(chosen.values(**values))
                    bump(connection)
                self._shelves.put(self._with_status("pending", among=ids))

    def refile(self, document_ids: Sequence[str], readers: Readers, why: str) -> int:
        """Let other groups read these documents, without parsing or embedding again; return how many.

        From the first moment on nobody finds one of them who may not read it any more. `why` names the rule.
        """
        wanted = {"readers": readers_json(readers), "readers_from": why}
        count = 0
        for ids in batches(document_ids):
            with self._turn:
                with self._database.write() as connection:
                    chosen = documents.c.document_id.in_(ids) & (documents.c.status != "removing")
                    other = documents.c.readers != wanted["readers"]
                    moving = update(documents).where(chosen, other, documents.c.status == "indexed")
                    connection.execute(moving.values(status="pending"))
                    count += connection.execute(update(documents).where(chosen).values(**wanted)).rowcount
                    bump(connection)
                self._shelves.put(self._with_status("pending", among=ids))
        return count

    def change_readers(self, change: Callable[[Connection], Sequence[str]]) -> None:
        """Let `change` give documents other readers in one transaction with whatever goes with that.

        It returns their ids; those that it made `pending` are brought to their new shelves.
        """
        with self._turn:
            with self._database.write() as connection:
                ids = change(connection)
                bump(connection)
            for some in batches(ids):
                self._shelves.put(self._with_status("pending", among=some))

    def note_run(self, run_id: str, elapsed_s: float, summary: str) -> None:
        """Remember a run that ended now; `summary` is its counts and notes as JSON."""
        with self._database.write() as connection:
            now = self._now()
            row = {"run_id": run_id, "started_at": now - elapsed_s, "ended_at": now, "summary": summary}
            connection.execute(insert(runs).values(row))

    # ---- recovery

    def recover(self) -> list[str]:
        """Finish what was interrupted, put the indexes right if they do not match; say what was done."""
        with self._turn:
            done = self._shelves.mend()
            trashing, removing = self._with_status("trashing"), self._with_status("removing")
            for ids in batches(trashing):
                self._finish_trashing(ids)
            if trashing:
                done.append(f"{len(trashing)} documents were taken to the trash")
            for ids in batches(removing):
                self._finish_removal(ids)
            if removing:
                done.append(f"{len(removing)} interrupted removals were finished")
            pending = self._with_status("pending")
            self._shelves.put(pending)
            if pending:
                done.append(f"{len(pending)} interrupted documents were finished")
            done += self._shelves.compare()
            if self.traces(soon=True):
                self.wipe()
            left = self.bytes.sweep()
            if left:
                done.append(f"{left} left-over files were removed")
            return done


def cut_text(parsed: Parsed, cut: Cut) -> tuple[Chunk, ...]:
    """The chunks of what a file gave."""
    return chunk(parsed.text, pages=parsed.pages, kind=parsed.kind, cut=cut)
