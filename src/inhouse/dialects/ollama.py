"""Ollama's own dialect: one JSON document per line. The answers; its other shapes stand beside this.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.ndjson import NdjsonReader
from inhouse.dialects.ollama_context import write_context
from inhouse.dialects.ollama_embed import (
    read_embed,
    read_embeddings,
    read_vector,
    read_vectors,
    write_embed,
    write_embedding,
    write_vector,
    write_vectors,
)
from inhouse.dialects.ollama_lists import (
    Listed,
    LoadedModel,
    Moment,
    TaggedModel,
    Told,
    is_cloud_name,
    plain_name,
    read_loaded,
    read_moment,
    read_named,
    read_show,
    read_tags,
    rfc3339,
    tagged,
    write_loaded,
    write_moment,
    write_show,
    write_tags,
)
from inhouse.dialects.ollama_request import read_generate, read_request
from inhouse.dialects.ollama_send import wants_generate, write_request
from inhouse.dialects.ollama_writer import (
    EventWriter,
    Spent,
    write_error,
    write_loaded_reply,
    write_reply,
)
from inhouse.dialects.status import UNREADABLE, engine_error, failed_of, retry_after_s
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.errors import EngineError
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    Timing,
    TokenScore,
    ToolDelta,
    Usage,
)

__all__ = [
    "EventReader",
    "EventWriter",
    "Listed",
    "LoadedModel",
    "Moment",
    "Spent",
    "TaggedModel",
    "Told",
    "is_cloud_name",
    "plain_name",
    "read_embed",
    "read_embeddings",
    "read_error",
    "read_generate",
    "read_loaded",
    "read_moment",
    "read_named",
    "read_reply",
    "read_request",
    "read_show",
    "read_tags",
    "read_vector",
    "read_vectors",
    "rfc3339",
    "tagged",
    "wants_generate",
    "write_context",
    "write_embed",
    "write_embedding",
    "write_error",
    "write_loaded",
    "write_loaded_reply",
    "write_moment",
    "write_reply",
    "write_request",
    "write_show",
    "write_tags",
    "write_vector",
    "write_vectors",
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


class _Alternative(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0


class _Score(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Line(msgspec.Struct):
    message: _Message | None = None
    response: str | None = None  # `/api/generate` puts text, thinking and tools at the top
    thinking: str | None = None
    tool_calls: list[_ToolCall] | None = None
    logprobs: list[_Score] | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None  # left out by the engine when it is 0, like all counts
    eval_count: int | None = None
    load_duration: int = 0
    prompt_eval_duration: int = 0
    eval_duration: int = 0
    error: str | None = None


class _ErrorBody(msgspec.Struct):
    error: str


_lines = msgspec.json.Decoder(_Line)


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
        message = line.message
        if message is None:
            message = _Message(line.response or "", line.thinking, line.tool_calls)
            if line.response is None and line.done is None:
                return self._ending.fail(broken("the engine sent a line that is not a part of an answer"))
        events = self._deltas(message, line.logprobs)
        if line.done:
            if line.prompt_eval_count is not None or line.eval_count is not None:
                self._ending.usage = Usage(line.prompt_eval_count or 0, line.eval_count or 0)
            timing = Timing(line.load_duration, line.prompt_eval_duration, line.eval_duration)
            self._ending.timing = timing if timing != Timing() else None
            reason = _FINISH.get(line.done_reason or "stop", "stop")
            self._ending.reason = "tool_calls" if self._tools_seen and reason == "stop" else reason
            events += self._ending.finish()
        return events

    def _deltas(self, message: _Message, logprobs: list[_Score] | None) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        if message.thinking:
            events.append(ReasoningDelta(message.thinking))
        scores = tuple(_score(each) for each in logprobs or ())
        # Scores may come alone, while the engine holds text back that might become a tool call.
        if message.content or scores:
            events.append(TextDelta(message.content, scores))
        for call in message.tool_calls or ():
            index = self._tools_seen if call.function.index is None else call.function.index
            arguments = bytes(call.function.arguments).decode()
            events.append(ToolDelta(index, call.id, call.function.name, arguments))
            self._tools_seen += 1
        return events


def _score(each: _Score) -> TokenScore:
    others = tuple(Alternative(other.token, other.logprob) for other in each.top_logprobs or ())
    return TokenScore(each.token, each.logprob, others)


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
