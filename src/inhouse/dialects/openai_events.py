"""Answers of chat completions in the OpenAI dialect: streamed and whole, both directions.

Source: OpenAI API reference, chat completions and streaming (2026-11); deviations of the engines are
named where they are handled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.openai_alike import Frames, Run
from inhouse.dialects.openai_answer import ToolPlaces, gather
from inhouse.dialects.openai_errors import read_error, write_error
from inhouse.dialects.sse import write_sse
from inhouse.dialects.status import UNREADABLE, failed_of
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    Timing,
    TokenScore,
    ToolDelta,
    Usage,
    UsageSeen,
)

__all__ = ["EventReader", "EventWriter", "WireUsage", "read_reply", "write_reply", "write_scores"]

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}

NEVER = -9999.0
"""OpenAI's value for a probability of zero, whose logarithm JSON cannot say."""


class _Function(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, omit_defaults=True):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


NOTHING = msgspec.Raw(b"null")


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None  # llama.cpp, SGLang
    reasoning: str | None = None  # vLLM, LM Studio, Ollama's OpenAI surface
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Top(msgspec.Struct):
    token: str
    logprob: float | None = None


class _Score(_Top):
    top_logprobs: list[_Top] | None = None


class _Scores(msgspec.Struct):
    content: list[_Score] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    logprobs: _Scores | None = None
    finish_reason: str | None = None
    stop_reason: msgspec.Raw = NOTHING  # vLLM
    matched_stop: msgspec.Raw = NOTHING  # SGLang


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _ReplyDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0


class WireUsage(msgspec.Struct):
    """Tokens of one exchange; both totals include their details."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    total_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _ReplyDetails | None = None

    @classmethod
    def of(cls, used: Usage) -> WireUsage:
        """The kernel's usage in this shape."""
        return cls(
            prompt_tokens=used.input_tokens,
            completion_tokens=used.output_tokens,
            total_tokens=used.input_tokens + used.output_tokens,
            prompt_tokens_details=_PromptDetails(used.cached_tokens, used.cache_write_tokens),
            completion_tokens_details=_ReplyDetails(used.reasoning_tokens),
        )

    def read(self) -> Usage:
        """This in the kernel's words."""
        prompt, reply = self.prompt_tokens_details, self.completion_tokens_details
        return Usage(
            self.prompt_tokens,
            self.completion_tokens or 0,
            (prompt.cached_tokens if prompt else 0) or 0,
            cache_write_tokens=(prompt.cache_write_tokens if prompt else 0) or 0,
            reasoning_tokens=(reply.reasoning_tokens if reply else 0) or 0,
        )


LONGEST_MS = 1e9
"""Eleven days: what says more, or less than nothing, is no time."""


class _Timings(msgspec.Struct):
    """Where llama.cpp says that its time went; others say nothing of the kind."""

    prompt_ms: float = 0.0
    predicted_ms: float = 0.0


class _Chunk(msgspec.Struct):
    # Absent is not the same as empty: the usage chunk has `choices: []`, an error object has none.
    choices: list[_Choice] | msgspec.UnsetType = msgspec.UNSET
    usage: WireUsage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")
    timings: msgspec.Raw = NOTHING


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    usage: WireUsage | None = None
    timings: msgspec.Raw = NOTHING


