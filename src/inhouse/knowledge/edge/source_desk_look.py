"""One look at one source: its connector lists, the ingest takes in, and how it went is told."""

from __future__ import annotations

import shutil
import threading
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from inhouse.kernel.errors import InhouseError, Unavailable
from inhouse.knowledge.acl_rules import FolderFile
from inhouse.knowledge.edge.connect.look import Ask, Connector, LookStopped, Seen, read_secret
from inhouse.knowledge.plan import Found, Known, ReadersOf, Walk
from inhouse.knowledge.ports import IngestReport
from inhouse.knowledge.ports.sources import SourceState
from inhouse.knowledge.source import KINDS, LookState, Outcome, Source

__all__ = ["DeskSettings", "Looking", "Shelves", "SourceLook", "Taking"]


LONGEST_WORDS = 500
SHORTEST_SECRET = 4
"""A shorter one is part of many words, and no secret."""


class Taking(Protocol):
    """The part of `DocumentIngest` that a desk needs."""

    def take_in(
        self,
        source: str,
        seen: Walk,
        *,
        origin: str,
        readers_of: ReadersOf,
        on_start: Callable[[str], None],
    ) -> IngestReport: ...

    def cancel(self, job_id: str) -> None: ...


class Shelves(Protocol):
    """What a desk does with documents that are there already."""

    def known(self, source: str) -> Iterable[Known]:
        """The documents of a source."""
        ...

    def refile(self, source: str, readers_of: ReadersOf) -> int:
        """Give every document of a source the readers that these rules say; return how many changed."""
        ...

    def let_go(self, source: str, *, now: bool) -> int:
        """Put all documents of a source into the trash, or with `now` remove them; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """`incoming` is where fetched files lie until they are read; `private_hosts` as in `connect.look.Ask`."""

    incoming: Path
    max_bytes: int
    environment: Mapping[str, str] = field(default_factory=dict)
    private_hosts: Collection[tuple[str, int]] = ()


@dataclass(slots=True)
class Looking:
    """What is under way for one source; `stopped` may be set from any thread."""

    state: SourceState
    job_id: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)


class SourceLook:
    """Looks at sources, one call for one look."""

    def __init__(
        self,
        shelves: Shelves,
        ingest: Taking,
        connectors: Mapping[str, Connector],
        settings: DeskSettings,
        *,
        now: Callable[[], float],
        log: Callable[[str, str], None],
    ) -> None:
        self._shelves = shelves
        self._ingest = ingest
        self._connectors = connectors
        self._settings = settings
        self._now = now
        self._log = log

    def sweep(self) -> None:
        """Remove what an ended process had fetched and not taken in."""
        shutil.rmtree(self._settings.incoming, ignore_errors=True)

    def check(self, source: Source) -> None:
        """See `Connector.check`; uploads have nobody to ask."""
        if source.kind != "upload":
            self._connectors[source.kind].check(source)

    def cancel(self, job_id: str) -> None:
        """End an ingest after the file in hand. Raises NotFound if there is none of that id."""
        self._ingest.cancel(job_id)

    def look(self, source: Source, under_way: Looking) -> tuple[Outcome, Seen | None]:
        """How a look went, and what was seen when it went through."""
        started = self._now()
        folder = self._settings.incoming / f"look-{threading.get_ident()}"
        try:
            ask = self._ask(source, folder, under_way)
            seen = self._connectors[source.kind].look(ask)
            try:
                seen = replace(seen, walk=_each_once(seen.walk), files=_still_in_force(source, seen))
                outcome = self._take_in(source, seen, under_way, started)
            finally:
                seen.close()
            return outcome, seen if outcome.state == "done" else None
        except LookStopped:
            return self._failed(source, started, "cancelled", "it was ended before it was through"), None
        except InhouseError as error:
            words = _without_secrets(str(error), source, self._settings.environment)
            self._log("source_failed", f"{source.name}: {words}")
            return self._failed(source, started, "failed", words), None
        except Exception as error:  # noqa: BLE001  the worker loop: one strange source must not end the others
            words = _without_secrets(f"{type(error).__name__}: {error}", source, self._settings.environment)
            self._log("source_failed", f"{source.name}: {words}")
            return self._failed(source, started, "failed", words), None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, source: Source, folder: Path, under_way: Looking) -> Ask:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return Ask(
            source=source,
            known=lambda: {one.document: one for one in self._shelves.known(source.name)},
            incoming=folder,
            max_bytes=self._settings.max_bytes,
            environment=self._settings.environment,
            now=self._now(),
            private_hosts=self._settings.private_hosts,
            stopped=under_way.stopped.is_set,
        )

    def _take_in(self, source: Source, seen: Seen, under_way: Looking, started: float) -> Outcome:
        ingest = self._ingest

        def on_start(job_id: str) -> None:
            under_way.state, under_way.job_id = "taking_in", job_id
            if under_way.stopped.is_set():  # asked for before there was a job that could be cancelled
                ingest.cancel(job_id)

        report = ingest.take_in(
            source.name,
            seen.walk,
            origin=source.origin,
            readers_of=replace(source, files=seen.files).access.readers_of,
            on_start=on_start,
        )
        outcome = _outcome(report, seen, started, self._now())
        words = (_without_secrets(one, source, self._settings.environment) for one in outcome.words)
        return replace(outcome, words=tuple(words))

    def _failed(self, source: Source, started: float, state: LookState, words: str) -> Outcome:
        before = source.outcome.failures if source.outcome else 0
        failures = before + 1 if state == "failed" else before
        return Outcome(state, started, self._now(), failures=failures, words=(words,))


def _each_once(walk: Walk) -> Walk:
    """The walk with each document once: a server may list one twice, or two under names that become one."""
    files: dict[str, Found] = {}
    for file in walk.files:
        files.setdefault(file.document, file)
    repeated = len(walk.files) - len(files)
    return replace(walk, files=tuple(files.values()), skipped=walk.skipped + repeated) if repeated else walk


def _still_in_force(source: Source, seen: Seen) -> tuple[FolderFile, ...]:
    """What files in folders say of readers, also those of folders of which nothing was seen this time.

    A folder that cannot be listed, or a disk that is not mounted, keeps its documents; without the file that
    kept people out of it, the next change of the source's readers would let them in.
    """
    if not source.files:
        return seen.files
    there = {"" for _ in seen.walk.files[:1]}
    for file in seen.walk.files:
        folder = file.document.rpartition("/")[0]
        while folder not in there:
            there.add(folder)
            folder = folder.rpartition("/")[0]
    told = there | {file.folder for file in seen.files}
    return (*seen.files, *(file for file in source.files if file.folder not in told))


def _without_secrets(words: str, source: Source, environment: Mapping[str, str]) -> str:
    """For a person's eyes: on one line, not endless, and without a secret that a server gave back."""
    for name, option in KINDS[source.kind].options.items():
        try:
            secret = read_secret(source, name, environment) if option.secret else ""
        except Unavailable:
            continue
        if len(secret) >= SHORTEST_SECRET:
            words = words.replace(secret, "***").replace(b64encode(secret.encode()).decode(), "***")
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return plain if len(plain) <= LONGEST_WORDS else plain[:LONGEST_WORDS] + "…"


def _outcome(report: IngestReport, seen: Seen, started: float, ended: float) -> Outcome:
    state: LookState = "cancelled" if report.state == "cancelled" else "done"
    reasons = [
        f"{outcome.document}: {outcome.reason or outcome.reason_code}"
        for outcome in report.outcomes
        if outcome.action == "refused"
    ]
    return Outcome(
        state=state,
        started_at=started,
        ended_at=ended,
        found=len(seen.walk.files),
        added=report.added,
        updated=report.updated,
        unchanged=report.unchanged,
        removed=report.removed,
        trashed=report.trashed,
        restored=report.restored,
        moved=report.moved,
        refiled=report.refiled,
        empty=report.empty,
        refused=report.refused,
        words=(*seen.words, *report.notes, *reasons),
    )
