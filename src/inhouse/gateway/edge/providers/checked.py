"""What an engine promised about form, checked: answers that must fit a schema, tools that must be called.

Wraps a provider. A reader who takes the answer whole loses nothing when it is held until it was checked,
so an answer that does not fit is a failure before the first event and the next engine may try. One who
reads along gets the pieces as they come, and a failure at the end instead of `Finished`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Callable

from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.forced_tools import as_schema_request, is_forced, read_call
from inhouse.gateway.schema import check_schema, mismatch
from inhouse.kernel.errors import EngineUnfit
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    Failed,
    Finished,
    TextDelta,
    UsageSeen,
)

__all__ = ["CheckedProvider", "has_form"]


def has_form(request: ChatRequest) -> bool:
    """True when the answer's form was prescribed, so that it must be checked."""
    return request.json_schema is not None or request.json_object or is_forced(request)


class CheckedProvider:
    """One engine whose answers are checked; see `providers.port.Provider`.

    `forces_tools` False: forced tool calls are asked for as a schema (`gateway.forced_tools`).
    """

    def __init__(self, inner: Provider, name: str, *, forces_tools: bool, new_id: Callable[[], str]) -> None:
        self._inner = inner
        self._name = name
        self._forces_tools = forces_tools
        self._new_id = new_id

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        if is_forced(request) and not self._forces_tools:
            return self._call(request, model)
        if request.json_schema is not None or request.json_object:
            return self._document(request, model)
        return self._inner.stream(request, model)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        return await self._inner.embed(request, model)

    async def _document(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        schema = request.json_schema or '{"type": "object"}'
        check_schema(schema)
        held: list[ChatEvent] = []
        text = ""
        events = self._inner.stream(dataclasses.replace(request, original=None), model)
        try:
            async for event in events:
                if isinstance(event, TextDelta):
                    text += event.text
                if isinstance(event, Finished) and event.reason == "stop":
                    reason = mismatch(text, schema)
                    if reason and not request.stream:
                        raise self._unfit(reason)
                    last: ChatEvent = self._failed(reason) if reason else event
                    for each in (*held, last):
                        yield each
                    return
                if request.stream:
                    yield event
                else:
                    held.append(event)
        finally:
            await events.aclose()
        for each in held:
            yield each

    async def _call(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """Held in any case: a call is of use only when it is whole."""
        text, usage = "", None
        events = self._inner.stream(as_schema_request(request), model)
        try:
            async for event in events:
                match event:
                    case TextDelta():
                        text += event.text
                    case UsageSeen():
                        usage = event
                    case Failed():
                        yield event
                        return
                    case Finished():
                        call = read_call(text, request, self._new_id())
                        if isinstance(call, str):
                            raise self._unfit(f"{call} (it ended with `{event.reason}`)")
                        yield call
                        if usage is not None:
                            yield usage
                        yield Finished("tool_calls")
                        return
        finally:
            await events.aclose()

    def _unfit(self, reason: str) -> EngineUnfit:
        return EngineUnfit(
            f"`{self._name}`: its answer does not fit the wanted form, {reason}",
            engine=self._name,
            hint="a larger model keeps to a form more often",
        )

    def _failed(self, reason: str) -> Failed:
        error = self._unfit(reason)
        return Failed(error.code, error.message, error.hint)
