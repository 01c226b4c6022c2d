"""Takes documents in: at once (`run`), from a queue (`submit`), and from uploads that wait on disk.

One run at a time; further ones wait. An upload lies in the home until it is taken in, so a stop between
the two loses nothing: `start` queues what is left.
"""

from __future__ import annotations

import json
import queue
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from inhouse.kernel.caller import EVERYONE
from inhouse.kernel.errors import BadRequest, InhouseError, InternalError, NotFound, TooLarge
from inhouse.knowledge.edge.intake import Intake, Target, full_disk_explained, not_readable
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.edge.planning import Job, OnRecord, Planning
from inhouse.knowledge.edge.sources import WalkStopped, shown_path
from inhouse.knowledge.plan import Plan, ReadersOf, Walk
from inhouse.knowledge.ports import FileOutcome, IngestProgress, IngestReport, IngestState

__all__ = ["DocumentIngest", "IngestSettings", "OnRecord"]

JOBS_REMEMBERED = 200
COPY_BYTES = 1 << 20
SPARE_BYTES = 64 << 20
"""Left free on the disk when an upload is accepted: the database and the index need room, too."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """`max_file_mb`: a larger file is refused unread. `workers`: files read at the same time."""

    max_file_mb: int = 100
    workers: int = 1


class DocumentIngest:
    """`ports.Ingest`. Call `start` before `submit` or `upload` are to have an effect, `stop` at the end.

    `leave_out` is a folder never taken in: our own home, which may lie inside a folder that is given.
    """

    def __init__(
        self,
        manifest: Manifest,
        parsers: Parsers,
        incoming: Path,
        *,
        settings: IngestSettings,
        new_id: Callable[[], str],
        log: Callable[[str, str], None] = lambda _event, _words: None,
        leave_out: Path | None = None,
        on_record: OnRecord | None = None,
    ) -> None:
        self._on_record = on_record
        self._manifest = manifest
        self._parsers = parsers
        self._incoming = incoming
        self._max_bytes = settings.max_file_mb << 20
        self._new_id = new_id
        self._log = log
        self._planning = Planning(manifest, parsers, self._max_bytes, leave_out, on_record)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._ending = False
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._running = threading.Lock()
        self._worker: threading.Thread | None = None

    # ---- one run

    def run(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
        on_progress: Callable[[IngestProgress], None] = lambda _progress: None,
    ) -> IngestReport:
        """See `ports.Ingest.run`.

        Raises:
            BadRequest: if a path does not exist or names no source (nothing was done).
            HomeUnusable: if the disk is full or read-only; what was reported so far is kept.
        """
        _check_paths(paths, source)
        job = self._job(tuple(paths), source, readers)
        return self._run(job, on_progress)

    def take_in(
        self,
        source: str,
        seen: Walk,
        *,
        origin: str,
        readers_of: ReadersOf,
        on_start: Callable[[str], None] = lambda _job_id: None,
    ) -> IngestReport:
        """Take in what a connector found at `origin`; waits its turn, as every run, and returns at the end.

        `on_start` is given the id under which it can be followed and cancelled meanwhile. Where there is
        nothing to do there is no job: a folder is looked at every half minute.

        Raises:
            HomeUnusable: if the disk is full or read-only; what was reported so far is kept.
        """
        made, target = self._planning.plan(source, seen, origin, readers_of, removes=True)
        if made.idle:
            return _idle_report(made, target)
        job = self._job((), source, frozenset())
        job.seen, job.origin, job.readers_of = seen, origin, readers_of
        self._remember(job)
        on_start(job.progress.job_id)
        try:
            job.report = self._run(job, lambda _progress: None)
        except InhouseError as error:
            self._fail(job, str(error), error.code)
            raise
        return job.report

    def _run(self, job: Job, on_progress: Callable[[IngestProgress], None]) -> IngestReport:
        with self._running:

            def remember(progress: IngestProgress) -> None:
                job.progress = progress
                on_progress(progress)

            intake = Intake(
                manifest=self._manifest,
                parsers=self._parsers,
                max_bytes=self._max_bytes,
                on_progress=remember,
                progress=replace(job.progress, state="running"),
                cancelled=job.cancelled,
            )
            notes: list[str] = []
            job.progress = intake.progress  # it runs, although looking through a large folder takes its time
            try:
                plans = self._planning.plans(job)
            except WalkStopped:
                plans = []
            plans = self._planning.with_moves(plans)
            intake.expect([step for made, _ in plans for step in made.steps])
            for made, target in plans:
                notes += made.notes
                intake.carry_out(made, target)
            state: IngestState = "cancelled" if job.cancelled.is_set() else "done"
            intake.progress = replace(intake.progress, state=state, current="")
            intake.report()
            report = _report(intake, notes + intake.notes)
            if report.outcomes:  # a run that changed nothing writes nothing
                self._manifest.note_run(report.job_id, report.elapsed_s, _summary(report))
            return report

    # ---- the queue

    def start(self) -> None:
        """Start the worker and queue the uploads that an earlier process left."""
        self._worker = threading.Thread(target=self._work, name="ingest-queue", daemon=True)
        self._worker.start()
        for folder in sorted(self._incoming.glob("*")) if self._incoming.is_dir() else []:
            if (folder / "job.json").is_file():
                self._queue_upload(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)  # the stop came before it was whole

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Cancel what runs, keep what waits for the next start, end the children."""
        self._ending = True
        for job in list(self._jobs.values()):
            job.cancelled.set()
        self._queue.put(None)
        if self._worker is not None:
            self._worker.join(timeout_s)
        self._parsers.close()  # a file that is still in hand is left for the next run
        if self._worker is not None:
            self._worker.join(timeout_s)

    def submit(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
    ) -> str:
        """See `ports.Ingest.submit`. Raises BadRequest if a path does not exist."""
        _check_paths(paths, source)
        return self._enqueue(self._job(tuple(paths), source, readers))

    def upload(self, name: str, stream: BinaryIO, *, source: str = "uploads") -> str:
        """See `ports.Ingest.upload`. Raises HomeUnusable if the disk is full."""
        document = _upload_name(name)
        if self._on_record:
            self._on_record.check_upload(source)
        job_id = self._new_id()
        folder = self._incoming / job_id
        with full_disk_explained():
            folder.mkdir(parents=True)
            try:
                _receive(stream, folder / "content", document, self._max_bytes)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            description = json.dumps({"name": document, "source": source})
            (folder / "job.partial").write_text(description, "utf-8")
            (folder / "job.partial").replace(folder / "job.json")
        return self._queue_upload(folder)

    def progress(self, job_id: str) -> IngestProgress:
        """See `ports.Ingest.progress`."""
        return self._find(job_id).progress

    def report(self, job_id: str) -> IngestReport | None:
        """See `ports.Ingest.report`."""
        return self._find(job_id).report

    def active(self) -> tuple[IngestProgress, ...]:
        """See `ports.Ingest.active`."""
        return tuple(
            job.progress for job in list(self._jobs.values()) if job.progress.state in ("queued", "running")
        )

    def cancel(self, job_id: str) -> None:
        """See `ports.Ingest.cancel`. A finished job stays as it is."""
        self._find(job_id).cancelled.set()

    # ---- inside

    def _work(self) -> None:
        while (job_id := self._queue.get()) is not None:
            job = self._jobs.get(job_id)
            if job is not None and not self._ending:
                self._work_on(job)

    def _work_on(self, job: Job) -> None:
        try:
            job.report = self._run(job, lambda _progress: None)
        except InhouseError as error:
            self._fail(job, str(error), error.code)
            return
        except Exception as error:  # noqa: BLE001  the worker loop: the queue outlives any one job
            self._fail(job, f"{type(error).__name__}: {error}", InternalError.code)
            return
        stopped = job.report.state == "cancelled" and self._ending
        if job.upload is not None and not stopped:
            shutil.rmtree(job.upload, ignore_errors=True)

    def _fail(self, job: Job, words: str, code: str) -> None:
        self._log("ingest_failed", words)
        job.progress = replace(job.progress, state="failed", error=words, error_code=code)
        job.report = IngestReport(job.progress.job_id, "failed", notes=(words,))

    def _job(self, paths: tuple[Path, ...], source: str | None, readers: frozenset[str]) -> Job:
        job_id = self._new_id()
        shown = source or ", ".join(shown_path(path.absolute().name) for path in paths)
        progress = IngestProgress(job_id, "queued", shown)
        return Job(paths, source, readers, progress, threading.Event())

    def _enqueue(self, job: Job) -> str:
        self._remember(job)
        self._queue.put(job.progress.job_id)
        return job.progress.job_id

    def _remember(self, job: Job) -> None:
        self._jobs[job.progress.job_id] = job
        finished = [key for key, one in self._jobs.items() if one.report is not None]
        for key in finished[: max(len(self._jobs) - JOBS_REMEMBERED, 0)]:
            del self._jobs[key]

    def _queue_upload(self, folder: Path) -> str:
        described = json.loads((folder / "job.json").read_text("utf-8"))
        progress = IngestProgress(folder.name, "queued", described["source"], current=described["name"])
        readers = frozenset({EVERYONE})
        return self._enqueue(
            Job((), described["source"], readers, progress, threading.Event(), upload=folder)
        )

    def _find(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}", hint="jobs are remembered until inhouse stops")
        return job


