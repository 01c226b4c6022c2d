"""Taking files in over HTTP: uploads, paths on this machine, and the jobs that they become."""

from __future__ import annotations

import asyncio
import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated

import anyio.from_thread
import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from inhouse.kernel.caller import EVERYONE, Caller, Readers
from inhouse.kernel.errors import (
    BadRequest,
    HomeBusy,
    HomeUnusable,
    NotFound,
    ShuttingDown,
    TooLarge,
    Unavailable,
)
from inhouse.knowledge.ports import Ingest
from inhouse.serve.access_rights import UPLOADS, chosen_readers, place_of_upload
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf, CallerOf, administers
from inhouse.serve.document_shapes import JobId, JobShape, ProgressShape, ReportShape, ReportSummary
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.wire import Receive, error_body

__all__ = ["RecentJobs", "upload_routes"]

SPARE_BYTES = 200_000_000
"""Room left on the disk after an upload: the database, the index and the log grow with it."""


MOST_OWNERS = 1_000
SOURCE = r"^[^/\x00-\x1f]*[^/\x00-\x1f\s][^/\x00-\x1f]*$"
"""A word and no `/`, so that SOURCE/PATH names one document only; an ingest of paths asks the same."""


class RecentJobs:
    """The last jobs that this server knows, and whose they are: they name files, so people see their own."""

    def __init__(self, ingest: Ingest | None, keep: int = 20) -> None:
        self._ingest = ingest
        self._keep = keep
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._turn = threading.Lock()

    def add(self, job_id: str, user: str = "") -> None:
        """Remember a job, and who started it; one that an earlier process left is nobody's."""
        with self._turn:
            self._owners.setdefault(job_id, user)
            while len(self._owners) > MOST_OWNERS:
                self._owners.popitem(last=False)

    def shows(self, caller: Caller, job_id: str) -> bool:
        """True when the caller may see the job."""
        return administers(caller) or self._owners.get(job_id) == caller.user

    def active(self, caller: Caller) -> tuple[ProgressShape, ...]:
        """Jobs that wait or run, as far as the caller may see them."""
        found = self._ingest.active() if self._ingest else ()
        for progress in found:
            self.add(progress.job_id)
        mine = (progress for progress in found if self.shows(caller, progress.job_id))
        return tuple(ProgressShape.model_validate(progress) for progress in mine)

    def finished(self, caller: Caller) -> tuple[ReportSummary, ...]:
        """Reports of finished jobs without their files, newest first."""
        with self._turn:
            newest_first = tuple(reversed(self._owners))
        mine = [job_id for job_id in newest_first if self.shows(caller, job_id)][: self._keep]
        reports = (_report(self._ingest, job_id) for job_id in mine) if self._ingest else ()
        return tuple(ReportSummary.model_validate(report.model_dump()) for report in reports if report)


