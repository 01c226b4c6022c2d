"""The sources of the house: kept, looked at one after the other when they are due, and let go.

One thread of the writing process does all looking. What a look finds is taken in as every other ingest is,
one run at a time. Nobody changes or removes a source in the middle of a look at it: the look is ended first,
so that no document is filed by rules that are no longer in force.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from inhouse.kernel.errors import BadRequest, HomeBusy, InhouseError, NotFound
from inhouse.knowledge.edge.source_desk_look import Looking, Shelves, SourceLook
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.ports.sources import NewSource, SourceChange, SourceState, SourceView
from inhouse.knowledge.source import KINDS, Outcome, Source, check_name, options_in, read_kind
from inhouse.knowledge.source_schedule import due_at, next_due

__all__ = ["SourceDesk"]

LONGEST_WAIT_S = 60.0
"""The clock of the house may be set: how due a source is, is looked up again after this long."""


class SourceDesk:
    """`ports.sources.Sources`. Without `looks` it only shows; `start` begins looking, `stop` ends it."""

    def __init__(
        self,
        rows: SourceRows,
        shelves: Shelves,
        looks: SourceLook | None,
        *,
        now: Callable[[], float],
        log: Callable[[str, str], None] = lambda _event, _words: None,
    ) -> None:
        self._rows = rows
        self._shelves = shelves
        self._looks = looks
        self._now = now
        self._log = log
        self._wake = threading.Condition()
        self._asked: list[str] = []
        self._under_way: dict[str, Looking] = {}
        self._taken: set[str] = set()
        self._wanted: Counter[str] = Counter()
        self._ending = False
        self._scheduled = False
        self._thread: threading.Thread | None = None

    # ---- looking it up

    def all(self) -> tuple[SourceView, ...]:
        """See `ports.sources.Sources.all`."""
        counts = self._rows.documents()
        return tuple(self._view(source, counts) for source in self._rows.all())

    def get(self, name: str) -> SourceView:
        """See `ports.sources.Sources.get`."""
        return self._view(self._rows.get(name), self._rows.documents())

    def _view(self, source: Source, counts: Mapping[str, int]) -> SourceView:
        with self._wake:
            under_way = self._under_way.get(source.name)
        state: SourceState = under_way.state if under_way else ("paused" if source.paused else "resting")
        job_id = under_way.job_id if under_way else ""
        return SourceView(source, state, counts.get(source.name, 0), due_at(source, self._now()), job_id)

    # ---- changing

    def add(self, wanted: NewSource) -> SourceView:
        """See `ports.sources.Sources.add`."""
        looks = self._writing()
        kind = read_kind(wanted.kind)
        address = "-" if kind == "upload" else wanted.address.strip()
        every_s = KINDS[kind].every_s if wanted.every_s is None else wanted.every_s
        source = Source(
            name=check_name(wanted.name),
            kind=kind,
            address=address.rstrip("/") or "/" if kind == "folder" else address,
            owner=wanted.owner.strip(),
            readers=wanted.readers,
            rules=wanted.rules,
            options=options_in(kind, wanted.options, address),
            every_s=0 if kind == "upload" else every_s,
            created_at=self._now(),
        )
        _check_readable(source)
        looks.check(source)
        with self.changing(source.name):
            self._rows.add(source)
            # What was taken in under this name before, and what of it waits in the trash, is no exception.
            self._shelves.refile(source.name, source.access.readers_of)
        return self.get(source.name)

    def change(self, name: str, change: SourceChange) -> SourceView:
        """See `ports.sources.Sources.change`."""
        looks = self._writing()
        before = self._rows.get(name)
        fields: dict[str, object] = {
            key: value
            for key in ("owner", "readers", "rules", "every_s")
            if (value := getattr(change, key)) is not None
        }
        if change.options is not None:
            wanted = {**before.options, **change.options}
            fields["options"] = options_in(before.kind, wanted, before.address)
            fields["cursor"] = ""  # what was remembered belonged to other options
        if before.kind == "upload":
            fields.pop("every_s", None)
        wanted_source = replace(before, **fields)  # type: ignore[arg-type]  # fields of Source, see above
        _check_readable(wanted_source)
        looks.check(wanted_source)
        with self.changing(name):
            after = self._rows.change(name, **fields)
            if "readers" in fields or "rules" in fields:
                self._shelves.refile(name, after.access.readers_of)
        if self._scheduled and after.kind != "upload" and not after.paused and fields.keys() - {"owner"}:
            self._queue(name)
        return self.get(name)

    def pause(self, name: str, *, paused: bool) -> SourceView:
        """See `ports.sources.Sources.pause`."""
        self._writing()
        with self.changing(name):
            self._rows.change(name, paused=paused)
        return self.get(name)

    def run(self, name: str) -> SourceView:
        """See `ports.sources.Sources.run`."""
        self._writing()
        source = self._rows.get(name)
        if source.kind == "upload":
            raise BadRequest(f"{name!r} holds uploads: there is nothing to look at", hint="upload files")
        self._queue(name)
        return self.get(name)

    def remove(self, name: str, *, now: bool) -> int:
        """See `ports.sources.Sources.remove`."""
        self._writing()
        self._rows.get(name)
        with self.changing(name):
            self._rows.remove(name)  # first: what is gone is not looked at again after a stop in between
            return self._shelves.let_go(name, now=now)

    # ---- the thread

    def start(self, *, scheduled: bool) -> None:
        """Begin to look at what is asked for, and, when `scheduled`, at what is due."""
        self._writing().sweep()
        self._scheduled = scheduled
        self._thread = threading.Thread(target=self._work, name="sources", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """End the look under way; what was taken in of it stays, and the next look goes on from there."""
        with self._wake:
            self._ending = True
            for under_way in self._under_way.values():
                under_way.stopped.set()
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while not self._ending:
            try:
                name, asked = self._next()
                if name:
                    self.look(name, asked=asked)
            except InhouseError as error:  # the database, for one, on a full disk
                self._log("sources_waiting", str(error))
                with self._wake:
                    self._wake.wait_for(lambda: self._ending, LONGEST_WAIT_S)

    def _next(self) -> tuple[str, bool]:
        """The source that is to be looked at now, and whether somebody asked; "" when it is time to end."""
        with self._wake:
            while not self._ending:
                if self._asked:
                    return self._asked.pop(0), True
                now = self._now()
                due = next_due(self._rows.all(), now) if self._scheduled else None
                left = due[0] - now if due else LONGEST_WAIT_S
                if due and left <= 0:
                    return due[1].name, False
                self._wake.wait(min(left, LONGEST_WAIT_S))
            return "", False

    def look(self, name: str, *, asked: bool = True) -> Outcome | None:
        """Look at a source now and take in what is new; how it went.

        None when there is no such source, or when nobody asked and it is not due any more.
        """
        looks = self._writing()
        with self._alone(name, gives_way=True):
            source = self._rows.find(name)
            if source is None or not (asked or _is_due(source, self._now())):
                return None
            under_way = Looking("looking")
            with self._wake:
                self._under_way[name] = under_way
                if self._ending:
                    under_way.stopped.set()
            try:
                outcome, seen = looks.look(source, under_way)
                # A look that we ended ourselves is due again at once; one that a person ended is not.
                self._rows.note(name, outcome, seen, again=under_way.stopped.is_set())
                return outcome
            finally:
                with self._wake:
                    self._under_way.pop(name, None)
                    if name in self._asked:
                        self._under_way[name] = Looking("waiting")

    # ---- inside

    def _writing(self) -> SourceLook:
        if self._looks is None:
            raise HomeBusy("Another inhouse process writes to this home", hint="wait for it, or stop it")
        return self._looks

    def _queue(self, name: str) -> None:
        with self._wake:
            if name not in self._asked:
                self._asked.append(name)
                self._under_way.setdefault(name, Looking("waiting"))
            self._wake.notify_all()

    def _end_look(self, name: str) -> None:
        """End a look at this source, also one that is only asked for. The caller holds `_wake`."""
        under_way = self._under_way.get(name)
        if name in self._asked:
            self._asked.remove(name)
        if under_way is None:
            return
        under_way.stopped.set()
        if under_way.state == "waiting":
            self._under_way.pop(name)
        if under_way.job_id and self._looks:
            with contextlib.suppress(NotFound):  # it ended in this very moment
                self._looks.cancel(under_way.job_id)

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[None]:
        """End a look at this source, let no other begin, and be the only one for the block."""
        with self._wake:
            self._wanted[name] += 1
            self._end_look(name)
        try:
            with self._alone(name):
                yield
        finally:
            with self._wake:
                self._wanted[name] -= 1
                self._wake.notify_all()

    @contextlib.contextmanager
    def _alone(self, name: str, *, gives_way: bool = False) -> Iterator[None]:
        """Wait until nobody looks at this source or changes it, and be the only one for the block.

        A look gives way to whoever waits to change it: else it could begin again just before them.
        """
        with self._wake:
            self._wake.wait_for(lambda: name not in self._taken and not (gives_way and self._wanted[name]))
            self._taken.add(name)
        try:
            yield
        finally:
            with self._wake:
                self._taken.discard(name)
                self._wake.notify_all()


def _is_due(source: Source, now: float) -> bool:
    at = due_at(source, now)
    return at is not None and at <= now


def _check_readable(source: Source) -> None:
    """Nobody is let in by default, and a source that nobody can read is most often a slip."""
    if not source.readers and not any(rule.readers for rule in source.rules):
        raise BadRequest(
            f"Nobody could read the documents of {source.name!r}",
            hint="name its groups with --group, `everyone` for all, or give --rules",
        )
