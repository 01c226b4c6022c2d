"""What the wire surfaces are made of, handed over in one value by `compose`.

Nothing here may load FastAPI or the knowledge room: `serve --role gateway` lives on this alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from inhouse.dialects.openai_pass import PassedReply
from inhouse.gateway.ports import ModelStore, Offer
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import InhouseError
from inhouse.kernel.messages import ChatEvent, ChatRequest, DataPolicy
from inhouse.kernel.ports import Accounts, ChatModel, ChatStream, Embedder, EngineUsed

__all__ = ["Admission", "Catalogue", "Express", "Gatekeeper", "Offer", "PlaneParts", "Trip"]


class Catalogue(Protocol):
    """The models of the house as callers see them."""

    def offers(self, grant: Grant) -> tuple[Offer, ...]:
        """Every model name this caller may use now, each name once, best engine first; no I/O."""
        ...

    def stands_for(self, name: str, grant: Grant, data: DataPolicy = "any") -> Offer | None:
        """What would answer this caller under that name now, listed or not, None when nobody; no I/O."""
        ...

    def why_not(self, name: str, grant: Grant, data: DataPolicy = "any") -> InhouseError | None:
        """What a request under that name would be told instead of an answer, None where somebody answers.

        `NotFound` only where the name means nothing here.
        """
        ...


class Admission(Protocol):
    """One admitted request; counts against parallel streams until it is closed."""

    def close(self, tokens: int = 0) -> None:
        """It ended and used that many tokens; a second call does nothing."""
        ...


class Gatekeeper(Protocol):
    """Knows keys and limits. Every method takes microseconds and reads no disk."""

    def grant(self, secret: str, *, user: str, loopback: bool) -> Grant:
        """What the bearer of this secret may do; `secret` is empty without a key.

        `user` is what `x-inhouse-user` said; it is believed on loopback without a key only.

        Raises:
            Unauthorized: if the key is wrong, expired or revoked, or there is none and one is needed.
        """
        ...

    def admit(self, grant: Grant) -> Admission:
        """Count one request in.

        Raises:
            RateLimited: if it is one too many.
        """
        ...


class Trip(Protocol):
    """One request on its way; asked once, by `whole` or by `open`."""

    @property
    def model(self) -> str | None:
        """The name that was asked for, None where there was none."""
        ...

    @property
    def stream(self) -> bool:
        """The caller reads piece by piece."""
        ...

    @property
    def include_usage(self) -> bool:
        """The stream ends with the usage."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """An estimate."""
        ...

    @property
    def used(self) -> EngineUsed:
        """Which engine answered, once `whole` gave its answer in one piece."""
        ...

    @property
    def tokens(self) -> int:
        """What that answer took in all."""
        ...

    async def whole(self, request_id: str) -> PassedReply | list[ChatEvent] | ChatStream:
        """The answer in one piece, as bytes for the caller or as all its events; a stream of events where
        the engine gives nothing else, or another one had to take over.

        Raises:
            InhouseError: what `ChatModel.open` raises.
        """
        ...

    async def open(self, request_id: str) -> ChatStream:
        """The answer piece by piece; returns and raises as `ChatModel.open` does."""
        ...


class Express(Protocol):
    """The short way of ordinary requests."""

    def trip(self, body: bytes, grant: Grant) -> Trip | None:
        """The way of a chat completion (OpenAI's dialect); None where it must take the long one.

        Raises:
            BadRequest: if the request is wrong.
        """
        ...

    def carry(self, request: ChatRequest, grant: Grant) -> Trip | None:
        """The way of a request in any dialect whose answer is wanted in one piece; None for the long one."""
        ...


@dataclass(frozen=True, slots=True)
class PlaneParts:
    """The open gateway. Setting `stopping` ends streams; `accounts` are those `chat` and `embedder` keep.

    Without `express` every request takes the long way.
    """

    version: str
    chat: ChatModel
    embedder: Embedder
    accounts: Accounts
    catalogue: Catalogue
    gate: Gatekeeper
    models: ModelStore
    stopping: asyncio.Event
    clock: Callable[[], float]
    new_id: Callable[[], str]
    express: Express | None = None
