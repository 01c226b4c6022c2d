"""Answers of Anthropic's Messages API as events.

Source: Anthropic API reference, streaming messages (2026-11).
"""

from __future__ import annotations

import msgspec

from inhouse.dialects.anthropic_errors import read_error
from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.sse import SseReader
from inhouse.dialects.status import UNREADABLE, failed_of
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.messages import (
    ChatEvent,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
)

__all__ = ["EventReader", "read_reply"]

_STOP: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
STATUS_OF_EVENT = 500
"""An error event has no status; its type says what it is."""


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    """All counts are cumulative; what an event leaves out stays as it was."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    data: msgspec.Raw = msgspec.Raw(b"null")
    """Of thoughts that nobody else can read; other blocks may mean something else by this name."""


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None
    content: list[_Block] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None


_events = msgspec.json.Decoder(_Event)


class EventReader:
    """Reads the event stream of one answer; see `dialects.stream.EventReader`."""

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._frames = SseReader(max_event_bytes)
        self._ending = Ending()
        self._counts = _Counts()
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        """Calls of which no argument was heard yet, by the number of their block."""
        self.ignored = 0
        """Events after the end."""

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
        try:
            event = _events.decode(data)
        except UNREADABLE as error:
            if name == "error":
                return self._ending.fail(failed_of(read_error(STATUS_OF_EVENT, data)))
            return self._ending.fail(broken(f"the engine sent an unreadable event: {error}"))
        match event.type:
            case "message_stop":
                return self.end()
            case "error":
                return self._ending.fail(failed_of(read_error(STATUS_OF_EVENT, data)))
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "message_delta" if event.delta is not None:
                if event.delta.stop_reason:
                    self._ending.reason = _STOP.get(event.delta.stop_reason, "stop")
                    self._ending.stop_sequence = event.delta.stop_sequence
                self._count(event.usage)
        return self._block(event)

    def _block(self, event: _Event) -> list[ChatEvent]:
        """An event of a block; none for `ping` and for kinds yet to come, which clients pass over."""
        match event.type:
            case "content_block_start" if event.content_block is not None:
                return self._start(event.index, event.content_block)
            case "content_block_delta" if event.delta is not None:
                return self._delta(event.index, event.delta)
            case "content_block_stop" if event.index in self._silent:
                self._silent.discard(event.index)
                return [ToolDelta(self._calls[event.index], "", "", "{}")]
        return []

    def _count(self, usage: _Usage | None) -> None:
        if usage is not None:
            self._ending.usage = self._counts.add(usage)

    def _start(self, index: int, block: _Block) -> list[ChatEvent]:
        if block.type == "tool_use":
            number = self._calls.setdefault(index, len(self._calls))
            given = _arguments(block)
            if not given:
                self._silent.add(index)
            return [ToolDelta(number, block.id, block.name, given)]
        return _said(block)

    def _delta(self, index: int, delta: _Delta) -> list[ChatEvent]:
        if delta.partial_json is not None:
            # Blocks of tools that run at Anthropic have arguments too; they are not calls for us.
            if index not in self._calls or not delta.partial_json:
                return []
            self._silent.discard(index)
            return [ToolDelta(self._calls[index], "", "", delta.partial_json)]
        return _piece(delta.text, delta.thinking, delta.signature)


def read_reply(body: bytes) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, as the events a stream would have given."""
    ending = Ending()
    try:
        message = msgspec.json.decode(body, type=_Message)
    except UNREADABLE as error:
        return ending.fail(broken(f"the engine's answer cannot be read: {error}"))
    if message.stop_reason is None:
        return ending.fail(broken("the engine's answer does not say why it stopped"))
    events: list[ChatEvent] = []
    calls = 0
    for block in message.content:
        if block.type == "tool_use":
            events.append(ToolDelta(calls, block.id, block.name, _arguments(block) or "{}"))
            calls += 1
        else:
            events += _said(block)
    ending.usage = _Counts().add(message.usage) if message.usage else None
    ending.reason = _STOP.get(message.stop_reason, "stop")
    ending.stop_sequence = message.stop_sequence
    return [*events, *ending.finish()]


class _Counts:
    """The last word on each count."""

    def __init__(self) -> None:
        self._fresh = self._read = self._written = self._output = self._thought = 0

    def add(self, usage: _Usage) -> Usage:
        """Everything used so far. Anthropic counts cached tokens beside the input, the kernel within it."""
        self._fresh = self._fresh if usage.input_tokens is None else usage.input_tokens
        if usage.cache_read_input_tokens is not None:
            self._read = usage.cache_read_input_tokens
        if usage.cache_creation_input_tokens is not None:
            self._written = usage.cache_creation_input_tokens
        if usage.output_tokens is not None:
            self._output = usage.output_tokens
        if usage.output_tokens_details and usage.output_tokens_details.thinking_tokens is not None:
            self._thought = usage.output_tokens_details.thinking_tokens
        return Usage(
            self._fresh + self._read + self._written,
            self._output,
            self._read,
            cache_write_tokens=self._written,
            reasoning_tokens=self._thought,
        )


def _said(block: _Block) -> list[ChatEvent]:
    """What stands in a block itself, which is no call."""
    if block.type == "redacted_thinking":
        data = msgspec.json.decode(block.data)
        return [ReasoningDelta("", redacted=data)] if isinstance(data, str) and data else []
    return _piece(block.text, block.thinking, block.signature)


def _piece(text: str | None, thinking: str | None, signature: str | None) -> list[ChatEvent]:
    pieces: list[ChatEvent] = []
    if thinking or signature:
        pieces.append(ReasoningDelta(thinking or "", signature or ""))
    if text:
        pieces.append(TextDelta(text))
    return pieces


def _arguments(block: _Block) -> str:
    """The arguments that stand in the block itself; a stream starts with none."""
    given = bytes(block.input).decode("utf-8", "replace")
    return "" if given.strip() in ("{}", "null") else given
