"""From what a run was asked to take in to what it has to do: one plan for each folder."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from inhouse.knowledge.edge.intake import Target, sha256_of
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.parse.ocr import installed as ocr_installed
from inhouse.knowledge.edge.parse.parsed import PARSER_VERSION
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.edge.sources import look_at_file, shown_path, walk
from inhouse.knowledge.plan import Found, Plan, ReadersOf, Rules, Unreadable, Walk
from inhouse.knowledge.plan import plan as compare
from inhouse.knowledge.plan import with_moves as keep_moved
from inhouse.knowledge.ports import IngestProgress, IngestReport

__all__ = ["Job", "OnRecord", "Planning"]


@dataclass(slots=True)
class Job:
    """A queued run. `upload` is its folder in `incoming`, None for paths of this machine.

    `seen` is what a connector found at `origin`; nothing is looked at again then.
    """

    paths: tuple[Path, ...]
    source: str | None
    readers: frozenset[str]
    progress: IngestProgress
    cancelled: threading.Event
    upload: Path | None = None
    seen: Walk | None = None
    origin: str = ""
    readers_of: ReadersOf | None = None
    report: IngestReport | None = None


class OnRecord(Protocol):
    """What an ingest asks about sources that an administrator has set up."""

    def readers_of(self, source: str) -> ReadersOf | None:
        """The rules of a source on record, None when it is not; they hold whoever takes something in."""
        ...

    def check_upload(self, source: str) -> None:
        """Raises BadRequest if the source is on record and its documents come from another place."""
        ...


@dataclass(frozen=True, slots=True)
class Planning:
    """What plans are made with. `leave_out` is a folder never taken in."""

    manifest: Manifest
    parsers: Parsers
    max_bytes: int
    leave_out: Path | None = None
    on_record: OnRecord | None = None

    def plans(self, job: Job) -> list[tuple[Plan, Target]]:
        """All plans first, so that the progress knows its whole; each folder is one plan."""
        if job.upload is not None:
            seen = Walk((_uploaded(job.upload),))
            return [self.plan(job.source or "uploads", seen, "", job.readers, removes=False)]
        if job.seen is not None:
            who = job.readers_of or job.readers
            return [self.plan(job.source or "", job.seen, job.origin, who, removes=True)]
        plans: list[tuple[Plan, Target]] = []
        taken: defaultdict[str, dict[str, Found]] = defaultdict(dict)
        for folder in _folders(job.paths):
            source = job.source or shown_path(folder.resolve().name)
            seen = walk(folder, leave_out=self.leave_out, stopped=job.cancelled.is_set)
            seen = _not_taken(seen, taken[source])
            plans.append(self.plan(source, seen, shown_path(str(folder)), job.readers, removes=True))
        for folder, seen in _single_files(job.paths).items():
            source = job.source or shown_path(folder.name) or "files"
            left = _not_taken(seen, taken[source])
            plans.append(self.plan(source, left, shown_path(str(folder)), job.readers, removes=False))
        return plans

    def plan(
        self, source: str, seen: Walk, origin: str, readers: frozenset[str] | ReadersOf, *, removes: bool
    ) -> tuple[Plan, Target]:
        """What was seen at `origin` against what is known of the source."""

        def rules_now() -> ReadersOf | None:
            return self.on_record.readers_of(source) if self.on_record else None

        own = isinstance(readers, frozenset)
        if own:
            readers = rules_now() or readers
        rules = Rules(
            origin=origin,
            readers=readers if isinstance(readers, frozenset) else frozenset(),
            by_path=None if isinstance(readers, frozenset) else readers,
            parser_version=PARSER_VERSION,
            max_bytes=self.max_bytes,
            ocr_installed=ocr_installed(self.parsers.limits.ocr_languages),
            removes=removes,
        )
        made = compare(self.manifest.known(source), _told_apart(seen), rules)
        # A connector brings its own rules along, and nobody changes its source in the middle of a look.
        return made, Target(source, rules, rules_now) if own else Target(source, rules)

    def with_moves(self, plans: list[tuple[Plan, Target]]) -> list[tuple[Plan, Target]]:
        """New files that are vanished ones at another path, also of another source of the same run."""
        moved = keep_moved([made for made, _ in plans], sha256_of)
        return [(made, target) for made, (_, target) in zip(moved, plans, strict=True)]


def _folders(paths: Sequence[Path]) -> list[Path]:
    """The paths that are folders; one that is named twice, in two spellings, is one."""
    return list({path.resolve(): path.absolute() for path in paths if path.is_dir()}.values())


def _single_files(paths: Sequence[Path]) -> dict[Path, Walk]:
    """The paths that are no folders, by the folder they lie in, as if it had been walked."""
    looked_at: dict[Path, list[Found | Unreadable]] = {}
    named = {path.parent.resolve() / path.name: path for path in paths if not path.is_dir()}
    for place in named:
        looked_at.setdefault(place.parent, []).append(look_at_file(place))
    return {
        folder: Walk(
            tuple(one for one in seen if isinstance(one, Found)),
            tuple(one for one in seen if isinstance(one, Unreadable)),
        )
        for folder, seen in looked_at.items()
    }


def _told_apart(seen: Walk) -> Walk:
    """A name that is no UTF-8 may be shown like another file's: the first one has it, for good."""
    files: dict[str, Found] = {}
    others = [
        Unreadable(file.document, "another file is shown by the same name")
        for file in seen.files
        if files.setdefault(file.document, file) is not file
    ]
    return replace(seen, files=tuple(files.values()), unreadable=(*seen.unreadable, *others))


def _not_taken(seen: Walk, taken: dict[str, Found]) -> Walk:
    """Two folders of one run may be one source: of equal paths the first has it, and `taken` grows.

    A file that is named beside its folder is there twice.
    """
    free = tuple(file for file in seen.files if file.document not in taken)
    others = [
        Unreadable(file.document, "another folder of this run has a file of the same path in this source")
        for file in seen.files
        if (first := taken.get(file.document)) and Path(first.path).resolve() != Path(file.path).resolve()
    ]
    taken.update((file.document, file) for file in free)
    return replace(seen, files=free, unreadable=(*seen.unreadable, *others))


def _uploaded(folder: Path) -> Found:
    described = json.loads((folder / "job.json").read_text("utf-8"))
    content = folder / "content"
    status = content.stat()
    return Found(described["name"], content, status.st_size, status.st_mtime_ns)
