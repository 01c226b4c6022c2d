"""Documents on their way out: the trash and what can still come back from it.

A single document that somebody removes is gone for good at once. Many at once may be a mistake, so they wait
in the trash, invisible, until their time is over. `start` keeps a thread that removes them then, and wipes
what removed documents left in files; both are also done when the house opens. What updated documents said
before is wiped by the same thread, every ten minutes at most.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Row, insert, select

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.errors import InhouseError, NotFound
from inhouse.knowledge.edge.certificate import Certifier, certificate_from_json, certificate_to_json
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.rows import batches, there
from inhouse.knowledge.edge.tables import documents, erasures
from inhouse.knowledge.plan import MASS_DOCUMENTS
from inhouse.knowledge.ports.removal import Certificate, Discarded, TrashedDocument
from inhouse.store.database import Database

__all__ = ["DocumentTrash"]

LOOK_S = 60.0
SOON_S = 3.0
"""After a removal, so that several in a row rewrite the index once."""
UPDATES_S = 600.0
"""Between two wipes of what updated documents said before: each rewrites the shelves that it concerns."""


class DocumentTrash:
    """`ports.removal.Trash`. Without `start` nothing happens by itself."""

    def __init__(
        self,
        database: Database,
        manifest: Manifest,
        certifier: Certifier,
        *,
        log: Callable[[str, str], None] = lambda _event, _words: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._updates_wiped = clock()
        self._database = database
        self._manifest = manifest
        self._certifier = certifier
        self._log = log
        self._woken = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    # ---- taking away

    def discard(self, caller: Caller, document_ids: Sequence[str], *, now: bool = False) -> Discarded:
        """See `ports.removal.Trash.discard`."""
        return self._discard(self._allowed(caller, document_ids), now=now)

    def discard_source(self, source: str, *, now: bool = False) -> Discarded:
        """See `ports.removal.Trash.discard_source`; what is in the trash already goes with `now` only."""
        query = select(documents.c.document_id).where(documents.c.source == source)
        with self._database.read() as connection:
            visible = list(connection.execute(query.where(there())).scalars())
            trashed = list(connection.execute(query.where(documents.c.status == "trashed")).scalars())
        if now:
            return Discarded(self._manifest.remove([*visible, *trashed]), 0)
        return self._discard(visible, now=False, many=True)

    def certify(self, caller: Caller, document_ids: Sequence[str]) -> Certificate:
        """See `ports.removal.Trash.certify`."""
        wanted = list(dict.fromkeys(document_ids))
        if len(self._allowed(caller, wanted)) != len(wanted):
            raise NotFound(
                "One of these documents is not there", hint="nothing was removed; look at documents ls"
            )
        made = self._certifier.erase(caller.user, wanted)
        with self._database.write() as connection:
            row = {"erasure_id": made.erasure_id, "erased_at": made.erased_at}
            connection.execute(insert(erasures).values(**row, body=certificate_to_json(made)))
        return made

    def certificates(self) -> tuple[Certificate, ...]:
        """See `ports.removal.Trash.certificates`."""
        query = select(erasures.c.body).order_by(erasures.c.erased_at.desc(), erasures.c.erasure_id)
        with self._database.read() as connection:
            return tuple(map(certificate_from_json, connection.execute(query).scalars()))

    # ---- the trash

    def trashed(self, *, source: str | None = None) -> tuple[TrashedDocument, ...]:
        """See `ports.removal.Trash.trashed`."""
        query = select(documents).where(documents.c.status == "trashed")
        if source is not None:
            query = query.where(documents.c.source == source)
        order = (documents.c.trashed_at.desc(), documents.c.source, documents.c.path)
        with self._database.read() as connection:
            return tuple(map(_trashed, connection.execute(query.order_by(*order))))

    def restore(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        """See `ports.removal.Trash.restore`."""
        return self._manifest.restore(self._named(names, source))

    def empty(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        """See `ports.removal.Trash.empty`."""
        return self._manifest.remove(self._named(names, source), trashed_until=math.inf)

    # ---- by itself

    def start(self) -> None:
        """Remove what is due now and from now on, and wipe soon after removals instead of within them."""
        self._manifest.wipe_soon = self._woken.set
        self._thread = threading.Thread(target=self._work, name="trash", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 30.0) -> None:
        """End the thread; what removals left in files is wiped before."""
        self._ending.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def tidy(self) -> None:
        """What the thread does each time. An error is logged and tried again the next time."""
        try:
            expired = self._manifest.expire()
            if expired:
                self._log("trash_emptied", f"{expired} documents are removed for good: their time is over")
            updates_too = self._clock() - self._updates_wiped >= UPDATES_S
            if updates_too:
                self._updates_wiped = self._clock()
            if self._manifest.traces(soon=not updates_too) and not self._manifest.wipe():
                self._log(
                    "traces_left", "the database is being read; what was removed is wiped a little later"
                )
        except (InhouseError, OSError) as error:
            self._log("trash_failed", str(error))

    def _work(self) -> None:
        while not self._ending.is_set():
            self.tidy()
            if self._woken.wait(LOOK_S):
                self._ending.wait(SOON_S)
                self._woken.clear()
        self.tidy()

    # ---- inside

    def _discard(self, ids: Sequence[str], *, now: bool, many: bool = False) -> Discarded:
        if now or not (many or len(ids) > MASS_DOCUMENTS):
            return Discarded(self._manifest.remove(ids), 0)
        until = self._manifest.trash(ids)
        return Discarded(len(ids), 0) if until is None else Discarded(0, len(ids), until)

    def _allowed(self, caller: Caller, document_ids: Sequence[str]) -> list[str]:
        """Those that the caller may see, in the order given."""
        allowed: set[str] = set()
        with self._database.read() as connection:
            for ids in batches(document_ids):
                query = select(documents.c.document_id, documents.c.readers).where(there())
                for document_id, readers in connection.execute(query.where(documents.c.document_id.in_(ids))):
                    if may_read(caller, frozenset(json.loads(readers))):
                        allowed.add(document_id)
        return [one for one in dict.fromkeys(document_ids) if one in allowed]

    def _named(self, names: Sequence[str], source: str | None) -> list[str]:
        """Ids of what is in the trash and goes by these names; of a source, or all, without names."""
        there_are = self.trashed(source=source)
        if not names:
            return [one.document_id for one in there_are]
        chosen: list[str] = []
        for name in names:
            found = [
                one.document_id
                for one in there_are
                if name in (one.document_id, one.document, f"{one.source}/{one.document}")
            ]
            if not found:
                raise NotFound(
                    f"There is no document {name!r} in the trash",
                    hint="`inhouse documents trash` shows what is",
                )
            chosen += found
        return list(dict.fromkeys(chosen))


def _trashed(row: Row[tuple[object, ...]]) -> TrashedDocument:
    return TrashedDocument(
        document_id=row.document_id,
        document=row.path,
        source=row.source,
        title=row.title,
        size_bytes=row.size_bytes,
        trashed_at=row.trashed_at,
        final_at=row.final_at,
    )
