"""Where documents come from, as values and a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from inhouse.kernel.caller import Readers
from inhouse.knowledge.acl_rules import Rule
from inhouse.knowledge.source import Source

__all__ = ["NewSource", "SourceChange", "SourceState", "SourceView", "Sources"]

SourceState = Literal["resting", "waiting", "looking", "taking_in", "paused"]


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source that is to be. `every_s` None is what is usual for its kind, 0 only when asked.

    Without readers and rules nobody could read anything of it, which is refused.
    """

    name: str
    kind: str
    address: str
    owner: str
    readers: Readers
    rules: tuple[Rule, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    every_s: int | None = None


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What is to be different; None leaves a thing as it is. An option of "" goes back to its default."""

    owner: str | None = None
    readers: Readers | None = None
    rules: tuple[Rule, ...] | None = None
    options: Mapping[str, str] | None = None
    every_s: int | None = None


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source and what it is doing. `job_id` is that of the ingest under way, `due_at` UNIX seconds."""

    source: Source
    state: SourceState
    documents: int
    due_at: float | None = None
    job_id: str = ""


class Sources(Protocol):
    """The sources of the house; one is looked at after the other, by the process that writes."""

    def all(self) -> tuple[SourceView, ...]:
        """Every source by name."""
        ...

    def get(self, name: str) -> SourceView:
        """One source. Raises NotFound if there is none of that name."""
        ...

    def add(self, wanted: NewSource) -> SourceView:
        """Keep a new source; it is looked at as soon as it has its turn.

        Raises:
            BadRequest: if kind, address, options or readers are wrong, or nobody could read it.
            Conflict: if there is one of that name.
            MissingExtra: if what its kind needs is not installed.
        """
        ...

    def change(self, name: str, change: SourceChange) -> SourceView:
        """Change a source. New readers hold for its documents at once, not at the next look.

        Raises:
            NotFound: if there is none of that name.
            BadRequest: if nobody could read anything of it any more, or an option is wrong.
        """
        ...

    def pause(self, name: str, *, paused: bool) -> SourceView:
        """Stop looking, or go on. What was taken in stays. Raises NotFound if there is none."""
        ...

    def run(self, name: str) -> SourceView:
        """Look at it as soon as it has its turn, paused or not.

        Raises:
            NotFound: if there is none.
            BadRequest: if its kind cannot be looked at, as uploads.
        """
        ...

    def remove(self, name: str, *, now: bool) -> int:
        """Forget a source; how many documents went to the trash, or with `now` for good.

        Raises:
            NotFound: if there is none.
        """
        ...
