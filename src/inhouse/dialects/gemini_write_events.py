"""Answers in the Gemini API: chunks as server-sent events or as one JSON array, and whole replies.

Source: Gemini API reference v1beta (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from inhouse.dialects.gemini_calls import split_id
from inhouse.dialects.gemini_errors import write_error
from inhouse.dialects.sse import write_sse
from inhouse.dialects.status import UNREADABLE, status_of
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import (
    ChatEvent,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    ToolDelta,
    Usage,
    UsageSeen,
)

__all__ = ["EventWriter", "write_reply"]

_FINISH: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
_encode = msgspec.json.Encoder().encode

# Any: parts are open-ended JSON on this side of the door only.
_Part = dict[str, Any]


class EventWriter:
    """Writes the events of one answer. `thoughts` False leaves out what the model thought.

    Calls of functions are whole in this protocol: they are written together before the end.
    """

    def __init__(
        self, *, reply_id: str, model: str, thoughts: bool = False, form: Literal["sse", "array"] = "sse"
    ) -> None:
        self._head = {"modelVersion": model, "responseId": reply_id}
        self._thoughts = thoughts
        self._array = form == "array"
        self._written = False
        self._usage: Usage | None = None
        self._calls = _Calls()

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event, empty where this protocol says nothing or says it later."""
        match event:
            case TextDelta(text, scores):
                return self._chunk([{"text": text}], scores=scores)
            case ReasoningDelta(text=text):
                return self._chunk([{"text": text, "thought": True}]) if self._thoughts and text else b""
            case ToolDelta():
                self._calls.add(event)
                return b""
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Failed():
                return self._frame(write_error(event, status=status_of(event.code)), last=True)
            case Finished(reason):
                try:
                    parts = self._calls.parts()
                except EngineBroke as error:
                    return self._frame(write_error(error, status=error.status), last=True)
                return self._chunk(parts or [{"text": ""}], reason)

    def _chunk(
        self, parts: list[_Part], reason: FinishReason | None = None, scores: tuple[TokenScore, ...] = ()
    ) -> bytes:
        candidate: _Part = {"content": {"parts": parts, "role": "model"}}
        if reason is not None:
            candidate["finishReason"] = _FINISH[reason]
        candidate["index"] = 0
        if scores:
            candidate["logprobsResult"] = _scores(scores)
        chunk: _Part = {"candidates": [candidate]}
        if reason is not None and self._usage is not None:
            chunk["usageMetadata"] = _usage(self._usage)
        return self._frame(_encode(chunk | self._head), last=reason is not None)

    def _frame(self, body: bytes, *, last: bool) -> bytes:
        if not self._array:
            return write_sse(body)
        before = b",\r\n" if self._written else b"["
        self._written = True
        return before + body + (b"]\n" if last else b"")


def write_reply(events: Sequence[ChatEvent], *, reply_id: str, model: str, thoughts: bool = False) -> bytes:
    """The whole answer as one document; `events` end with `Finished`.

    Raises:
        EngineBroke: if a call of a function has arguments that are no JSON object.
    """
    text: list[str] = []
    thought: list[str] = []
    scores: list[TokenScore] = []
    calls = _Calls()
    told: _Part = {}
    for event in events:
        match event:
            case TextDelta(piece, found):
                text.append(piece)
                scores += found
            case ReasoningDelta(text=piece):
                thought.append(piece)
            case ToolDelta():
                calls.add(event)
            case UsageSeen(usage):
                told["usageMetadata"] = _usage(usage)
            case Finished(reason):
                told["finish"] = _FINISH[reason]
    parts: list[_Part] = []
    if thoughts and any(thought):
        parts.append({"text": "".join(thought), "thought": True})
    if text:
        parts.append({"text": "".join(text)})
    parts += calls.parts()
    candidate: _Part = {"content": {"parts": parts, "role": "model"}}
    candidate |= {"finishReason": told.pop("finish", "STOP"), "index": 0}
    if scores:
        candidate["logprobsResult"] = _scores(tuple(scores))
    return _encode({"candidates": [candidate], **told, "modelVersion": model, "responseId": reply_id})


class _Calls:
    """Calls of functions, put together from their pieces."""

    def __init__(self) -> None:
        self._made: list[tuple[int, str, str, list[str]]] = []

    def add(self, event: ToolDelta) -> None:
        """A piece of one, or all of it."""
        for index, call_id, _, arguments in reversed(self._made):
            if index == event.index and event.call_id in ("", call_id) and not event.name:
                arguments.append(event.arguments)
                return
        self._made.append((event.index, event.call_id, event.name, [event.arguments]))

    def parts(self) -> list[_Part]:
        """All of them.

        Raises:
            EngineBroke: if one has arguments that are no JSON object.
        """
        parts: list[_Part] = []
        for _, call_id, name, pieces in self._made:
            try:
                arguments = msgspec.json.decode("".join(pieces) or "{}")
            except UNREADABLE:
                arguments = None
            if not isinstance(arguments, dict):
                raise EngineBroke(f"the model called `{name}` with arguments that are no JSON object")
            plain, seal = split_id(call_id)
            call = {"name": name, "args": arguments} | ({"id": plain} if plain else {})
            parts.append({"functionCall": call} | ({"thoughtSignature": seal} if seal else {}))
        return parts


def _usage(usage: Usage) -> _Part:
    written = usage.output_tokens - usage.reasoning_tokens
    counted = {"promptTokenCount": usage.input_tokens, "candidatesTokenCount": written}
    if usage.reasoning_tokens:
        counted["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.cached_tokens:
        counted["cachedContentTokenCount"] = usage.cached_tokens
    return counted | {"totalTokenCount": usage.input_tokens + usage.output_tokens}


def _scores(scores: tuple[TokenScore, ...]) -> _Part:
    return {
        "chosenCandidates": [{"token": each.token, "logProbability": each.logprob} for each in scores],
        "topCandidates": [
            {
                "candidates": [
                    {"token": other.token, "logProbability": other.logprob} for other in each.alternatives
                ]
            }
            for each in scores
        ],
    }
