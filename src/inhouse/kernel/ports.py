"""What one room asks of another, as protocols; `compose` joins the two sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Usage

__all__ = [
    "Account",
    "Accounts",
    "ChatModel",
    "ChatStream",
    "Embedded",
    "Embedder",
    "EngineUsed",
    "Outcome",
    "Step",
    "Where",
]

Where = Literal["local", "cloud", "none"]

Outcome = Literal["ok", "partial", "refused", "failed", "cancelled", "interrupted"]
"""How a request ended: `partial` failed after its first piece, `refused` was declined before any engine
was asked, `interrupted` was found without an end when the process that served it was gone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One model's part in an answer that several made; `confidence` is 0 to 1, None where not judged.

    Roles: `draft`, `refine`, `opinion`, `synthesis`, `single`.
    """

    role: str
    engine: str
    model: str | None
    where: Where
    ms: float
    input_tokens: int = 0
    output_tokens: int = 0
    confidence: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class EngineUsed:
    """Which engine answers and why; what a receipt and the `x-inhouse-*` headers show.

    `steps` is empty where one engine answered alone.
    """

    engine: str
    model: str | None
    where: Where
    reason: str
    steps: tuple[Step, ...] = ()


class ChatStream(Protocol):
    """One answer under way.

    `used` is final from the first event on: no other engine may take over after it.
    Leaving the iterator early, or `aclose`, cancels the engine's work.
    """

    @property
    def used(self) -> EngineUsed: ...

    def __aiter__(self) -> AsyncIterator[ChatEvent]: ...

    async def aclose(self) -> None: ...


class ChatModel(Protocol):
    """Anything that answers a chat request; which engine does is not the asker's business."""

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> ChatStream:
        """Return once the first event is there, so that a failure before it is an exception.

        `grant` None is the house itself, on behalf of `user`.

        Raises:
            OverBudget: if a budget that applies is used up.
            RateLimited: if too much is asked at once.
            NoEngine: if no engine may or can take the request.
            EngineError: if every engine tried failed before its first event.
        """
        ...

    def ready(self, request: ChatRequest) -> bool:
        """True when a known engine could take the request now; looks at the last snapshot only."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and who made them."""

    used: EngineUsed
    embeddings: Embeddings


class Embedder(Protocol):
    """Anything that turns texts into vectors."""

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        """The vectors of all inputs; raises what `ChatModel.open` raises."""
        ...


class Account(Protocol):
    """One request that was begun and will end once."""

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage,
        *,
        code: str | None = None,
        first_token_ms: float | None = None,
        cost_micros: int | None = None,
        saved_micros: int | None = None,
    ) -> None:
        """Write down how it ended; a second call does nothing.

        `cost_micros` None: the price is not known, which is not zero. `saved_micros` is what the same
        tokens would have cost at the reference model, less this cost; None when either is unknown.

        Raises:
            HomeUnusable: if it cannot be written.
        """
        ...


class Accounts(Protocol):
    """Where every request is written down before its work begins, and again when it ends.

    An answer without a model is closed with `EngineUsed("none", None, "none", …)` and `Usage(0, 0)`.
    One `request_id` may be opened several times: each is a row of its own.
    """

    def open(
        self,
        *,
        request_id: str,
        user: str,
        task: str,
        key: str = "",
        team: str = "",
        requested: str | None = None,
    ) -> Account:
        """Returns once the opening would survive the death of this process.

        `requested` is the model name that the caller asked for, None when it left the choice to the house.

        Raises:
            HomeUnusable: if it cannot be written.
        """
        ...
