"""`inhouse ingest`: take folders and files in, with a bar, a rate and the time left."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from inhouse.cli.client import HouseClient, error_named
from inhouse.cli.output import note, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.kernel.errors import BadRequest
from inhouse.serve.document_shapes import ProgressShape, ReportShape

__all__ = ["bar", "duration", "ingest"]

BAR_EVERY_S = 0.2
LINE_EVERY_S = 5.0
LOOK_EVERY_S = 5.0
"""Looking again costs under 2 s per 10,000 unchanged files."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--source", help="Name of the source (default: the folder's name)")
@click.option("--group", "groups", multiple=True, help="Who may read it (default: everyone); may be repeated")
@click.option("--watch", is_flag=True, help="Go on: take in what changes, until Ctrl+C")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (with --watch: the last one)")
@click.pass_context
def ingest(
    context: click.Context,
    paths: tuple[str, ...],
    *,
    source: str | None,
    groups: tuple[str, ...],
    watch: bool,
    as_json: bool,
) -> None:
    """Take folders and files in; a second run does only what has changed.

    Files that are gone from a folder are removed from the house too. Ctrl+C stops after the file in
    hand; the next run goes on from there.
    """
    setup = setup_of(context)
    wanted = _Wanted(tuple(_existing(path, setup.root) for path in paths), source, groups)
    report = asyncio.run(_ingest(setup, wanted, watch=watch))
    if as_json:
        show_json(report)
    taken = report.added + report.updated + report.unchanged + report.empty
    if report.state in ("failed", "cancelled") or (report.refused and not taken):
        context.exit(1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be taken in; `paths` are absolute."""

    paths: tuple[str, ...]
    source: str | None
    groups: tuple[str, ...]


def _existing(path: str, home: Path) -> str:
    """The absolute path of something that is there, and is not inhouse's own `home`."""
    if not path.strip():
        raise BadRequest("An empty path was given", hint="name a folder or a file; `.` is this folder")
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        what = f"{shown!r} is a link to nothing" if Path(path).is_symlink() else None
        missing = what or f"There is no file or folder {shown!r}"
        raise BadRequest(missing, hint="check the path; nothing was done") from None
    except OSError as error:
        reason = f"{shown!r} cannot be looked at: {error.strerror}"
        raise BadRequest(reason, hint="check the path and its permissions; nothing was done") from None
    absolute = Path(path).absolute()
    _check_bytes(absolute)
    _check_apart(absolute.resolve(), home.resolve(), shown)
    return str(absolute)


def _check_bytes(path: Path) -> None:
    """A path travels to the house as text; below a folder that it is told of, it finds any name."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise BadRequest(
            f"The path '{shown}' is not valid UTF-8 and cannot be handed on",
            hint="rename it, or take in a folder above it; nothing was done",
        ) from None


def _check_apart(path: Path, home: Path, shown: str) -> None:
    """The home's database and copies of documents must not become documents, again at each run.

    Below a folder whose name begins with a dot it may lie: those are passed over.
    """
    if path == home or home in path.parents:
        raise BadRequest(f"{shown!r} belongs to the home {home}", hint="name the folder of your documents")
    if path in home.parents and not any(part.startswith(".") for part in home.relative_to(path).parts):
        raise BadRequest(
            f"The home {home} lies inside {shown!r}, and would be taken in with it",
            hint="name the folders beside the home, or move the home out and set INHOUSE_HOME",
        )


async def _ingest(setup: Setup, wanted: _Wanted, *, watch: bool) -> ReportShape:
    """Run once, or again and again until Ctrl+C; the last report."""
    async with setup.client("ingest", writing=True) as house:
        report = await _run(house, wanted)
        _show(report)
        while watch and report.state == "done":
            try:
                await asyncio.sleep(LOOK_EVERY_S)
            except asyncio.CancelledError:
                return report
            report = await _run(house, wanted)
            if report.added or report.updated or report.removed or report.state != "done":
                _show(report)
        return report


async def _run(house: HouseClient, wanted: _Wanted) -> ReportShape:
    """One run; Ctrl+C ends it after the file in hand."""
    job_id = await house.ingest(wanted.paths, source=wanted.source, groups=wanted.groups)
    try:
        return await _follow(house, job_id)
    except asyncio.CancelledError:
        note("\nstopping after the file in hand …")
        await house.cancel(job_id)
        return await _follow(house, job_id)


async def _follow(house: HouseClient, job_id: str) -> ReportShape:
    """Show progress until the job has its report."""
    on_terminal = sys.stderr.isatty()
    loop = asyncio.get_running_loop()
    said_at = loop.time() - LINE_EVERY_S
    while True:
        job = await house.job(job_id)
        if on_terminal:
            sys.stderr.write("\r\x1b[K" + ("" if job.report else bar(job.progress, _width())))
            sys.stderr.flush()
        elif job.report is None and loop.time() - said_at >= LINE_EVERY_S:
            said_at = loop.time()
            note(bar(job.progress, 0))
        if job.progress.error_code:
            raise error_named(job.progress.error_code, job.progress.error or "the ingest failed", "")
        if job.report:
            return job.report
        await asyncio.sleep(BAR_EVERY_S)


def _width() -> int:
    return shutil.get_terminal_size().columns


def bar(progress: ProgressShape, width: int) -> str:
    """One line: how far, how fast, how long still. `width` 0 is for a file: no drawing, no cutting."""
    if progress.state == "queued":
        return "waiting to start"
    done, total = progress.done_files, progress.total_files
    rate = done / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
    left = f"  {duration(progress.eta_s)} left" if progress.eta_s is not None else ""
    text = f"{done}/{total} files  {rate:.1f} files/s{left}"
    if not width:
        return f"{text}  {progress.current}".rstrip()
    filled = round(20 * done / total) if total else 0
    line = f"[{'#' * filled}{'.' * (20 - filled)}] {text}  {progress.current}"
    return "".join(character if character.isprintable() else "?" for character in line)[: width - 1]


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _show(report: ReportShape) -> None:
    words = "added updated moved refiled restored unchanged removed trashed empty refused".split()
    counts = ", ".join(f"{getattr(report, word)} {word}" for word in words if getattr(report, word))
    ending = {"failed": "the ingest failed: ", "cancelled": "stopped: "}.get(report.state, "")
    told = counts or ("nothing was taken in" if ending else "nothing to do")
    note(f"{ending}{told} in {report.elapsed_s:.1f} s")
    for line in report.notes:
        note(f"note: {line}")
    for outcome in report.outcomes:
        if outcome.action in ("refused", "empty"):
            note(f"{outcome.action}: {outcome.document!r}: {outcome.reason or outcome.reason_code or ''}")
