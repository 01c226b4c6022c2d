"""Answers of the Gemini API as events.

A stream has no last event: it ends where the connection ends, after the chunk with the reason. Counts are
cumulative. Source: Gemini API reference v1beta (2026-11).
"""

from __future__ import annotations

import msgspec

from inhouse.dialects.gemini_calls import join_id
from inhouse.dialects.gemini_errors import read_error
from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.sse import SseReader
from inhouse.dialects.status import UNREADABLE, failed_of
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    ToolDelta,
    Usage,
)

__all__ = ["EventReader", "read_reply"]

_FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    }
)
"""The model wrote something that is no answer; asking another one may help."""


class _Struct(msgspec.Struct, rename="camel"):
    pass


class _Call(_Struct):
    name: str = ""
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Part(_Struct):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class _Content(_Struct):
    parts: list[_Part] | None = None


class _Token(_Struct):
    token: str = ""
    log_probability: float = 0.0


class _Tops(_Struct):
    candidates: list[_Token] | None = None


class _Scores(_Struct):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_Tops] | None = None


class _Candidate(_Struct):
    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    logprobs_result: _Scores | None = None


class _Feedback(_Struct):
    block_reason: str | None = None


class _Usage(_Struct):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None


class _Chunk(_Struct):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    response_id: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_chunks = msgspec.json.Decoder(_Chunk)


class EventReader:
    """Reads the event stream (`alt=sse`) of one answer; see `dialects.stream.EventReader`."""

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._frames = SseReader(max_event_bytes)
        self._ending = Ending()
        self._calls = 0

    def read(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes."""
        events: list[ChatEvent] = []
        try:
            frames = self._frames.read(data)
        except LineTooLong as error:
            return self._ending.fail(broken(f"the engine sent an unreadable answer: {error}"))
        for frame in frames:
            if not self._ending.over:
                events += self._take(frame.data)
        return events

    def end(self) -> list[ChatEvent]:
        """`Finished` when the engine had said why it stopped, else a failure."""
        if self._ending.reason is not None:
            return self._ending.finish()
        return self._ending.fail(broken("the engine's answer ended before it was complete"))

    def _take(self, data: bytes) -> list[ChatEvent]:
        try:
            chunk = _chunks.decode(data)
        except UNREADABLE as error:
            return self._ending.fail(broken(f"the engine sent an unreadable event: {error}"))
        if bytes(chunk.error):
            return self._ending.fail(failed_of(read_error(500, data)))
        if chunk.usage_metadata is not None:
            self._ending.usage = _usage(chunk.usage_metadata)
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            self._ending.reason = "content_filter"
        events: list[ChatEvent] = []
        for candidate in (chunk.candidates or [])[:1]:
            if candidate.finish_reason in _BROKEN:
                return [*events, *self._ending.fail(broken(_malformed(candidate)))]
            events += self._pieces(candidate, chunk.response_id or "")
            if candidate.finish_reason:
                reason = _FINISH.get(candidate.finish_reason, "stop")
                self._ending.reason = "tool_calls" if self._calls and reason == "stop" else reason
        return events

    def _pieces(self, candidate: _Candidate, response_id: str) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        scores = _scores(candidate.logprobs_result)
        for part in (candidate.content and candidate.content.parts) or ():
            if part.function_call is not None:
                events.append(self._call(part.function_call, part.thought_signature or "", response_id))
            elif part.text and part.thought:
                events.append(ReasoningDelta(part.text))
            elif part.text:
                events.append(TextDelta(part.text, scores))
                scores = ()
        return events

    def _call(self, call: _Call, signature: str, response_id: str) -> ToolDelta:
        """A whole call. An id of ours is unique in the conversation, as the answer's own id is part of it."""
        call_id = call.id or f"{response_id or 'call'}_{self._calls}"
        arguments = bytes(call.args).decode("utf-8", "replace")
        self._calls += 1
        return ToolDelta(
            self._calls - 1,
            join_id(call_id, signature),
            call.name,
            "{}" if arguments == "null" else arguments,
        )


def read_reply(body: bytes) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, as the events a stream would have given."""
    reader = EventReader(max(len(body) + 16, MAX_LINE_BYTES))
    # A line break outside a string means nothing in JSON, and inside one there can be none.
    line = b"data: " + body.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n"
    return [*reader.read(line), *reader.end()]


def _malformed(candidate: _Candidate) -> str:
    said = f": {candidate.finish_message}" if candidate.finish_message else ""
    return f"the model gave no usable answer ({candidate.finish_reason}){said}"


def _usage(usage: _Usage) -> Usage:
    """Thoughts are billed as output but counted beside it; the prompt includes what was cached."""
    thoughts = usage.thoughts_token_count or 0
    return Usage(
        (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        (usage.candidates_token_count or 0) + thoughts,
        usage.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
    )


def _scores(found: _Scores | None) -> tuple[TokenScore, ...]:
    if found is None or not found.chosen_candidates:
        return ()
    tops = [each.candidates or [] for each in found.top_candidates or ()]
    scores = []
    for place, chosen in enumerate(found.chosen_candidates):
        others = tops[place] if place < len(tops) else []
        alternatives = tuple(Alternative(each.token, each.log_probability) for each in others)
        scores.append(TokenScore(chosen.token, chosen.log_probability, alternatives))
    return tuple(scores)
