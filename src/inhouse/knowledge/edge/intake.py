"""One run of an ingest: reads what the plan says, in parallel, and writes it down in batches.

Bytes are kept first and read from where they are kept, so that a file that changes meanwhile cannot give
a text that belongs to other bytes. One bad file never ends a run; a full disk does, with all written
batches in place.
"""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar

from inhouse.kernel.caller import Readers
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge.manifest import (
    BATCH_CHARS,
    BATCH_DOCUMENTS,
    EMPTY_CODES,
    Manifest,
    Place,
    Taken,
    cut_text,
)
from inhouse.knowledge.edge.parse.parsed import Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pool import Parsers, ReadingStopped
from inhouse.knowledge.plan import (
    Filing,
    Found,
    Known,
    Plan,
    ReadersOf,
    Rules,
    Step,
    Unreadable,
    is_mass,
    says_the_same,
)
from inhouse.knowledge.ports import Action, FileOutcome, IngestProgress

__all__ = ["Intake", "Target", "full_disk_explained", "not_readable", "sha256_of"]

AHEAD = 4
"""Files under way per child: enough that a child never waits for the writer."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the files of one plan go, and by which rules.

    `rules_now` gives the rules for readers as they are in the moment of writing, where they can change while
    a run is under way; None leaves those of the plan.
    """

    source: str
    rules: Rules
    rules_now: Callable[[], ReadersOf | None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Adopted:
    """A file with the content of a document that is known, at another place or for other readers."""

    known: Known
    place: Place

    @property
    def action(self) -> Action:
        if (self.known.source, self.known.document) != (self.place.source, self.place.document):
            return "moved"
        return "restored" if self.known.trashed else "refiled"


_Filed = TypeVar("_Filed", Taken, Place)
_Read = Taken | _Adopted | Literal["same", "skipped"]


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
    notes: list[str] = field(default_factory=list)
    _adopted: list[_Adopted] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def carry_out(self, plan: Plan, target: Target) -> None:
        """Do all of a plan, or stop after the files in hand once `cancelled` is set.

        Raises:
            HomeUnusable: if the home's disk is full or read-only.
        """
        self.unchanged += plan.unchanged
        self.outcomes += [not_readable(one, target.source) for one in plan.unreadable]
        with full_disk_explained():
            # Who may read what comes first: a file that takes minutes must not keep an old rule in force.
            self._refile(plan.refile, target)
            self._take_in(plan.steps, target)
            if self.cancelled.is_set():
                return
            if plan.restore:
                self.manifest.restore([known.document_id for known in plan.restore])
                self._tell("restored", plan.restore, target)
            self._remove(plan, target)

    def _refile(self, filings: Sequence[Filing], target: Target) -> None:
        groups: dict[tuple[Readers, str], list[Known]] = {}
        with self.manifest.alone():
            now = target.rules_now()
            for one in filings:
                wanted = now(one.known.document) if now else (one.readers, one.readers_from)
                groups.setdefault(wanted, []).append(one.known)
            for (readers, why), known in groups.items():
                self.manifest.refile([one.document_id for one in known], readers, why)
        for (readers, _), known in groups.items():
            visible = [one for one in known if not one.trashed]
            self._tell("refiled", [one for one in visible if one.readers != readers], target)
            self.unchanged += sum(one.readers == readers for one in visible)

    def _remove(self, plan: Plan, target: Target) -> None:
        """Remove what is gone from the source; so many at once that it may be a mistake can be undone."""
        ids = [known.document_id for known in plan.remove]
        if not ids:
            return
        if not is_mass(len(ids), plan.known):
            self.manifest.remove(ids)
            self._tell("removed", plan.remove, target)
            return
        until = self.manifest.trash(ids)
        self._tell("removed" if until is None else "trashed", plan.remove, target)
        if until is not None:
            self.notes.append(
                f"{len(ids)} documents of {target.source!r} are gone at once and went to the trash:"
                f" `inhouse documents restore --source {target.source}` brings them back"
            )

    def _tell(self, action: Action, known: Sequence[Known], target: Target) -> None:
        self.outcomes += [FileOutcome(one.document, target.source, action, one.document_id) for one in known]

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
        self._adopted.clear()
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
                self._flush(batch, target)
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
        elif isinstance(taken, _Adopted):
            self._adopted.append(taken)
        if _is_full([one for _, one in batch]) or len(self._adopted) >= BATCH_DOCUMENTS:
            self._flush(batch, target)
        self.progress = replace(
            self.progress,
            done_files=self.progress.done_files + 1,
            done_bytes=self.progress.done_bytes + step.file.size_bytes,
            current=step.file.document,
        )
        self.report()

    def _flush(self, batch: list[tuple[Step, Taken]], target: Target) -> None:
        # Whoever changes readers meanwhile waits: what is written by the old rules is there for them to file.
        with self.manifest.alone():
            now = target.rules_now()
            if now:
                batch[:] = [(step, _filed(taken, now)) for step, taken in batch]
                self._adopted[:] = [replace(one, place=_filed(one.place, now)) for one in self._adopted]
            self._write(batch)

    def _write(self, batch: list[tuple[Step, Taken]]) -> None:
        if self._adopted:
            self.manifest.adopt({one.known.document_id: one.place for one in self._adopted})
            for one in self._adopted:
                place, known = one.place, one.known
                self.outcomes.append(FileOutcome(place.document, place.source, one.action, known.document_id))
            self._adopted.clear()
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
            document_id=step.before.document_id if step.before else "",
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
        if step.before and _is_content_of(step.before, taken, sha256, target.rules):
            self.manifest.bytes.release(sha256)
            return self._same(step.before, taken)
        same = self.manifest.same_content(sha256, file.document, readers)
        if same:
            result, cut = same
            return replace(taken, sha256=sha256, result=result, cut=cut, cut_by=self.manifest.cut.name)
        try:
            found = self.parsers.parse(self.manifest.bytes.path(sha256), file.document.rsplit("/", 1)[-1])
        except ReadingStopped:
            self.manifest.bytes.release(sha256)
            return "skipped"
        rules = self.manifest.cut
        cut = cut_text(found, rules) if isinstance(found, Parsed) else ()
        return replace(taken, sha256=sha256, result=found, cut=cut, cut_by=rules.name)

    def _same(self, before: Known, taken: Taken) -> _Read:
        """A file with known content: nothing to read, and mostly nothing to write but its time."""
        place = Place(
            source=taken.source,
            document=taken.document,
            origin=taken.origin,
            mtime_ns=taken.mtime_ns,
            readers=taken.readers,
            readers_from=taken.readers_from,
        )
        was = (before.source or taken.source, before.document, before.readers, before.readers_from)
        if before.trashed or was != (taken.source, taken.document, taken.readers, taken.readers_from):
            return _Adopted(before, place)
        self.manifest.touch(before.document_id, taken.mtime_ns)
        return "same"

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


def sha256_of(file: Found) -> str | None:
    """The hash of a file's bytes, None when it cannot be read; one that lies elsewhere is fetched for it."""
    path = Path(file.path)
    try:
        if file.fetch is not None:
            file.fetch(path)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
    finally:
        if file.fetch is not None:
            path.unlink(missing_ok=True)


def not_readable(one: Unreadable, source: str) -> FileOutcome:
    """What a report says of something that could not even be looked at."""
    refused = refusal("unreadable", one.document, one.why)
    return FileOutcome(one.document, source, "refused", None, refused.code, refused.message)


def _filed(one: _Filed, now: ReadersOf) -> _Filed:
    readers, why = now(one.document)
    return replace(one, readers=readers, readers_from=why)


def _is_content_of(before: Known, taken: Taken, sha256: str, rules: Rules) -> bool:
    """True when reading the file would give what the document has; its ending tells how it is read."""
    endings = {PurePosixPath(name).suffix.lower() for name in (before.document, taken.document)}
    return len(endings) == 1 and says_the_same(before, sha256, rules)


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