class IngestBody(Body):
    """Folders and files of this machine, as absolute paths."""

    paths: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    source: str | None = Field(None, min_length=1, max_length=200)
    groups: tuple[Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")], ...] = ()


def upload_routes(parts: Parts, jobs: RecentJobs, stopping: asyncio.Event) -> APIRouter:
    """Uploads, ingest of paths, and jobs."""
    routes = open_router()

    @routes.post("/app/uploads", status_code=202, response_model=JobId)
    async def upload(
        request: Request,
        caller: CallerOf,
        name: str = Query(min_length=1, max_length=1024),
        source: str = Query(UPLOADS, min_length=1, max_length=200, pattern=SOURCE),
        group: Annotated[list[str] | None, Query(max_length=20)] = None,
    ) -> Response | JobId:
        """Keep one file and queue it; the raw body is the file. 507 when the disk has no room for it.

        `group`, once for each, chooses who may read it; without any the groups of the source do. Of people
        who do not administer, the file lies in a folder of their own.
        """
        name = place_of_upload(caller, source, name)
        readers = chosen_readers(caller, group or ())
        ingest = _writing(parts)
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdigit() else 0
        if size > parts.limits.max_file_bytes:
            raise _too_large(name, parts.limits.max_file_bytes)
        if size + SPARE_BYTES > await asyncio.to_thread(parts.free_bytes):
            full = HomeUnusable(f"There is not enough free disk space for {name!r}", hint="free some space")
            return Response(error_body(full), 507, media_type="application/json")
        body = _Body(request.receive, stopping, name=name, max_bytes=parts.limits.max_file_bytes)
        stream = io.BufferedReader(body, buffer_size=1 << 20)
        if readers is not None:
            await asyncio.to_thread(_choose, parts, caller, source, name, readers)
        job_id = await anyio.to_thread.run_sync(lambda: ingest.upload(name, stream, source=source))
        jobs.add(job_id, caller.user)
        return JobId(job_id=job_id)

    @routes.post("/app/ingest", status_code=202)
    def ingest_paths(body: IngestBody, caller: AdminOf) -> JobId:
        """Queue folders and files of the machine that inhouse runs on."""
        ingest = _writing(parts)
        paths = [_existing(path) for path in body.paths]
        job_id = ingest.submit(paths, source=body.source, readers=frozenset(body.groups or (EVERYONE,)))
        jobs.add(job_id, caller.user)
        return JobId(job_id=job_id)

    @routes.get("/app/jobs/{job_id}")
    def job(job_id: str, caller: CallerOf) -> JobShape:
        """How far a job is; its report once it has ended."""
        ingest = _known(parts, jobs, caller, job_id)
        progress = ProgressShape.model_validate(ingest.progress(job_id))
        return JobShape(progress=progress, report=_report(ingest, job_id))

    @routes.post("/app/jobs/{job_id}/cancel")
    def cancel(job_id: str, caller: CallerOf) -> Response:
        """Stop a job after the file in hand; what was taken in stays."""
        ingest = _known(parts, jobs, caller, job_id)
        ingest.progress(job_id)
        ingest.cancel(job_id)
        return JSONResponse({"job_id": job_id}, 202)

    return routes


def _report(ingest: Ingest, job_id: str) -> ReportShape | None:
    report = ingest.report(job_id)
    return ReportShape.model_validate(report) if report else None


def _writing(parts: Parts) -> Ingest:
    if parts.ingest is None:
        raise HomeBusy("Another inhouse process writes to this home", hint="wait for it, or stop it")
    return parts.ingest


def _choose(parts: Parts, caller: Caller, source: str, name: str, readers: Readers) -> None:
    """Keep who may read the upload before it is queued: from its first moment on nobody else finds it."""
    if parts.access is None:
        raise Unavailable("This server keeps no groups", hint="leave the groups out")
    parts.access.choose_readers(source, name, readers, by=caller.user)


def _known(parts: Parts, jobs: RecentJobs, caller: Caller, job_id: str) -> Ingest:
    if parts.ingest is None or not jobs.shows(caller, job_id):
        raise NotFound(f"There is no job {job_id[:80]!r}", hint="jobs are known until inhouse is stopped")
    return parts.ingest


def _existing(text: str) -> Path:
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        raise BadRequest(
            f"{text[:200]!r} is not an absolute path", hint="give the whole path, from the root on"
        )
    try:
        there = path.exists()
    except OSError as error:
        raise BadRequest(
            f"{text[:200]!r} cannot be looked at: {error.strerror}", hint="check the path"
        ) from None
    if not there:
        raise BadRequest(f"There is no file or folder {text[:500]!r}", hint="check the path")
    return path


def _too_large(name: str, max_bytes: int) -> TooLarge:
    return TooLarge(
        f"{name!r} is over {max_bytes / (1 << 20):g} MB", hint="ingest.max_file_mb holds this limit"
    )


class _Body(io.RawIOBase):
    """The request's body as a file, for a reader in another thread; nothing is held but the last piece."""

    def __init__(self, receive: Receive, stopping: asyncio.Event, *, name: str, max_bytes: int) -> None:
        self._receive = receive
        self._stopping = stopping
        self._name = name
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._piece = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    # object: RawIOBase types the buffer so; it is always writable memory of bytes
    def readinto(self, buffer: object) -> int:
        while not self._piece and self._more:
            anyio.from_thread.run(self._next)
        target = memoryview(buffer)  # type: ignore[arg-type]
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    async def _next(self) -> None:
        arriving = asyncio.ensure_future(self._receive())
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({arriving, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                raise ShuttingDown("inhouse is being stopped", hint="upload the file again")
            message = arriving.result()
        finally:
            arriving.cancel()
            stop.cancel()
        if message["type"] != "http.request":
            raise BadRequest(f"The upload of {self._name!r} was broken off", hint="upload it again")
        self._piece = memoryview(message.get("body", b""))
        self._more = message.get("more_body", False)
        self._left -= len(self._piece)
        if self._left < 0:
            raise _too_large(self._name, self._max_bytes)
