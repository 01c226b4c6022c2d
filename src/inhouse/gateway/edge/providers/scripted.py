"""An engine that plays a script: the world of tests, and of demonstrations without a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from inhouse.dialects.status import failed_of
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Failed, Finished

__all__ = ["Gate", "Scene", "ScriptedProvider", "Wait"]


class Gate(Protocol):
    """Something to wait for, such as an `asyncio.Event`; the test decides when it opens."""

    async def wait(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause in a script until the gate opens."""

    gate: Gate


Scene = ChatEvent | EngineError | Wait


class ScriptedProvider:
    """Plays one script per request: the first for the first, the last again for all that follow.

    A script that ends without `Finished` or `Failed` breaks off, as a dying engine does.
    `seen` holds the requests, `closed` counts answers that were left before their end.
    """

    def __init__(self, *scripts: Sequence[Scene], name: str = "scripted") -> None:
        self._scripts = scripts
        self._name = name
        self.seen: list[tuple[ChatRequest, str]] = []
        self.closed = 0

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        script = self._scripts[min(len(self.seen), len(self._scripts) - 1)]
        self.seen.append((request, model))
        begun = over = False
        try:
            for scene in script:
                if isinstance(scene, Wait):
                    await scene.gate.wait()
                elif isinstance(scene, EngineError):
                    over = True
                    if not begun:
                        raise scene
                    yield failed_of(scene)
                    return
                else:
                    begun, over = True, isinstance(scene, Finished | Failed)
                    yield scene
                    if over:
                        return
            over = True
            broken = EngineBroke(f"`{self._name}`: the script ended in the middle of the answer")
            if not begun:
                raise broken
            yield failed_of(broken)
        finally:
            self.closed += not over

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{self._name}` makes no embeddings", engine=self._name)