_chunks = msgspec.json.Decoder(_Chunk)
_replies = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class EventReader:
    """Reads the event stream of one answer; see `dialects.stream.EventReader`."""

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._frames = Frames(max_event_bytes)
        self._ending = Ending()
        self._seen_content = False
        self.ignored = 0
        """Events after the end, which some engines send (a second `[DONE]`)."""

    def read(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes."""
        run = self._frames.alone(data)
        if run is not None and not self._ending.over:
            return self._deltas(run)
        events: list[ChatEvent] = []
        try:
            for frame in self._frames.read(data):
                if self._ending.over:
                    self.ignored += len(frame.texts) if isinstance(frame, Run) else 1
                elif isinstance(frame, Run):
                    events += self._deltas(frame)
                else:
                    events += self._take(*frame)
        except LineTooLong as error:
            events += self._ending.fail(broken(f"the engine sent an unreadable answer: {error}"))
        return events

    def end(self) -> list[ChatEvent]:
        """`Finished` when the engine had said why it stopped, else a failure."""
        if self._ending.reason is not None:
            return self._ending.finish()
        return self._ending.fail(broken("the engine's answer ended before it was complete"))

    def _deltas(self, run: Run) -> list[ChatEvent]:
        self._seen_content = self._seen_content or run.size > 0
        return [TextDelta(text) for text in run.texts if text]

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
            self._ending.usage = chunk.usage.read()
        if chunk.timings is not NOTHING:
            self._ending.timing = _timing(chunk.timings)
        if isinstance(chunk.choices, msgspec.UnsetType):
            if chunk.usage is not None:
                return []
            return self._ending.fail(broken("the engine sent an event that is not a part of an answer"))
        return self._choose(chunk.choices[0], chunk, data) if chunk.choices else []

    def _choose(self, choice: _Choice, chunk: _Chunk, data: bytes) -> list[ChatEvent]:
        events = _deltas(choice.delta, choice.logprobs)
        if choice.finish_reason:
            self._ending.reason = FINISH.get(choice.finish_reason, "stop")
            self._ending.stop_sequence = _stopped_by(choice)
        # The first word is waited for: it goes on before anything is learned.
        elif (
            self._seen_content
            and events
            and chunk.usage is None
            and chunk.timings is NOTHING
            and choice.logprobs is None
        ):
            self._learn(data, chunk, choice.delta)
        self._seen_content = self._seen_content or bool(events)
        return events

    def _learn(self, data: bytes, chunk: _Chunk, delta: _Delta | None) -> None:
        """Know the events again that are like this one, if it holds text and nothing else."""
        text = delta.content if delta is not None else None
        more = chunk.usage is not None or chunk.timings is not NOTHING
        if more or not text or delta != _Delta(text):
            return

        def same(probe: bytes, other: str) -> bool:
            found = _chunks.decode(probe)
            changed = found.choices[0].delta if found.choices else None
            if changed is None or changed.content != other:
                return False
            changed.content = text
            return found == chunk

        self._frames.alike.learn(data, text, same)


def read_reply(body: bytes) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, as the events a stream would have given."""
    ending = Ending()
    try:
        reply = _replies.decode(body)
        choice = reply.choices[0]
    except (*UNREADABLE, IndexError) as error:
        return ending.fail(broken(f"the engine's answer cannot be read: {error}"))
    ending.usage = reply.usage.read() if reply.usage else None
    ending.timing = _timing(reply.timings)
    ending.reason = FINISH.get(choice.finish_reason or "stop", "stop")
    ending.stop_sequence = _stopped_by(choice)
    return [*_deltas(choice.message, choice.logprobs), *ending.finish()]


def _stopped_by(choice: _Choice) -> str | None:
    """The words that ended the answer, where the engine says them; a number is a token of the model's own."""
    if choice.finish_reason != "stop":
        return None
    for raw in (choice.stop_reason, choice.matched_stop):
        if bytes(raw).startswith(b'"'):
            found: str = msgspec.json.decode(raw, type=str)
            return found
    return None


def _timing(raw: msgspec.Raw) -> Timing | None:
    """Nanoseconds; None where it is another engine's word of that name, which breaks no answer."""
    try:
        found = msgspec.json.decode(raw, type=_Timings | None)
    except UNREADABLE:
        return None
    if found is None or not (found.prompt_ms or found.predicted_ms):
        return None
    if not (0 <= found.prompt_ms < LONGEST_MS and 0 <= found.predicted_ms < LONGEST_MS):
        return None
    return Timing(0, round(found.prompt_ms * 1e6), round(found.predicted_ms * 1e6))


class EventWriter:
    """Writes the events of one answer as an event stream; one id and one time for all of it.

    The first chunk names the role. A call's id and name stand in its first chunk only, because clients
    join the strings of all chunks.
    """

    def __init__(self, *, reply_id: str, model: str, created: int, include_usage: bool = True) -> None:
        head = {"id": reply_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = b"data: " + _encode(head)[:-1]
        self._delta = self._head + b',"choices":[{"index":0,"delta":{'
        self._role = b'"role":"assistant",'
        self._include_usage = include_usage
        # OpenAI says `null` in every chunk but the last when the usage was asked for.
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._usage: Usage | None = None
        self._places = ToolPlaces(reply_id)

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event; usage is held back, because this dialect puts it after the end."""
        match event:
            case TextDelta(text, scores):
                logprobs = _encode(write_scores(scores)) if scores else b"null"
                return self._chunk(b'"content":' + _encode(text), logprobs=logprobs)
            case ReasoningDelta(text):
                # Two names are in use; a client reads one of them.
                words = _encode(text)
                empty = b'"content":null,' if self._role else b""
                thought = b'"reasoning_content":' + words + b',"reasoning":' + words
                return self._chunk(empty + thought) if text else b""
            case ToolDelta():
                return self._chunk(self._call(event))
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Finished(reason):
                return self._finish(reason)
            case Failed():
                return self._usage_chunk() + write_sse(write_error(event))

    def _finish(self, reason: FinishReason) -> bytes:
        calls = self._places.places
        # A client reads the arguments as JSON, also where the model said none.
        silent = [
            _ToolCall(each.index, function=_Function(arguments="{}")) for each in calls if not each.said
        ]
        given = b"".join(self._chunk(b'"tool_calls":[' + _encode(call) + b"]") for call in silent)
        why = "tool_calls" if calls and reason == "stop" else reason
        last = self._chunk(b'"content":""' if self._role else b"", finish=_encode(why))
        return given + last + self._usage_chunk() + write_sse(b"[DONE]")

    def _call(self, event: ToolDelta) -> bytes:
        empty = b'"content":null,' if self._role else b""
        place, first = self._places.take(event)
        call = _ToolCall(place.index, function=_Function(arguments=event.arguments))
        if first:
            call = _ToolCall(
                place.index, place.call_id, "function", _Function(event.name, arguments=event.arguments)
            )
        return empty + b'"tool_calls":[' + _encode(call) + b"]"

    def _chunk(self, delta: bytes, *, logprobs: bytes = b"null", finish: bytes = b"null") -> bytes:
        role, self._role = self._role, b""
        choice = self._delta + role + delta + b'},"logprobs":' + logprobs + b',"finish_reason":' + finish
        return choice + b"}]" + self._tail

    def _usage_chunk(self) -> bytes:
        if self._usage is None or not self._include_usage:
            return b""
        return self._head + b',"choices":[],"usage":' + _encode(WireUsage.of(self._usage)) + b"}\n\n"


def write_reply(events: Sequence[ChatEvent], *, reply_id: str, model: str, created: int) -> bytes:
    """A whole answer as one JSON document; `events` end in `Finished`."""
    answer = gather(events, reply_id)
    # Any: the message is open-ended JSON on this side of the door only.
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.reasoning:
        message |= {"reasoning_content": answer.reasoning, "reasoning": answer.reasoning}
    if answer.calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [
            _ToolCall(id=call.call_id, type="function", function=_Function(call.name, call.arguments))
            for call in answer.calls
        ]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": write_scores(answer.scores) if answer.scores else None,
        "finish_reason": "tool_calls" if answer.calls and answer.reason == "stop" else answer.reason,
    }
    head = {"id": reply_id, "object": "chat.completion", "created": created, "model": model}
    usage = {"usage": WireUsage.of(answer.usage)} if answer.usage else {}
    return _encode({**head, "choices": [choice], **usage})


def write_scores(scores: Sequence[TokenScore]) -> dict[str, object]:
    """The tokens' log-probabilities as chat completions show them."""
    tokens = [
        _written(each) | {"top_logprobs": [_written(other) for other in each.alternatives]} for each in scores
    ]
    return {"content": tokens, "refusal": None}


def _written(each: TokenScore | Alternative) -> dict[str, object]:
    token = each.token
    return {"token": token, "logprob": max(each.logprob, NEVER), "bytes": list(token.encode())}


def _deltas(delta: _Delta | None, logprobs: _Scores | None) -> list[ChatEvent]:
    if delta is None:
        return []
    events: list[ChatEvent] = []
    if thought := delta.reasoning_content or delta.reasoning:
        events.append(ReasoningDelta(thought))
    text = delta.content or delta.refusal
    if logprobs is not None and logprobs.content:
        events.append(TextDelta(text or "", tuple(map(_score, logprobs.content))))
    elif text:
        events.append(TextDelta(text))
    for place, call in enumerate(delta.tool_calls or ()):
        function = call.function or _Function()
        index = place if call.index is None else call.index
        events.append(ToolDelta(index, call.id or "", function.name or "", function.arguments or ""))
    return events


def _score(score: _Score) -> TokenScore:
    others = tuple(Alternative(each.token, _logprob(each.logprob)) for each in score.top_logprobs or ())
    return TokenScore(score.token, _logprob(score.logprob), others)


def _logprob(value: float | None) -> float:
    """llama.cpp says null where the probability is zero."""
    return NEVER if value is None else value
