"""What dispatch asks of every provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["Provider"]


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
