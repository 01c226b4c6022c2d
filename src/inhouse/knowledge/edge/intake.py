"""One run of an ingest: reads what the plan says, in parallel, and writes it down in batches.

Bytes are kept first and read from where they are kept, so that a file that changes meanwhile cannot give
a text that belongs to other bytes. One bad file never ends a run; a full disk does, with all written
batches in place.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge.manifest import (
    BATCH_CHARS,
    BATCH_DOCUMENTS,
    EMPTY_CODES,
    Manifest,
    Taken,
    cut_text,
)
from inhouse.knowledge.edge.parse.parsed import Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pool import Parsers, ReadingStopped
from inhouse.knowledge.plan import Found, Plan, Rules, Step, Unreadable, says_the_same
from inhouse.knowledge.ports import Action, FileOutcome, IngestProgress

__all__ = ["Intake", "Target", "full_disk_explained", "not_readable"]

AHEAD = 4
"""Files under way per child: enough that a child never waits for the writer."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the files of one plan go, and by which rules."""

    source: str
    rules: Rules


_Read = Taken | Literal["same", "skipped"]


@dataclass(slots=True)
class Intake:
    """The state of one run. `cancelled` may be set from any thread; the files in hand are finished."""

    manifest: Manifest
    parsers: Parsers
    max_bytes: int
    on_progress: Callable[[IngestProgress], None]
    progress: IngestProgress
    cancelled: threading.Event = field(default_factory=threading.Event)
    outcomes: list[FileOutcome] = field(default_factory=list)
    unchanged: int = 0
    _started: float = field(default_factory=time.monotonic)

    def carry_out(self, plan: Plan, target: Target) -> None:
        """Do all of a plan, or stop after the files in hand once `cancelled` is set.

        Raises:
            HomeUnusable: if the home's disk is full or read-only.
        """
        self.unchanged += plan.unchanged
        self.outcomes += [not_readable(one, target.source) for one in plan.unreadable]
        with full_disk_explained():
            self._take_in(plan.steps, target)
            if plan.remove and not self.cancelled.is_set():
                self.manifest.remove([known.document_id for known in plan.remove])
                self.outcomes += [
                    FileOutcome(known.document, target.source, "removed", known.document_id)
                    for known in plan.remove
                ]

    def expect(self, steps: Sequence[Step]) -> None:
        """Announce work, for the progress."""
        self.progress = replace(
            self.progress,
            total_files=self.progress.total_files + len(steps),
            total_bytes=self.progress.total_bytes + sum(step.file.size_bytes for step in steps),
        )
        self.report()

    def report(self) -> None:
        """Tell the listener how far the run is."""
        elapsed = time.monotonic() - self._started
        done, total = self.progress.done_files, self.progress.total_files
        share = done / total if total else 0.0
        # Bytes say little about time (a scan against a log), files do on the whole.
        eta = elapsed / share - elapsed if done >= 3 and elapsed > 1.0 else None
        self.progress = replace(self.progress, elapsed_s=elapsed, eta_s=eta)
        self.on_progress(self.progress)

    # ---- the pipeline

    def _take_in(self, steps: Sequence[Step], target: Target) -> None:
        waiting: deque[tuple[Step, Future[_Read]]] = deque()
        batch: list[tuple[Step, Taken]] = []
        todo = iter(steps)
        with ThreadPoolExecutor(self.parsers.workers, thread_name_prefix="ingest") as pool:
            try:
                while True:
                    while len(waiting) < AHEAD * self.parsers.workers and not self.cancelled.is_set():
                        step = next(todo, None)
                        if step is None:
                            break
                        waiting.append((step, pool.submit(self._read, step, target)))
                    if not waiting:
                        break
                    step, future = waiting.popleft()
                    self._collect(step, future.result(), batch, target)
                self._flush(batch)
            except BaseException:
                self.cancelled.set()
                self.parsers.interrupt()  # nobody waits two minutes for a file whose text is not wanted
                self._give_up(waiting, batch)
                raise

    def _collect(self, step: Step, taken: _Read, batch: list[tuple[Step, Taken]], target: Target) -> None:
        if taken == "same":
            self.unchanged += 1
        elif isinstance(taken, Taken):
            if isinstance(taken.result, Refused) and taken.result.code == "unreadable" and step.before:
                # The last good state is worth more than the note that today nobody can read the file.
                self.outcomes.append(_outcome(target.source, taken, "refused", step.before.document_id))
            else:
                batch.append((step, taken))
        if _is_full([one for _, one in batch]):
            self._flush(batch)
        self.progress = replace(
            self.progress,
            done_files=self.progress.done_files + 1,
            done_bytes=self.progress.done_bytes + step.file.size_bytes,
            current=step.file.document,
        )
        self.report()

    def _flush(self, batch: list[tuple[Step, Taken]]) -> None:
        if not batch:
            return
        ids = self.manifest.save([taken for _, taken in batch])
        for document_id, (step, taken) in zip(ids, batch, strict=True):
            action: Action = "updated" if step.before else "added"
            self.outcomes.append(_outcome(taken.source, taken, action, document_id))
        batch.clear()

    def _give_up(self, waiting: deque[tuple[Step, Future[_Read]]], batch: list[tuple[Step, Taken]]) -> None:
        """Let go of what was read but will not be written down."""
        for step, future in waiting:
            if not future.cancel() and future.exception() is None:
                taken = future.result()
                if isinstance(taken, Taken):
                    batch.append((step, taken))
        for _, taken in batch:
            if taken.sha256:
                self.manifest.bytes.release(taken.sha256)

    def _read(self, step: Step, target: Target) -> _Read:
        """What a file gives, `same` if it has the content that is known already."""
        file = step.file
        if self.cancelled.is_set():
            return "skipped"
        readers, readers_from = target.rules.readers_of(file.document)
        taken = Taken(
            source=target.source,
            document=file.document,
            origin=target.rules.origin,
            sha256="",
            size_bytes=file.size_bytes,
            mtime_ns=file.mtime_ns,
            readers=readers,
            readers_from=readers_from,
            result=refusal(
                "too_large", file.document, f"{file.size_bytes:,} bytes, more than {self.max_bytes:,}"
            ),
        )
        if file.size_bytes > self.max_bytes:
            return taken
        try:
            sha256 = self._keep(file)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise
            if error.errno == errno.EFBIG:  # of some remote files the size is known when they are here
                return replace(taken, result=refusal("too_large", file.document, str(error.strerror)))
            why = error.strerror or type(error).__name__
            return replace(taken, result=refusal("unreadable", file.document, why.lower()))
        if step.before and says_the_same(step.before, sha256, target.rules):
            self.manifest.touch(step.before.document_id, file.mtime_ns)
            self.manifest.bytes.release(sha256)
            return "same"
        same = self.manifest.same_content(sha256, file.document)
        if same:
            result, cut = same
            return replace(taken, sha256=sha256, result=result, cut=cut)
        try:
            found = self.parsers.parse(self.manifest.bytes.path(sha256), file.document.rsplit("/", 1)[-1])
        except ReadingStopped:
            self.manifest.bytes.release(sha256)
            return "skipped"
        return replace(
            taken, sha256=sha256, result=found, cut=cut_text(found) if isinstance(found, Parsed) else ()
        )

    def _keep(self, file: Found) -> str:
        """Keep a file's bytes; one that lies elsewhere is fetched for the time of it."""
        path = Path(file.path)
        if file.fetch is None:
            return self.manifest.bytes.keep(path)
        try:
            file.fetch(path)
            return self.manifest.bytes.keep(path)
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def full_disk_explained() -> Iterator[None]:
    """A full or read-only disk becomes `HomeUnusable`; every other OSError passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise HomeUnusable(
            f"The home could not be written: {(error.strerror or 'no space').lower()}",
            hint="free some space and run it again; everything reported so far is kept",
        ) from error


def not_readable(one: Unreadable, source: str) -> FileOutcome:
    """What a report says of something that could not even be looked at."""
    refused = refusal("unreadable", one.document, one.why)
    return FileOutcome(one.document, source, "refused", None, refused.code, refused.message)


def _is_full(batch: Sequence[Taken]) -> bool:
    chars = sum(len(one.result.text) for one in batch if isinstance(one.result, Parsed))
    return len(batch) >= BATCH_DOCUMENTS or chars >= BATCH_CHARS


def _outcome(source: str, taken: Taken, action: Action, document_id: str | None) -> FileOutcome:
    refused = taken.result if isinstance(taken.result, Refused) else None
    if refused:
        action = "empty" if refused.code in EMPTY_CODES else "refused"
    return FileOutcome(
        document=taken.document,
        source=source,
        action=action,
        document_id=document_id,
        reason_code=refused.code if refused else None,
        reason=refused.message if refused else None,
        size_bytes=taken.size_bytes,
    )
