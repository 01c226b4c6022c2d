"""Answers in Anthropic's Messages API, with the exact order of its events.

message_start, then per block content_block_start, deltas, content_block_stop, then message_delta with the
reason and the usage, then message_stop. Source: Anthropic API reference, streaming (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from inhouse.dialects.anthropic_errors import write_error
from inhouse.dialects.sse import write_sse
from inhouse.dialects.status import UNREADABLE, status_of
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import (
    ChatEvent,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)

__all__ = ["EventWriter", "write_reply"]

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_encode = msgspec.json.Encoder().encode

# Any: blocks are open-ended JSON on this side of the door only.
_Block = dict[str, Any]


class EventWriter:
    """Writes the events of one answer. `input_tokens` is an estimate for the first event, `stop` are the
    request's stop sequences.

    Blocks come one after the other: while a call of a tool is not whole, pieces of other blocks wait.
    """

    def __init__(
        self,
        *,
        reply_id: str,
        model: str,
        input_tokens: int,
        request_id: str = "",
        stop: tuple[str, ...] = (),
    ) -> None:
        self._reply_id = reply_id
        self._model = model
        self._usage = Usage(input_tokens, 0, estimated=True)
        self._request_id = request_id
        self._stop = Stop(stop)
        self._begun = False
        self._index = -1
        self._kind = ""
        """What the open block is: text, thinking, tool_use, or nothing."""
        self._call: tuple[int, str] = (0, "")
        self._arguments: list[str] = []
        self._whole: bool | None = None
        """Whether the arguments of the open call are a whole JSON object; None when not looked at."""
        self._held: list[ChatEvent] = []
        self._called = False

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event; empty when it must wait for its turn, or for the end."""
        start = b"" if self._begun else self._start()
        self._begun = True
        match event:
            case UsageSeen(usage):
                self._usage = usage
                return start
            case Failed():
                body = write_error(event, status=status_of(event.code), request_id=self._request_id)
                return start + write_sse(body, name="error")
            case Finished():
                return start + self._drain() + self._close() + self._finish(event)
        return start + (b"" if _empty(event) else self._place(event))

    def _start(self) -> bytes:
        message = _message(self._reply_id, self._model, [], None, self._usage)
        return _event("message_start", {"message": message})

    def _place(self, event: ChatEvent) -> bytes:
        """The piece in its block, or nothing when it has to wait."""
        if self._kind == "tool_use" and not self._continues(event):
            if self._whole is None:
                self._whole = _is_object("".join(self._arguments))
            if not self._whole:
                self._held.append(event)
                return b""
            if self._held:
                return self._release() + self._place(event)
        match event:
            case TextDelta(text=text):
                self._stop.hear(text)
                return self._open("text", {"text": ""}) + self._delta("text_delta", "text", text)
            case ReasoningDelta(redacted=data) if data:
                return self._close() + self._open("redacted_thinking", {"data": data}) + self._close()
            case ReasoningDelta(text=text, signature=signature):
                bytes_out = self._open("thinking", {"thinking": "", "signature": ""})
                if text:
                    bytes_out += self._delta("thinking_delta", "thinking", text)
                if signature:
                    bytes_out += self._delta("signature_delta", "signature", signature) + self._close()
                return bytes_out
            case ToolDelta():
                return self._tool(event)
        return b""

    def _continues(self, event: ChatEvent) -> bool:
        """True when the piece belongs to the call that is open."""
        index, call_id = self._call
        if not isinstance(event, ToolDelta) or event.index != index:
            return False
        return not event.call_id or event.call_id == call_id

    def _tool(self, event: ToolDelta) -> bytes:
        opened = b""
        if self._kind != "tool_use" or not self._continues(event):
            self._called = True
            self._call, self._arguments, self._whole = (event.index, event.call_id), [], None
            call_id = event.call_id or f"toolu_{self._reply_id.removeprefix('msg_')}_{event.index}"
            block = {"id": call_id, "name": event.name, "input": {}}
            opened = self._close() + self._open("tool_use", block)
        if not event.arguments:
            return opened
        self._arguments.append(event.arguments)
        self._whole = None
        return opened + self._delta("input_json_delta", "partial_json", event.arguments)

    def _open(self, kind: str, block: _Block) -> bytes:
        if self._kind == kind:
            return b""
        closed = self._close()
        self._kind = kind
        self._index += 1
        content = {"index": self._index, "content_block": {"type": kind, **block}}
        return closed + _event("content_block_start", content)

    def _close(self) -> bytes:
        if not self._kind:
            return b""
        self._kind = ""
        return _event("content_block_stop", {"index": self._index})

    def _delta(self, kind: str, name: str, value: str) -> bytes:
        delta = {"type": kind, name: value}
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _release(self) -> bytes:
        """What had to wait for the open call, which is whole: each piece in its block, or waiting again."""
        held, self._held = self._held, []
        return self._close() + b"".join([self._place(event) for event in held])

    def _drain(self) -> bytes:
        """Everything that waited: no more will come, so whatever is open is whole."""
        drained: list[bytes] = []
        while self._held:
            drained.append(self._release())
        return b"".join(drained)

    def _finish(self, end: Finished) -> bytes:
        reason, sequence = self._stop.told(end, called=self._called)
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        told = _event("message_delta", {"delta": delta, "usage": _usage(self._usage)})
        return told + _event("message_stop", {})


