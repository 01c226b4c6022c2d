"""What the gateway room offers to the pages and the terminal, as values and protocols."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.ports import Outcome, Where

__all__ = [
    "EngineView",
    "Fleet",
    "Ledger",
    "LedgerRow",
    "ModelStore",
    "ModelView",
    "Outcome",
    "PullProgress",
    "UsageTotals",
]


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model that an engine offers. Sizes are None when the engine does not say."""

    name: str
    size_bytes: int | None = None
    context_tokens: int | None = None
    loaded: bool | None = None


@dataclass(frozen=True, slots=True)
class EngineView:
    """An engine at the last look. `allowed` is False for a cloud engine without consent."""

    name: str
    kind: str
    where: Where
    url: str
    state: Literal["up", "down", "found_not_allowed"]
    allowed: bool
    models: tuple[ModelView, ...]
    reason: str
    """Why it is down or not used, empty when all is well."""
    checked_at: float


class Fleet(Protocol):
    """The engines of the house."""

    def engines(self) -> tuple[EngineView, ...]:
        """The last snapshot; no I/O."""
        ...

    async def refresh(self) -> tuple[EngineView, ...]:
        """Look at all engines now, within a few seconds."""
        ...

    async def test_prompt(self, engine: str) -> tuple[str, float]:
        """Ask the engine for a few words; return them and the seconds it took.

        Raises:
            EngineError: if it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One outcome. Money is None when the price is unknown, which is not zero."""

    request_id: str
    started_at: float
    user: str
    task: str
    engine: str
    model: str | None
    where: Where
    outcome: Outcome
    code: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    estimated: bool
    cost_micros: int | None
    first_token_ms: float | None
    total_ms: float
    reason: str
    key: str = ""
    team: str = ""
    requested: str | None = None
    """The model name the caller asked for, None when it left the choice to the house."""
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    saved_micros: int | None = None


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums over ledger rows of one engine and model. `unpriced` counts rows without a known cost."""

    engine: str
    model: str | None
    where: Where
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    unpriced: int


class Ledger(Protocol):
    """What was asked of which engine, how it ended and what it took."""

    def totals(self, *, since: float = 0.0) -> tuple[UsageTotals, ...]:
        """Sums of all rows started at or after `since` (UNIX seconds), most requests first."""
        ...

    def rows(self, *, since: float = 0.0, limit: int = 100) -> tuple[LedgerRow, ...]:
        """Newest first."""
        ...


@dataclass(frozen=True, slots=True)
class PullProgress:
    """A moment of a model's download. Sizes are None while the engine does not know them."""

    status: str
    done_bytes: int | None = None
    total_bytes: int | None = None


class ModelStore(Protocol):
    """Fetches and removes models on an engine that can do it."""

    def pull(self, engine: str, model: str) -> AsyncIterator[PullProgress]:
        """Download a model; ends without an exception once it is usable.

        Raises:
            EngineError: if the engine cannot be reached or does not know the model.
        """
        ...

    async def remove(self, engine: str, model: str) -> None:
        """Remove a model.

        Raises:
            EngineError: if the engine cannot be reached or does not have the model.
        """
        ...
