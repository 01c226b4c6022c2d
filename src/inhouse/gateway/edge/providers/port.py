"""What dispatch asks of every provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["AS_ASKED", "Provider", "Standing", "Stands"]


class Provider(Protocol):
    """Talks to one engine."""

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """The events of one answer, in the grammar of `kernel.messages`.

        Closing the generator, or cancelling the task that waits for it, ends the engine's work.

        Raises:
            EngineError: while no event was given; afterwards the last event is `Failed`.
        """
        ...

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """The vectors of all inputs.

        Raises:
            EngineError: if the engine does not give them; `EngineRefused` where its kind cannot embed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model is served at the moment. `model` empty: as asked, and `remark` is empty then, too.

    Otherwise `model` is the one that answers in its place (it may be the same with less context), and
    `remark` says why, for the receipt.
    """

    model: str = ""
    remark: str = ""


AS_ASKED = Standing()


@runtime_checkable
class Stands(Protocol):
    """A provider that may serve a model otherwise than asked, for want of memory."""

    def standing(self, model: str) -> Standing:
        """How requests for the model are served now; true for a request once its first event is there."""
        ...
