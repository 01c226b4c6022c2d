"""The OpenAI chat dialect, as spoken by llama.cpp, MLX, vLLM, SGLang, LM Studio and OpenAI.

Source: OpenAI API reference, chat completions and streaming (2026-11); deviations of the engines are
named where they are handled.
"""

from __future__ import annotations

from typing import Any

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.sse import SseReader, write_sse
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
    "WireModel",
    "read_error",
    "read_models",
    "read_props",
    "read_reply",
    "write_error",
    "write_request",
]

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Function(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, omit_defaults=True):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None  # llama.cpp, vLLM, SGLang
    reasoning: str | None = None  # LM Studio, Ollama's OpenAI surface
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    total_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Chunk(msgspec.Struct):
    # Absent is not the same as empty: the usage chunk has `choices: []`, an error object has none.
    choices: list[_Choice] | msgspec.UnsetType = msgspec.UNSET
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    message: _Delta | None = None
    finish_reason: str | None = None


class _Reply(msgspec.Struct):
    choices: list[_Message]
    usage: _Usage | None = None


class _ErrorBody(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


class _Meta(msgspec.Struct):
    n_ctx: int | None = None
    size: int | None = None


class WireModel(msgspec.Struct):
    """One entry of `/v1/models`; only vLLM gives `max_model_len`, only llama.cpp gives `meta`."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: _Meta | None = None


class _Models(msgspec.Struct):
    data: list[WireModel]


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Generation | None = None


_chunks = msgspec.json.Decoder(_Chunk)
_encode = msgspec.json.Encoder().encode


def write_request(request: ChatRequest, *, model: str, stream: bool = True, ask_usage: bool = True) -> bytes:
    """The body of `POST /v1/chat/completions`. `ask_usage` adds `stream_options`, where it is understood."""
    # The body is open-ended JSON on this side of the door only.
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": each.role, "content": each.content} for each in request.messages],
        "stream": stream,
    }
    if stream and ask_usage:
        body["stream_options"] = {"include_usage": True}
    sampling = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    body |= {name: value for name, value in sampling.items() if value is not None}
    if request.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": msgspec.Raw(request.json_schema.encode())}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return _encode(body)


class EventReader:
    """Reads the event stream of one answer; see `dialects.stream.EventReader`."""

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._frames = SseReader(max_event_bytes)
        self._ending = Ending()
        self._seen_content = False
        self.ignored = 0
        """Events after the end, which some engines send (a second `[DONE]`)."""

    def read(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes."""
        events: list[ChatEvent] = []
        try:
            frames = self._frames.read(data)
        except LineTooLong as error:
            return self._ending.fail(broken(f"the engine sent an unreadable answer: {error}"))
        for frame in frames:
            if self._ending.over:
                self.ignored += 1
            else:
                events += self._take(frame.name, frame.data)
        return events

    def end(self) -> list[ChatEvent]:
        """`Finished` when the engine had said why it stopped, else a failure."""
        if self._ending.reason is not None:
            return self._ending.finish()
        return self._ending.fail(broken("the engine's answer ended before it was complete"))

    def _take(self, name: str, data: bytes) -> list[ChatEvent]:
        if data.strip() == b"[DONE]":
            if self._ending.reason is None and not self._seen_content:
                return self._ending.fail(broken("the engine said that it is done without an answer"))
            return self._ending.finish()
        if name == "error":
            return self._ending.fail(failed_of(read_error(500, data)))
        try:
            chunk = _chunks.decode(data)
        except UNREADABLE as error:
            return self._ending.fail(broken(f"the engine sent an unreadable event: {error}"))
        if bytes(chunk.error) != b"null":
            return self._ending.fail(failed_of(read_error(500, data)))
        if chunk.usage is not None:
            self._ending.usage = _usage(chunk.usage)
        if isinstance(chunk.choices, msgspec.UnsetType):
            if chunk.usage is not None:
                return []
            return self._ending.fail(broken("the engine sent an event that is not a part of an answer"))
        events: list[ChatEvent] = []
        for choice in chunk.choices[:1]:
            events += _deltas(choice.delta)
            if choice.finish_reason:
                self._ending.reason = _FINISH.get(choice.finish_reason, "stop")
        self._seen_content = self._seen_content or bool(events)
        return events


def read_reply(body: bytes) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, as the events a stream would have given."""
    ending = Ending()
    try:
        reply = msgspec.json.decode(body, type=_Reply)
        choice = reply.choices[0]
    except (*UNREADABLE, IndexError) as error:
        return ending.fail(broken(f"the engine's answer cannot be read: {error}"))
    ending.usage = _usage(reply.usage) if reply.usage else None
    ending.reason = _FINISH.get(choice.finish_reason or "stop", "stop")
    return [*_deltas(choice.message), *ending.finish()]


def read_error(status: int, body: bytes, *, retry_after: str | None = None) -> EngineError:
    """The fault that a reply with a bad status, or an error event, reports.

    Reads OpenAI's object, MLX's plain string, vLLM's flat object and FastAPI's `detail`.
    """
    message, words = _error_words(body)
    return engine_error(status, message, words=words, retry_after=retry_after_s(retry_after))


def read_models(body: bytes) -> list[WireModel]:
    """The models of `GET /v1/models`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Models).data