class Stop:
    """Why an answer ended, and by which of the request's stop sequences.

    Engines cut the sequence off and few say which it was; where one left it in, it stands at the end.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._longest = max((len(each) for each in sequences), default=0)
        self._end = ""

    def hear(self, text: str) -> None:
        """Note the next piece of the answer."""
        if self._longest:
            self._end = (self._end + text)[-self._longest :]

    def told(self, end: Finished, *, called: bool) -> tuple[str, str | None]:
        """The reason and the sequence as this protocol says them."""
        if called and end.reason == "stop":
            # Some engines say `stop` after a call; clients here look at the reason alone.
            return "tool_use", None
        sequence = end.stop_sequence if end.stop_sequence in self._sequences else None
        if sequence is None:
            left_in = (each for each in self._sequences if each.strip() and self._end.endswith(each))
            sequence = next(left_in, None)
        if end.reason != "stop" or sequence is None:
            return _STOP[end.reason], None
        return "stop_sequence", sequence


def write_reply(
    events: Sequence[ChatEvent], *, reply_id: str, model: str, stop: tuple[str, ...] = ()
) -> bytes:
    """The whole answer as one document; `events` end with `Finished`, `stop` is the request's.

    Raises:
        EngineBroke: if a call of a tool has arguments that are no JSON object.
    """
    blocks: list[_Block] = []
    calls: dict[tuple[int, str], _Block] = {}
    usage, end, stopped = Usage(0, 0), Finished(), Stop(stop)
    for event in events:
        if _empty(event):
            continue
        last = blocks[-1] if blocks else {"type": ""}
        match event:
            case TextDelta(text=text):
                if last["type"] != "text":
                    blocks.append(last := {"type": "text", "text": ""})
                last["text"] += text
                stopped.hear(text)
            case ReasoningDelta():
                _add_thought(event, blocks)
            case ToolDelta():
                _add_call(event, blocks, calls, reply_id)
            case UsageSeen(seen):
                usage = seen
            case Finished():
                end = event
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = _object(block["name"], block["input"])
    reason, sequence = stopped.told(end, called=bool(calls))
    message = _message(reply_id, model, blocks, reason, usage)
    return _encode(message | {"stop_sequence": sequence})


def _add_thought(event: ReasoningDelta, blocks: list[_Block]) -> None:
    last = blocks[-1] if blocks else {"type": ""}
    if event.redacted:
        blocks.append({"type": "redacted_thinking", "data": event.redacted})
        return
    if last["type"] != "thinking" or last["signature"]:
        blocks.append(last := {"type": "thinking", "thinking": "", "signature": ""})
    last["thinking"] += event.text
    last["signature"] += event.signature


def _add_call(
    event: ToolDelta, blocks: list[_Block], calls: dict[tuple[int, str], _Block], reply_id: str
) -> None:
    known = [key for key in calls if key[0] == event.index and event.call_id in ("", key[1])]
    if known and not event.name:
        calls[known[-1]]["input"] += event.arguments
        return
    call_id = event.call_id or f"toolu_{reply_id.removeprefix('msg_')}_{event.index}"
    block = {"type": "tool_use", "id": call_id, "name": event.name, "input": event.arguments}
    calls[event.index, event.call_id] = block
    blocks.append(block)


def _message(reply_id: str, model: str, blocks: list[_Block], reason: str | None, usage: Usage) -> _Block:
    return {
        "id": reply_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _usage(usage),
    }


def _usage(usage: Usage) -> _Block:
    counted: _Block = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        counted["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counted


def _event(name: str, content: _Block) -> bytes:
    return write_sse(_encode({"type": name, **content}), name=name)


def _empty(event: ChatEvent) -> bool:
    """True for a piece without a word: a block of it would be refused when the client sends it back."""
    if isinstance(event, TextDelta):
        return not event.text
    if not isinstance(event, ReasoningDelta):
        return False
    return not (event.text or event.signature or event.redacted)


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except UNREADABLE:
        return False


def _object(name: str, text: str) -> _Block:
    try:
        value = msgspec.json.decode(text or "{}")
    except UNREADABLE:
        value = None
    if not isinstance(value, dict):
        raise EngineBroke(f"the model called `{name}` with arguments that are no JSON object")
    return value
