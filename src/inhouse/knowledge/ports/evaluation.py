"""What is remembered of evaluations, and the questions that a house has collected itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.knowledge.judge import Expected

__all__ = ["EvalBook", "EvalKind", "EvalRun"]

EvalKind = Literal["retrieval", "answers"]


@dataclass(frozen=True, slots=True)
class EvalRun:
    """A finished evaluation. `data` is the SHA-256 of its questions; `scores` are by question id and name.

    `means` are over all questions. `made_with` says in words what was measured: version, prompts, legs.
    """

    kind: EvalKind
    ran_at: float
    data: str
    made_with: str
    means: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]]


class EvalBook(Protocol):
    """Runs and golden questions in the database; every method blocks on the disk."""

    def runs(self, *, kind: EvalKind | None = None, data: str = "", limit: int = 20) -> tuple[EvalRun, ...]:
        """Newest first; `data` leaves only runs over the same questions."""
        ...

    def keep(self, run: EvalRun) -> None:
        """Remember a run."""
        ...

    def golden(self) -> tuple[Expected, ...]:
        """The house's own questions, oldest first."""
        ...

    def add_golden(self, questions: Sequence[Expected], *, origin: Literal["import", "feedback"]) -> int:
        """Keep questions; those whose id is known are replaced. Returns how many there are now."""
        ...

    def remove_golden(self, question_id: str) -> None:
        """Forget one. Raises NotFound if there is none of that id."""
        ...
