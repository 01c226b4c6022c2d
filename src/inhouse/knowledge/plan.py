"""Decides what an ingest has to do, from what is known and what was found. Pure.

A file is unchanged when its size and its time are, and the parser has not learnt anything new since; when
only its readers changed, it is filed anew without being read. A file that vanished at one path and is there
with equal bytes at another has moved: its document keeps its id, so that citations of it stay good.
Removal is careful: only documents that came from this very folder, and only when the folder could be read
and was not empty. A removal of many at once is a mass deletion, which can be undone for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from inhouse.kernel.caller import Readers

__all__ = [
    "MASS_DOCUMENTS",
    "Filing",
    "Found",
    "Known",
    "Plan",
    "ReadersOf",
    "Rules",
    "Step",
    "Unreadable",
    "Walk",
    "is_mass",
    "plan",
    "says_the_same",
    "with_moves",
]

ALWAYS_RETRIED = frozenset({"unreadable", "timed_out", "out_of_memory"})
"""Reasons that lie outside the file: they may be gone without any change to it."""
MASS_DOCUMENTS = 20
MASS_SHARE = 0.2
"""A removal of more than both is a mass deletion: an unmounted folder, a wrong rule, a slip of the hand."""

ReadersOf = Callable[[str], tuple[Readers, str]]
"""A document's path below its source, to its readers and to the rule that chose them, in words."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. `document` is its path below the root, `/` between parts.

    `fetch` brings a file that lies elsewhere to `path`, None when it is there already.
    """

    document: str
    path: PurePath
    size_bytes: int
    mtime_ns: int
    fetch: Callable[[PurePath], None] | None = field(default=None, compare=False)


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
    """A document as the manifest has it. A `trashed` one is invisible, and may still come back."""

    document_id: str
    document: str
    origin: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    readers: Readers
    reason_code: str | None
    parser_version: int
    readers_from: str = ""
    source: str = ""
    trashed: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What this run brings. `origin` is the folder that is read; `removes` is False for single files.

    `readers` are those of every document, unless `by_path` chooses them one by one.
    """

    origin: str
    readers: Readers
    parser_version: int
    max_bytes: int
    ocr_installed: bool
    removes: bool = True
    by_path: ReadersOf | None = None

    def readers_of(self, document: str) -> tuple[Readers, str]:
        """Who may read the document at this path of the source, and which rule says so."""
        return self.by_path(document) if self.by_path else (self.readers, "")


@dataclass(frozen=True, slots=True)
class Step:
    """One file to take in. `before` is what is known of it, None for a new one.

    A file that moved has a `before` with another path, and may have one of another source.
    """

    file: Found
    before: Known | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """A document whose file is the same, and whose readers or their rule are not."""

    known: Known
    readers: Readers
    readers_from: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in the order of paths. `notes` are for the person who started the run.

    `restore` are documents in the trash whose unchanged files are there again. `known` counts the
    documents that the source had.
    """

    steps: tuple[Step, ...]
    unchanged: int
    remove: tuple[Known, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[str, ...]
    refile: tuple[Filing, ...] = ()
    restore: tuple[Known, ...] = ()
    known: int = 0
    vanished: tuple[Known, ...] = ()
    """Documents whose files are nowhere: those to remove, and those in the trash already."""

    @property
    def idle(self) -> bool:
        """True when there is nothing to write down."""
        return not (self.steps or self.remove or self.refile or self.restore)


def plan(known: Iterable[Known], walk: Walk, rules: Rules) -> Plan:
    """Compare the manifest's documents of one source with what was found.

    Same arguments, same plan. Time: O(known + found).
    """
    by_document = {one.document: one for one in known}
    steps: list[Step] = []
    refile: list[Filing] = []
    restore: list[Known] = []
    unchanged = 0
    for file in walk.files:
        before = by_document.get(file.document)
        if before is None or not _is_unchanged(before, file, rules):
            steps.append(Step(file, before))
            continue
        readers, why = rules.readers_of(file.document)
        if before.trashed:
            restore.append(before)
        if (before.readers, before.readers_from) != (readers, why):
            refile.append(Filing(before, readers, why))
        elif not before.trashed:
            unchanged += 1
    remove, notes = _removals(by_document.values(), walk, rules)
    if walk.skipped:
        notes.append(f"{walk.skipped} hidden, temporary or repeated files and folders were passed over")
    there = {file.document for file in walk.files}
    lost = by_document.values() if rules.removes else ()
    trashed = [one for one in lost if one.trashed and one.document not in there]
    return Plan(
        tuple(steps),
        unchanged,
        tuple(remove),
        walk.unreadable,
        tuple(notes),
        refile=tuple(refile),
        restore=tuple(restore),
        known=sum(not one.trashed for one in by_document.values()),
        vanished=(*remove, *sorted(trashed, key=lambda one: one.document)),
    )


def with_moves(plans: Sequence[Plan], sha256_of: Callable[[Found], str | None]) -> list[Plan]:
    """The same plans, where a new file with the bytes of a vanished one takes over its document.

    Only new files whose size equals that of a vanished one are hashed. A file of the same name in the same
    source is preferred, then one of the same source; each vanished document moves once. `sha256_of` gives
    None for a file that cannot be read.
    """
    vanished: dict[int, list[Known]] = {}
    for made in plans:
        for one in made.vanished:
            if one.sha256:
                vanished.setdefault(one.size_bytes, []).append(one)
    moved: set[str] = set()
    moving: list[Plan] = []
    for made in plans:
        steps = []
        for step in made.steps:
            candidates = [] if step.before else vanished.get(step.file.size_bytes, [])
            sha256 = sha256_of(step.file) if candidates else None
            equal = [one for one in candidates if one.sha256 == sha256 and one.document_id not in moved]
            before = min(equal, key=lambda one: _distance(one, step.file, made), default=None)
            if before is not None:
                moved.add(before.document_id)
            steps.append(replace(step, before=before) if before else step)
        moving.append(replace(made, steps=tuple(steps)))
    return [
        replace(made, remove=tuple(one for one in made.remove if one.document_id not in moved))
        for made in moving
    ]


def is_mass(removed: int, known: int) -> bool:
    """True when so many of a source's documents go at once that it may be a mistake."""
    return removed > max(MASS_DOCUMENTS, MASS_SHARE * known)


def says_the_same(before: Known, sha256: str, rules: Rules) -> bool:
    """True when a file with a new time or place has the old content, so that it need not be read again."""
    if before.sha256 != sha256:
        return False
    outside = before.reason_code in ALWAYS_RETRIED or before.reason_code in ("needs_ocr", "too_large")
    return not outside and before.parser_version == rules.parser_version


def _distance(one: Known, file: Found, made: Plan) -> tuple[bool, bool, str]:
    """How unlike a move from there to here looks; smaller is likelier."""
    name = file.document.rpartition("/")[2]
    return one not in made.vanished, one.document.rpartition("/")[2] != name, one.document


def _is_unchanged(before: Known, file: Found, rules: Rules) -> bool:
    if before.size_bytes != file.size_bytes or before.mtime_ns != file.mtime_ns:
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
    gone = [
        one for one in known if one.origin == rules.origin and one.document not in there and not one.trashed
    ]
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
