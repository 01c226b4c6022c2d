"""Makes the vectors of documents in the background, in the one process that writes.

It finds what to do in the database (`documents.embedded` is not the model's fingerprint), so it goes on where
a dead process stopped. While a new model fills its own files the old one answers; when every document is
there, the new one does, and the old files go. Faults of the engine wait longer and longer, up to five
minutes, and are shown, never raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Row, func, select, update

from inhouse.kernel.errors import EngineBroke, InhouseError
from inhouse.knowledge.edge.embed_examine import Examiner, Judge
from inhouse.knowledge.edge.embed_leg import EmbedSettings, Engine
from inhouse.knowledge.edge.embed_store import VectorStore
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.knowledge.edge.vectors import fingerprint, unit
from inhouse.knowledge.index import EmbeddingModel, VectorEntry, text_sha
from inhouse.store.database import Database

__all__ = ["EmbedWork"]

DOCUMENTS_AT_ONCE = 8
IDLE_S, FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 1.0, 300.0
PROBE = "vacation policy"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A document without vectors of the model, as it was when it was read."""

    document_id: str
    readers: str
    ingested_at: float
    written: tuple[str, ...]


class EmbedWork:
    """The work, one task of the event loop. `settings` None: only rerankers are examined.

    What touches the disk runs in threads. `sleep` waits so many seconds.
    """

    def __init__(
        self,
        database: Database,
        store: VectorStore,
        engine: Engine | None,
        settings: EmbedSettings | None,
        examiner: Examiner,
        *,
        judge: Judge | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._store = store
        self._engine = engine
        self._settings = settings
        self._examiner = examiner
        self._judge = judge
        self._sleep = sleep
        self._dimension: int | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; `stop` ends it."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End it wherever it is; what was written stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                busy = await self.step()
                wait_s = FIRST_WAIT_S
                await self._note(trouble="")
            except (InhouseError, ValueError, OSError) as error:
                self._dimension = None
                await self._note(trouble=str(error) or type(error).__name__)
                await self._sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            await self._sleep(0 if busy else IDLE_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A fault of our own ends the work, and must not do so in silence."""
        if not task.cancelled() and task.exception() is not None:
            self._store.book.note(trouble=f"the work on vectors ended: {task.exception()!r}")

    async def step(self) -> bool:
        """Do the next piece of work; False when there is none.

        Raises:
            InhouseError: if the engine or the disk cannot.
            ValueError: if what the engine gives is of no use.
        """
        if self._settings is not None and self._engine is not None:
            model = await self._model(self._settings, self._engine)
            waiting = await asyncio.to_thread(self._next, fingerprint(model))
            if waiting:
                await self._embed(model, waiting, self._settings, self._engine)
                return True
            await asyncio.to_thread(self._settle, model)
            if await self._examiner.vectors(model, self._engine, self._settings):
                return True
        return self._judge is not None and await self._examiner.reranker(self._judge)

    async def _model(self, settings: EmbedSettings, engine: Engine) -> EmbeddingModel:
        """The model with the dimension that it has now; asked once, and again after a fault."""
        if self._dimension is None:
            (vector,) = await engine.vectors(settings.model, [settings.passage_prefix + PROBE])
            self._dimension = len(unit(vector, len(vector)))
        # Another prefix makes other vectors of the same texts.
        return EmbeddingModel(settings.model, self._dimension, settings.passage_prefix)

    # ---- one batch of documents

    def _next(self, name: str) -> list[_Waiting]:
        """The newest documents that the model does not know."""
        with self._database.read() as connection:
            query = (
                select(
                    documents.c.document_id,
                    documents.c.title,
                    documents.c.readers,
                    documents.c.ingested_at,
                    texts.c.text,
                )
                .join(texts)
                .where(_lacking(name))
                .order_by(documents.c.ingested_at.desc(), documents.c.document_id)
                .limit(DOCUMENTS_AT_ONCE)
            )
            found = []
            for row in connection.execute(query).all():
                pieces = select(chunks).where(chunks.c.document_id == row.document_id)
                parts = connection.execute(pieces.order_by(chunks.c.ordinal)).all()
                written = tuple(self._written(row.title, row.text, part) for part in parts)
                found.append(_Waiting(row.document_id, row.readers, row.ingested_at, written))
        return found

    def _written(self, title: str, text: str, part: Row[*tuple[Any, ...]]) -> str:  # Any: many types
        assert self._settings is not None
        head = "\n".join(line for line in (title, part.context) if line)
        return f"{self._settings.passage_prefix}{head}\n{text[part.start : part.end]}"

    async def _embed(
        self, model: EmbeddingModel, waiting: Sequence[_Waiting], settings: EmbedSettings, engine: Engine
    ) -> None:
        wanted = {text_sha(text): text for one in waiting for text in one.written}
        known = {sha: self._store.spare(model, sha) for sha in wanted}
        vectors = {sha: vector for sha, vector in known.items() if vector is not None}
        missing = [sha for sha in wanted if sha not in vectors]
        useless = ""
        for at in range(0, len(missing), settings.batch):
            part = missing[at : at + settings.batch]
            made = await engine.vectors(settings.model, [wanted[sha] for sha in part])
            for sha, vector in zip(part, made, strict=True):
                try:
                    vectors[sha] = unit(vector, model.dimension)
                except ValueError as error:
                    useless = str(error)
            await self._sleep(0)
        if useless and not vectors:
            raise EngineBroke(f"{settings.model}: {useless}")
        await asyncio.to_thread(self._write, model, waiting, vectors)

    def _write(
        self,
        model: EmbeddingModel,
        waiting: Sequence[_Waiting],
        vectors: Mapping[str, NDArray[numpy.float32]],
    ) -> None:
        """Keep the vectors of those documents that are still what they were.

        In one transaction of the database: whoever changes or removes a document comes before it, and is
        seen, or after it, and finds the vectors to remove.
        """
        name, index = fingerprint(model), self._store.of(model)
        with self._database.write() as connection:
            for one in waiting:
                same = (
                    _lacking(name)
                    & (documents.c.document_id == one.document_id)
                    & (documents.c.readers == one.readers)
                    & (documents.c.ingested_at == one.ingested_at)
                )
                marked = connection.execute(update(documents).where(same).values(embedded=name))
                if not marked.rowcount:
                    continue
                shas = [text_sha(text) for text in one.written]
                entries = [
                    VectorEntry(one.document_id, ordinal, sha, vectors[sha])
                    for ordinal, sha in enumerate(shas)
                    if sha in vectors
                ]
                index.replace([(one.document_id, frozenset(json.loads(one.readers)), entries)])
                self._store.remember(model, entries)
        self._note_progress(name)

    # ---- when all is there

    def _settle(self, model: EmbeddingModel) -> None:
        """The model knows every document: let it answer."""
        if self._store.book.notes().active != model and model in (one.model for one in self._store.stored()):
            self._store.promote(model)
        self._note_progress(fingerprint(model))

    def _note_progress(self, name: str) -> None:
        there = (documents.c.status == "indexed") & (documents.c.chunk_count > 0)
        with self._database.read() as connection:
            wanted = connection.execute(select(func.count()).where(there)).scalar_one()
            done = connection.execute(select(func.count()).where(there, documents.c.embedded == name))
            self._store.book.note(done=int(done.scalar_one()), wanted=int(wanted))

    async def _note(self, **changes: object) -> None:
        with contextlib.suppress(OSError):  # a full disk is said by whoever writes documents
            await asyncio.to_thread(lambda: self._store.book.note(**changes))


def _lacking(name: str) -> ColumnElement[bool]:
    return (documents.c.status == "indexed") & (documents.c.chunk_count > 0) & (documents.c.embedded != name)
