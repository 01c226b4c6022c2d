"""Answers in Ollama's dialect, as a server writes them: one JSON document per line, or a whole one.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from inhouse.dialects.ndjson import write_ndjson
from inhouse.dialects.status import UNREADABLE, engine_error
from inhouse.dialects.stream import broken
from inhouse.kernel.messages import (
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

__all__ = ["EventWriter", "Spent", "write_error", "write_loaded_reply", "write_reply"]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Spent:
    """Nanoseconds from the arrival of a request: until an engine was asked, its first event, and now."""

    asked_ns: int = 0
    first_ns: int = 0
    total_ns: int = 0


NOTHING_SPENT = Spent()


@dataclass(slots=True)
class _Call:
    """A tool call while its fragments come in."""

    index: int
    call_id: str
    name: str
    arguments: str = ""

    def wire(self) -> dict[str, Any] | None:  # Any: open JSON, this side of the door only
        """The call with its arguments as an object, None when they are none."""
        text = self.arguments.strip() or "{}"
        try:
            msgspec.json.decode(text.encode(), type=dict[str, msgspec.Raw])
        except UNREADABLE:
            return None
        function = {"index": self.index, "name": self.name, "arguments": msgspec.Raw(text.encode())}
        return {**({"id": self.call_id} if self.call_id else {}), "function": function}


class EventWriter:
    """Writes the events of one answer as lines, never a blank one.

    `created_at` is RFC 3339 text, or gives it for each line. `generate` writes the shape of
    `/api/generate`. `spent` is asked once, at the end. `context` gives the numbers for the last line from
    the whole text of the answer; see `write_context`.
    """

    def __init__(
        self,
        *,
        model: str,
        created_at: str | Callable[[], str],
        generate: bool = False,
        spent: Callable[[], Spent] | None = None,
        context: Callable[[str], list[int]] | None = None,
    ) -> None:
        self._model = model
        self._created_at = created_at
        self._generate = generate
        self._spent = spent
        self._context = context
        self._text: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self._timing: Timing | None = None
        self._over = False
        # What stands around the time and around the text, the same in every line of plain text.
        self._head = b'{"model":' + _encode(model) + b',"created_at":'
        self._said = b',"response":' if generate else b',"message":{"role":"assistant","content":'
        self._tail = b',"done":false}\n' if generate else b'},"done":false}\n'

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event.

        Usage is held back, because this dialect puts it in the last line, and so are the fragments of a
        tool call, because it knows whole calls only.
        """
        if self._over:
            return b""
        if type(event) is TextDelta and not event.scores and not self._calls:
            return self._words(event.text)
        if isinstance(event, ToolDelta):
            return self._collect(event)
        held = self._flush()
        return held if self._over else held + self._plain(event)

    def _words(self, text: str) -> bytes:
        """A line of text and nothing else: what `_line` writes, which takes five times as long."""
        if not text:
            return b""
        if self._context is not None:
            self._text.append(text)
        stamp = self._created_at if isinstance(self._created_at, str) else self._created_at()
        return self._head + _encode(stamp) + self._said + _encode(text) + self._tail

    def _plain(self, event: ChatEvent) -> bytes:
        match event:
            case TextDelta(text, scores):
                if not scores:
                    return self._words(text)
                if self._context is not None:
                    self._text.append(text)
                return self._line(content=text, more={"logprobs": _wire_scores(scores)})
            case ReasoningDelta(text):
                return self._line(thinking=text) if text else b""
            case UsageSeen(usage, timing):
                self._usage, self._timing = usage, timing
                return b""
            case Finished(reason):
                self._over = True
                return self._line(more=self._ending(reason))
            case Failed():
                return self._fail(event)
        return b""

    def _collect(self, event: ToolDelta) -> bytes:
        call = self._calls.get(event.index)
        done = b""
        if call is not None and event.name:  # another call under the same number
            done, call = self._flush(), None
        if call is None:
            call = self._calls[event.index] = _Call(event.index, event.call_id, event.name)
        call.arguments += event.arguments
        return done

    def _flush(self) -> bytes:
        """The calls that came in, as one line."""
        if not self._calls:
            return b""
        calls = [each.wire() for each in self._calls.values()]
        names = ", ".join(each.name for each in self._calls.values())
        self._calls = {}
        if None in calls:
            return self._fail(broken(f"the arguments of the tool call {names} are no JSON object"))
        return self._line(tool_calls=calls)

    def _fail(self, failed: Failed) -> bytes:
        self._over = True
        return write_ndjson(write_error(failed.message))

    def _line(
        self,
        *,
        content: str = "",
        thinking: str = "",
        tool_calls: Sequence[object] = (),
        more: dict[str, Any] | None = None,  # Any: open JSON, this side of the door only
    ) -> bytes:
        created_at = self._created_at if isinstance(self._created_at, str) else self._created_at()
        body: dict[str, Any] = {"model": self._model, "created_at": created_at}
        message: dict[str, Any] = (
            {"response": content} if self._generate else {"role": "assistant", "content": content}
        )
        if thinking:
            message["thinking"] = thinking
        if tool_calls:
            message["tool_calls"] = tool_calls
        body |= message if self._generate else {"message": message}
        return write_ndjson(_encode({**body, "done": False, **(more or {})}))

    def _ending(self, reason: FinishReason) -> dict[str, Any]:  # Any: open JSON, this side of the door only
        more: dict[str, Any] = {"done": True, "done_reason": "length" if reason == "length" else "stop"}
        if self._context is not None:
            more["context"] = self._context("".join(self._text))
        spent = self._spent() if self._spent else NOTHING_SPENT
        return more | _metrics(self._usage, self._timing or Timing(), spent)


