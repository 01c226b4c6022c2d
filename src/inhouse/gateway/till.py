"""What dispatch asks of whoever knows prices and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inhouse.gateway.policy import Attempt
from inhouse.gateway.rules import Budget
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed

__all__ = ["Charge", "Free", "Hold", "Till"]


@dataclass(frozen=True, slots=True)
class Charge:
    """What one exchange cost, and what it saved against the reference model; None where not known."""

    cost_micros: int | None
    saved_micros: int | None = None


class Hold(Protocol):
    """Money set aside for one request that is under way."""

    def settle(self, cost_micros: int | None) -> None:
        """Replace what was set aside by what it cost; None (unknown) keeps the amount set aside spent.

        A second call does nothing.
        """
        ...


class Till(Protocol):
    """Prices and budgets. Every method is called on the event loop and takes microseconds."""

    def budget(self, grant: Grant | None, user: str, model: str | None, now: float) -> Budget:
        """What may still be spent on cloud engines: the least that any budget that applies leaves."""
        ...

    def estimate(self, attempt: Attempt, input_tokens: int, output_tokens: int, now: float) -> int | None:
        """What these tokens would cost there, in micro-units of the house currency; None: not known."""
        ...

    def hold(
        self, grant: Grant | None, user: str, attempt: Attempt, cost_micros: int | None, now: float
    ) -> Hold:
        """Set the estimated cost aside in every budget that applies.

        Raises:
            OverBudget: if one of them does not leave as much.
        """
        ...

    def charge(self, used: EngineUsed, usage: Usage, at: float, seconds: float) -> Charge:
        """What it cost. `seconds` is how long the engine worked, for energy."""
        ...


class Free:
    """A till without prices or budgets: an engine costs an unknown amount, no engine costs nothing."""

    def budget(self, grant: Grant | None, user: str, model: str | None, now: float) -> Budget:
        """No cap."""
        return Budget()

    def estimate(self, attempt: Attempt, input_tokens: int, output_tokens: int, now: float) -> int | None:
        """Not known."""
        return None

    def hold(
        self, grant: Grant | None, user: str, attempt: Attempt, cost_micros: int | None, now: float
    ) -> Hold:
        """Nothing is set aside."""
        return _Nothing()

    def charge(self, used: EngineUsed, usage: Usage, at: float, seconds: float) -> Charge:
        """Nothing without an engine, else not known."""
        return Charge(0 if used.where == "none" else None)


class _Nothing:
    def settle(self, cost_micros: int | None) -> None:
        """Nothing to do."""