def _check_paths(paths: Sequence[Path], source: str | None) -> None:
    if not paths:
        raise BadRequest("No path was given", hint="name a folder or a file")
    for path in paths:
        if not path.exists():
            raise BadRequest(
                f"{shown_path(str(path))} does not exist", hint="check the spelling; nothing was taken in"
            )
    if source is not None and (not source.strip() or "/" in source or not source.isprintable()):
        raise BadRequest(f"{source!r} cannot name a source", hint="use letters and digits, without `/`")


def _receive(stream: BinaryIO, target: Path, document: str, max_bytes: int) -> None:
    free = shutil.disk_usage(target.parent).free - SPARE_BYTES
    size = 0
    with target.open("wb") as out:
        while block := stream.read(COPY_BYTES):
            size += len(block)
            if size > max_bytes:
                raise TooLarge(
                    f"{document} is larger than {max_bytes >> 20} MB",
                    hint="split it, or raise ingest.max_file_mb",
                )
            if size > free:
                raise OSError(28, "No space left on device")
            out.write(block)


def _upload_name(name: str) -> str:
    """The name as a plain relative path; it is stored as text only and never opened."""
    path = PurePosixPath(name)
    plain = bool(name.strip()) and not path.is_absolute() and "\x00" not in name and "\\" not in name
    if not plain or ".." in path.parts or len(name) > 1_000 or path.as_posix() == ".":
        raise BadRequest(
            f"{name[:200]!r} is not a plain relative path", hint="send the file's name, without `..`"
        )
    return path.as_posix()


def _summary(report: IngestReport) -> str:
    """The counts and notes of a run as JSON, without the names of files."""
    counts = replace(report, outcomes=())
    return json.dumps(asdict(counts), ensure_ascii=False)


def _idle_report(made: Plan, target: Target) -> IngestReport:
    return IngestReport(
        "",
        "done",
        unchanged=made.unchanged,
        refused=len(made.unreadable),
        outcomes=tuple(not_readable(one, target.source) for one in made.unreadable),
        notes=made.notes,
    )


def _report(intake: Intake, notes: Sequence[str]) -> IngestReport:
    def count(action: str) -> int:
        return sum(outcome.action == action for outcome in intake.outcomes)

    outcomes: tuple[FileOutcome, ...] = tuple(intake.outcomes)
    return IngestReport(
        job_id=intake.progress.job_id,
        state=intake.progress.state,
        added=count("added"),
        updated=count("updated"),
        unchanged=intake.unchanged,
        removed=count("removed"),
        trashed=count("trashed"),
        restored=count("restored"),
        moved=count("moved"),
        refiled=count("refiled"),
        empty=count("empty"),
        refused=count("refused"),
        elapsed_s=intake.progress.elapsed_s,
        outcomes=outcomes,
        notes=tuple(notes),
    )