def write_reply(
    events: Sequence[ChatEvent],
    *,
    model: str,
    created_at: str,
    generate: bool = False,
    spent: Spent = NOTHING_SPENT,
    context: Callable[[str], list[int]] | None = None,
) -> bytes:
    """A whole answer as one document.

    Raises:
        EngineError: if a tool call cannot be said in this dialect.
    """
    content, thinking = "", ""
    scores: tuple[TokenScore, ...] = ()
    writer = EventWriter(
        model=model, created_at=created_at, generate=generate, spent=lambda: spent, context=context
    )
    rest = b""
    for event in events:
        if isinstance(event, TextDelta):
            content, scores = content + event.text, scores + event.scores
        elif isinstance(event, ReasoningDelta):
            thinking += event.text
        else:
            rest += writer.write(event)
    first, *others = [msgspec.json.decode(line, type=dict[str, Any]) for line in rest.splitlines()]
    if "error" in first:
        raise engine_error(500, first["error"])
    calls = [call for each in (first, *others) for call in _calls_of(each, generate=generate)]
    whole: dict[str, Any] = others[-1] if others else first
    said: dict[str, Any] = whole if generate else whole["message"]
    said["response" if generate else "content"] = content
    if thinking:
        said["thinking"] = thinking
    if calls:
        said["tool_calls"] = calls
    if scores:
        whole["logprobs"] = _wire_scores(scores)
    if context is not None:
        whole["context"] = context(content)
    return _encode(whole)


def _calls_of(line: dict[str, Any], *, generate: bool) -> list[Any]:  # Any: open JSON, this side only
    found = line if generate else line["message"]
    return list(found.get("tool_calls", ()))


def write_loaded_reply(*, model: str, created_at: str, reason: str, generate: bool = False) -> bytes:
    """The answer to a request without words; `reason` is `load` or `unload`."""
    said: dict[str, object] = (
        {"response": ""} if generate else {"message": {"role": "assistant", "content": ""}}
    )
    return _encode({"model": model, "created_at": created_at, **said, "done": True, "done_reason": reason})


def _wire_scores(scores: tuple[TokenScore, ...]) -> list[dict[str, object]]:
    return [
        {
            **_wire_token(each.token, each.logprob),
            **(
                {"top_logprobs": [_wire_token(other.token, other.logprob) for other in each.alternatives]}
                if each.alternatives
                else {}
            ),
        }
        for each in scores
    ]


def _wire_token(token: str, logprob: float) -> dict[str, object]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}


def _metrics(usage: Usage | None, timing: Timing, spent: Spent) -> dict[str, int]:
    """The counts and nanoseconds of the last line, without those that are 0.

    What the engine measured wins; otherwise the wait for its first event counts as reading the prompt,
    although a model may have been loaded in it, and the rest as writing. An answer that came in one piece
    (`first_ns` 0) cannot be told apart so: all of its time counts as writing, which flatters nobody.
    """
    found = {
        "total_duration": spent.total_ns,
        "load_duration": timing.load_ns or spent.asked_ns,
        "prompt_eval_count": usage.input_tokens if usage else 0,
        "prompt_eval_duration": timing.prompt_ns or (spent.first_ns and spent.first_ns - spent.asked_ns),
        "eval_count": usage.output_tokens if usage else 0,
        "eval_duration": timing.output_ns or spent.total_ns - (spent.first_ns or spent.asked_ns),
    }
    return {name: value for name, value in found.items() if value > 0}


def write_error(message: str) -> bytes:
    """The error object, for a reply body or a line."""
    return _encode({"error": message})
