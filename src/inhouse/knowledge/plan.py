"""Decides what an ingest has to do, from what is known and what was found. Pure.

A file is unchanged when its size, its time and its readers are, and the parser has not learnt anything
new since. Removal is careful: only documents that came from this very folder, and only when the folder
could be read and was not empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

__all__ = ["Found", "Known", "Plan", "Rules", "Step", "Unreadable", "Walk", "plan", "says_the_same"]

ALWAYS_RETRIED = frozenset({"unreadable", "timed_out", "out_of_memory"})
"""Reasons that lie outside the file: they may be gone without any change to it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. `document` is its path below the root, `/` between parts."""

    document: str
    path: PurePath
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that is there and could not be looked at; a folder stands for all below it."""

    document: str
    why: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A folder as it was found; `skipped` counts hidden files and the like."""

    files: tuple[Found, ...]
    unreadable: tuple[Unreadable, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A document as the manifest has it."""

    document_id: str
    document: str
    origin: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    readers: frozenset[str]
    reason_code: str | None
    parser_version: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What this run brings. `origin` is the folder that is read; `removes` is False for single files."""

    origin: str
    readers: frozenset[str]
    parser_version: int
    max_bytes: int
    ocr_installed: bool
    removes: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One file to take in. `before` is what is known of it, None for a new one."""

    file: Found
    before: Known | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in the order of paths. `notes` are for the person who started the run."""

    steps: tuple[Step, ...]
    unchanged: int
    remove: tuple[Known, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[str, ...]


def plan(known: Iterable[Known], walk: Walk, rules: Rules) -> Plan:
    """Compare the manifest's documents of one source with what was found.

    Same arguments, same plan. Time: O(known + found).
    """
    by_document = {one.document: one for one in known}
    steps: list[Step] = []
    unchanged = 0
    for file in walk.files:
        before = by_document.get(file.document)
        if before is None:
            steps.append(Step(file))
        elif _is_unchanged(before, file, rules):
            unchanged += 1
        else:
            steps.append(Step(file, before))
    remove, notes = _removals(by_document.values(), walk, rules)
    if walk.skipped:
        notes.append(f"{walk.skipped} hidden, temporary or repeated files and folders were passed over")
    return Plan(tuple(steps), unchanged, tuple(remove), walk.unreadable, tuple(notes))


def says_the_same(before: Known, sha256: str, rules: Rules) -> bool:
    """True when a file with a new time has the old content, so that nothing has to be read again."""
    if before.sha256 != sha256 or before.readers != rules.readers:
        return False
    outside = before.reason_code in ALWAYS_RETRIED or before.reason_code in ("needs_ocr", "too_large")
    return not outside and before.parser_version == rules.parser_version


def _is_unchanged(before: Known, file: Found, rules: Rules) -> bool:
    same = before.size_bytes == file.size_bytes and before.mtime_ns == file.mtime_ns
    if not same or before.readers != rules.readers:
        return False
    if before.reason_code in ALWAYS_RETRIED or (before.reason_code == "needs_ocr" and rules.ocr_installed):
        return False
    if before.reason_code == "too_large":
        return file.size_bytes > rules.max_bytes
    return before.parser_version == rules.parser_version


def _removals(known: Iterable[Known], walk: Walk, rules: Rules) -> tuple[list[Known], list[str]]:
    if not rules.removes:
        return [], []
    there = {file.document for file in walk.files}
    gone = [one for one in known if one.origin == rules.origin and one.document not in there]
    hidden = [one.document for one in walk.unreadable]
    if "." in hidden:
        return [], ["The folder could not be read: nothing was removed"]
    if not walk.files and gone:
        return [], [
            f"The folder holds no files: its {len(gone)} known documents were kept, nothing was removed"
        ]
    if not walk.files and not hidden:
        return [], ["The folder holds no files: there was nothing to do"]
    kept = [one for one in gone if _is_below(one.document, hidden)]
    notes = [f"{len(kept)} documents below folders that could not be read were kept"] if kept else []
    return sorted((one for one in gone if one not in kept), key=lambda one: one.document), notes


def _is_below(document: str, folders: Sequence[str]) -> bool:
    return any(document == folder or document.startswith(folder + "/") for folder in folders)
