"""Ollama's own chat dialect: one JSON document per line.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

from typing import Any

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.ndjson import NdjsonReader, write_ndjson
from inhouse.dialects.status import UNREADABLE, engine_error, failed_of, retry_after_s
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.errors import EngineError
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)

__all__ = [
    "EventReader",
    "EventWriter",
    "LoadedModel",
    "TaggedModel",
    "read_error",
    "read_loaded",
    "read_reply",
    "read_tags",
    "write_error",
    "write_request",
]

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class _Function(msgspec.Struct):
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")
    index: int | None = None


class _ToolCall(msgspec.Struct):
    function: _Function
    id: str = ""


class _Message(msgspec.Struct):
    content: str = ""
    thinking: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Line(msgspec.Struct):
    message: _Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None  # left out by the engine when it is 0
    eval_count: int | None = None
    error: str | None = None


class _ErrorBody(msgspec.Struct):
    error: str


class _Details(msgspec.Struct):
    context_length: int | None = None


class TaggedModel(msgspec.Struct):
    """One entry of `/api/tags`. `remote_host` is set when the model runs in Ollama's cloud."""

    name: str
    size: int | None = None
    details: _Details | None = None
    capabilities: list[str] | None = None
    remote_host: str | None = None


class LoadedModel(msgspec.Struct):
    """One entry of `/api/ps`."""

    name: str
    context_length: int | None = None


class _Tags(msgspec.Struct):
    models: list[TaggedModel] | None = None


class _Loaded(msgspec.Struct):
    models: list[LoadedModel] | None = None


_lines = msgspec.json.Decoder(_Line)
_encode = msgspec.json.Encoder().encode


def write_request(
    request: ChatRequest, *, model: str, stream: bool = True, context_tokens: int | None = None
) -> bytes:
    """The body of `POST /api/chat`.

    `context_tokens` becomes `num_ctx`: without it the engine takes 4096 on small machines and cuts the
    front of a longer prompt off, without a word.
    """
    # The body is open-ended JSON on this side of the door only.
    options: dict[str, Any] = {
        "num_ctx": context_tokens,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    options = {name: value for name, value in options.items() if value is not None}
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": each.role, "content": each.content} for each in request.messages],
        "stream": stream,
    }
    if options:
        body["options"] = options
    if request.json_schema is not None:
        body["format"] = msgspec.Raw(request.json_schema.encode())
    return _encode(body)


class EventReader:
    """Reads the lines of one answer; see `dialects.stream.EventReader`."""

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._frames = NdjsonReader(max_event_bytes)
        self._ending = Ending()
        self._tools_seen = 0
        self.ignored = 0
        """Lines after the end."""

    def read(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes."""
        try:
            return self._take_all(self._frames.read(data))
        except LineTooLong as error:
            return self._ending.fail(broken(f"the engine sent an unreadable answer: {error}"))

    def end(self) -> list[ChatEvent]:
        """A failure, unless the last line said `done`."""
        events = self._take_all(self._frames.end())
        return events + self._ending.fail(broken("the engine's answer ended before it was complete"))

    def _take_all(self, documents: list[bytes]) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        for document in documents:
            if self._ending.over:
                self.ignored += 1
            else:
                events += self._take(document)
        return events

    def _take(self, document: bytes) -> list[ChatEvent]:
        try:
            line = _lines.decode(document)
        except UNREADABLE as error:
            return self._ending.fail(broken(f"the engine sent an unreadable line: {error}"))
        if line.error is not None:
            return self._ending.fail(failed_of(engine_error(500, line.error)))
        if line.message is None and line.done is None:
            return self._ending.fail(broken("the engine sent a line that is not a part of an answer"))
        events = self._deltas(line.message)
        if line.done:
            if line.prompt_eval_count is not None or line.eval_count is not None:
                self._ending.usage = Usage(line.prompt_eval_count or 0, line.eval_count or 0)
            reason = _FINISH.get(line.done_reason or "stop", "stop")
            self._ending.reason = "tool_calls" if self._tools_seen and reason == "stop" else reason
            events += self._ending.finish()
        return events

    def _deltas(self, message: _Message | None) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        if message is None:
            return events
        if message.thinking:
            events.append(ReasoningDelta(message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        for call in message.tool_calls or ():
            index = self._tools_seen if call.function.index is None else call.function.index
            arguments = bytes(call.function.arguments).decode()
            events.append(ToolDelta(index, call.id, call.function.name, arguments))
            self._tools_seen += 1
        return events


def read_reply(body: bytes) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, as the events a stream would have given."""
    reader = EventReader(max_event_bytes=len(body) + 2)
    return [*reader.read(b" ".join(body.splitlines()) + b"\n"), *reader.end()]


def read_error(status: int, body: bytes, *, retry_after: str | None = None) -> EngineError:
    """The fault that a reply with a bad status reports."""
    try:
        message = msgspec.json.decode(body, type=_ErrorBody).error
    except UNREADABLE:
        message = body[:2000].decode("utf-8", "replace")
    return engine_error(status, message, retry_after=retry_after_s(retry_after))


def read_tags(body: bytes) -> list[TaggedModel]:
    """The models of `GET /api/tags`, newest first.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Tags).models or []


def read_loaded(body: bytes) -> list[LoadedModel]:
    """The models of `GET /api/ps`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Loaded).models or []


class EventWriter:
    """Writes the events of one answer as lines. `created_at` is RFC 3339 text."""

    def __init__(self, *, model: str, created_at: str) -> None:
        self._head = {"model": model, "created_at": created_at}
        self._usage: Usage | None = None

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event; usage is held back, because this dialect puts it in the last line.

        The arguments of a `ToolDelta` are a whole JSON object here: the dialect knows no fragments.
        """
        match event:
            case TextDelta(text):
                return self._line({"role": "assistant", "content": text})
            case ReasoningDelta(text):
                return self._line({"role": "assistant", "content": "", "thinking": text})
            case ToolDelta(index, call_id, name, arguments):
                function = {"index": index, "name": name, "arguments": msgspec.Raw(arguments.encode())}
                call = {"id": call_id, "function": function}
                return self._line({"role": "assistant", "content": "", "tool_calls": [call]})
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Finished(reason):
                return self._last(reason)
            case Failed():
                return write_ndjson(write_error(event))

    def _line(self, message: dict[str, Any]) -> bytes:  # open-ended JSON, this side of the door only
        return write_ndjson(_encode({**self._head, "message": message, "done": False}))

    def _last(self, reason: FinishReason) -> bytes:
        counts = (
            {"prompt_eval_count": self._usage.input_tokens, "eval_count": self._usage.output_tokens}
            if self._usage
            else {}
        )
        message = {"role": "assistant", "content": ""}
        done = {"done": True, "done_reason": "length" if reason == "length" else "stop"}
        return write_ndjson(_encode({**self._head, "message": message, **done, **counts}))


def write_error(failed: Failed) -> bytes:
    """The error object, for a reply body or a line."""
    return _encode({"error": failed.message})