def read_props(body: bytes) -> int | None:
    """The context of one slot, from llama.cpp's `GET /props`; `n_ctx` elsewhere counts all slots together.

    Raises:
        ValueError: if the body is something else.
    """
    generation = msgspec.json.decode(body, type=_Props).default_generation_settings
    return generation.n_ctx if generation else None


class EventWriter:
    """Writes the events of one answer as an event stream; one id and one time for all of it."""

    def __init__(self, *, reply_id: str, model: str, created: int, include_usage: bool = True) -> None:
        self._head = {"id": reply_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._include_usage = include_usage
        self._usage: Usage | None = None

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event; usage is held back, because this dialect puts it after the end."""
        match event:
            case TextDelta(text):
                return self._chunk(_Delta(content=text))
            case ReasoningDelta(text):
                return self._chunk(_Delta(reasoning_content=text))
            case ToolDelta(index, call_id, name, arguments):
                function = _Function(name=name or None, arguments=arguments)
                call = _ToolCall(index=index, id=call_id or None, type="function", function=function)
                return self._chunk(_Delta(tool_calls=[call]))
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Finished(reason):
                return self._chunk(_Delta(), reason) + self._usage_chunk() + write_sse(b"[DONE]")
            case Failed():
                return self._usage_chunk() + write_sse(write_error(event))

    def _chunk(self, delta: _Delta, reason: FinishReason | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return write_sse(_encode({**self._head, "choices": [choice]}))

    def _usage_chunk(self) -> bytes:
        if self._usage is None or not self._include_usage:
            return b""
        used = self._usage
        usage = _Usage(
            prompt_tokens=used.input_tokens,
            completion_tokens=used.output_tokens,
            total_tokens=used.input_tokens + used.output_tokens,
            prompt_tokens_details=_PromptDetails(cached_tokens=used.cached_tokens),
        )
        return write_sse(_encode({**self._head, "choices": [], "usage": usage}))


def write_error(failed: Failed) -> bytes:
    """The error object, for a reply body or an event."""
    error = {"message": failed.message, "type": "api_error", "param": None, "code": failed.code}
    return _encode({"error": error})


def _usage(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else 0
    return Usage(usage.prompt_tokens, usage.completion_tokens or 0, cached or 0)


def _deltas(delta: _Delta | None) -> list[ChatEvent]:
    if delta is None:
        return []
    events: list[ChatEvent] = []
    if thought := delta.reasoning_content or delta.reasoning:
        events.append(ReasoningDelta(thought))
    if delta.content:
        events.append(TextDelta(delta.content))
    for call in delta.tool_calls or ():
        function = call.function or _Function()
        events.append(ToolDelta(call.index, call.id or "", function.name or "", function.arguments or ""))
    return events


def _error_words(body: bytes) -> tuple[str, frozenset[str]]:
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        return body[:2000].decode("utf-8", "replace"), frozenset()
    if isinstance(document, dict):
        document = document.get("error") or document.get("detail") or document
    if isinstance(document, str):
        return document, frozenset()
    try:
        error = msgspec.convert(document, _ErrorBody)
    except msgspec.ValidationError:
        return str(document), frozenset()
    return error.message or str(document), frozenset({str(error.type), str(error.code)})
