"""Answers of `POST /v1/responses`: the stream with its exact order of events, and the whole.

    response.created, response.in_progress
    then for every item, one after the other:
      response.output_item.added
      reasoning: reasoning_summary_part.added, reasoning_summary_text.delta*, .done, part.done
      message:   content_part.added, output_text.delta*, output_text.done, content_part.done
      call:      function_call_arguments.delta*, function_call_arguments.done
      response.output_item.done
    response.completed | response.incomplete | response.failed

Every event has the next `sequence_number`. The whole answer is the last event's `response`.

Source: OpenAI API reference, responses streaming (2026-11); the order as Ollama and llama.cpp emit it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from inhouse.dialects.openai_answer import ToolPlaces
from inhouse.dialects.openai_events import write_scores
from inhouse.dialects.openai_responses import ResponseAsk
from inhouse.dialects.sse import write_sse
from inhouse.kernel.errors import EngineOverloaded
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

# Any, here and below: events and items are open-ended JSON on this side of the door only.
Wire = dict[str, Any]

_encode = msgspec.json.Encoder().encode

_INCOMPLETE: dict[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass(slots=True)
class _Item:
    """One item of the output while it is written."""

    kind: str
    item_id: str
    index: int
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    status: str = "in_progress"

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def arguments(self) -> str:
        """Never empty: a client reads them as JSON, also where a model said nothing."""
        return self.text or "{}"

    @property
    def open(self) -> bool:
        return self.status == "in_progress"

    def wire(self) -> Wire:
        """The item as the output shows it; one in progress is shown empty."""
        over, status = not self.open, self.status
        if self.kind == "reasoning":
            summary = [{"type": "summary_text", "text": self.text}] if over else []
            return {"id": self.item_id, "type": "reasoning", "summary": summary, "status": status}
        if self.kind == "function_call":
            return {
                "id": self.item_id,
                "type": "function_call",
                "status": status,
                "call_id": self.call_id,
                "name": self.name,
                "arguments": self.arguments if over else "",
            }
        content = [self.part()] if over else []
        return {
            "id": self.item_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def part(self) -> Wire:
        """The text of a message as its only part."""
        return {
            "type": "output_text",
            "text": self.text,
            "annotations": [],
            "logprobs": _scores(self.scores),
        }


class EventWriter:
    """Writes the events of one answer as an event stream.

    `reply_id` is made of letters and digits; all ids of the answer are made from it.
    """

    def __init__(self, ask: ResponseAsk, *, reply_id: str, model: str, created: int) -> None:
        self._ask = ask
        self._id = reply_id
        self._model = model
        self._created = created
        self._items: list[_Item] = []
        self._calls: dict[int, _Item] = {}
        self._places = ToolPlaces(reply_id)
        self._usage: Usage | None = None
        self._number = 0
        self._out = bytearray()
        self.response: Wire = self._response("in_progress")
        """The answer as far as it was written; whole after the last event."""

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event, in front of which everything stands that must be said before."""
        if self._number == 0:
            self._say("response.created", response=self.response)
            self._say("response.in_progress", response=self.response)
        match event:
            case TextDelta(text, scores):
                self._text(text, scores)
            case ReasoningDelta(text):
                self._think(text)
            case ToolDelta():
                self._call(event)
            case UsageSeen(usage):
                self._usage = usage
            case Finished(reason):
                self._finish(reason)
            case Failed():
                self._fail(event)
        data = bytes(self._out)
        self._out.clear()
        return data

    def _text(self, text: str, scores: Sequence[TokenScore]) -> None:
        item = self._current("message", self._open_message)
        item.pieces.append(text)
        item.scores += scores
        place = {"item_id": item.item_id, "output_index": item.index, "content_index": 0}
        self._say("response.output_text.delta", **place, delta=text, logprobs=_scores(scores))

    def _think(self, text: str) -> None:
        if not text:
            return
        item = self._current("reasoning", self._open_reasoning)
        item.pieces.append(text)
        place = {"item_id": item.item_id, "output_index": item.index, "summary_index": 0}
        self._say("response.reasoning_summary_text.delta", **place, delta=text)

    def _call(self, event: ToolDelta) -> None:
        place, first = self._places.take(event)
        if first:
            # Calls come one after the other; one whose JSON is not whole yet may still go on.
            self._close(lambda item: item.kind != "function_call" or _is_whole(item.text))
            item = _Item("function_call", f"fc_{self._id}_{len(self._items)}", len(self._items))
            item.call_id, item.name = place.call_id, event.name
            self._calls[place.index] = item
            self._add(item)
        item = self._calls[place.index]
        if event.arguments and item.open:
            item.pieces.append(event.arguments)
            self._say(
                "response.function_call_arguments.delta",
                item_id=item.item_id,
                output_index=item.index,
                delta=event.arguments,
            )

    def _current(self, kind: str, open_one: Callable[[], _Item]) -> _Item:
        """The open item of that kind; others are closed before a new one is begun."""
        for item in self._items[-1:]:
            if item.open and item.kind == kind:
                return item
        self._close(lambda _item: True)
        return open_one()

    def _open_message(self) -> _Item:
        item = self._add(_Item("message", f"msg_{self._id}_{len(self._items)}", len(self._items)))
        place = {"item_id": item.item_id, "output_index": item.index, "content_index": 0}
        self._say("response.content_part.added", **place, part=item.part())
        return item

    def _open_reasoning(self) -> _Item:
        item = self._add(_Item("reasoning", f"rs_{self._id}_{len(self._items)}", len(self._items)))
        place = {"item_id": item.item_id, "output_index": item.index, "summary_index": 0}
        self._say("response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})
        return item

    def _add(self, item: _Item) -> _Item:
        self._items.append(item)
        self._say("response.output_item.added", output_index=item.index, item=item.wire())
        return item

    def _close(self, wanted: Callable[[_Item], bool], status: str = "completed") -> None:
        for item in self._items:
            if item.open and wanted(item):
                item.status = status
                self._say_done(item)
                self._say("response.output_item.done", output_index=item.index, item=item.wire())

    def _say_done(self, item: _Item) -> None:
        place: Wire = {"item_id": item.item_id, "output_index": item.index}
        if item.kind == "message":
            place["content_index"] = 0
            self._say("response.output_text.done", **place, text=item.text, logprobs=_scores(item.scores))
            self._say("response.content_part.done", **place, part=item.part())
        elif item.kind == "reasoning":
            place["summary_index"] = 0
            self._say("response.reasoning_summary_text.done", **place, text=item.text)
            part = {"type": "summary_text", "text": item.text}
            self._say("response.reasoning_summary_part.done", **place, part=part)
        else:
            self._say("response.function_call_arguments.done", **place, arguments=item.arguments)

    def _finish(self, reason: FinishReason) -> None:
        why = _INCOMPLETE.get(reason)
        status = "incomplete" if why else "completed"
        self._close(lambda _item: True, status)
        self.response = self._response(status)
        self.response["incomplete_details"] = {"reason": why} if why else None
        self._say(f"response.{status}", response=self.response)

    def _fail(self, failed: Failed) -> None:
        """What was said stays; open items get no event of their end, as they are not whole."""
        for item in self._items:
            item.status = "incomplete" if item.open else item.status
        busy = failed.code == EngineOverloaded.code
        message = f"{failed.message}. hint: {failed.hint}" if failed.hint else failed.message
        self.response = self._response("failed")
        self.response["error"] = {
            "code": "rate_limit_exceeded" if busy else "server_error",
            "message": f"{failed.code}: {message}",
        }
        self._say("response.failed", response=self.response)

    def _response(self, status: str) -> Wire:
        output = [item.wire() for item in self._items] if status != "in_progress" else []
        return _asked(self._ask) | {
            "id": f"resp_{self._id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self._model,
            "output": output,
            "usage": _usage(self._usage) if self._usage else None,
        }

    def _say(self, name: str, **content: object) -> None:
        body = {"type": name, "sequence_number": self._number, **content}
        self._number += 1
        self._out += write_sse(_encode(body), name=name)


def write_reply(
    events: Sequence[ChatEvent], ask: ResponseAsk, *, reply_id: str, model: str, created: int
) -> bytes:
    """A whole answer as one JSON document; `events` end in `Finished`."""
    writer = EventWriter(ask, reply_id=reply_id, model=model, created=created)
    for event in events:
        writer.write(event)
    return _encode(writer.response)


def _asked(ask: ResponseAsk) -> Wire:
    """What of the request the answer repeats."""
    request = ask.request
    choice: object = request.tool_choice
    if request.tool_name:
        choice = {"type": "function", "name": request.tool_name}
    return {
        "background": False,
        "instructions": ask.instructions,
        "max_output_tokens": request.max_tokens,
        "metadata": _one_line(ask.metadata),
        "parallel_tool_calls": request.parallel_tools,
        "previous_response_id": None,
        "reasoning": {"effort": ask.effort, "summary": ask.summary},
        "store": False,
        "temperature": request.temperature,
        "text": {"format": _format(ask)},
        "tool_choice": choice,
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description or None,
                "parameters": _one_line(tool.parameters),
                "strict": None,
            }
            for tool in request.tools
        ],
        "top_p": request.top_p,
        "truncation": "disabled",
    }


def _format(ask: ResponseAsk) -> Wire:
    schema = ask.request.json_schema
    if schema is not None:
        return {"type": "json_schema", "name": ask.schema_name, "schema": _one_line(schema), "strict": True}
    return {"type": "json_object" if ask.request.json_object else "text"}


def _one_line(text: str) -> msgspec.Raw:
    """The JSON as it was sent, without its line breaks: they would end the event in which it stands."""
    return msgspec.Raw(msgspec.json.format(text.encode(), indent=-1))


def _usage(used: Usage) -> Wire:
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {
            "cached_tokens": used.cached_tokens,
            "cache_write_tokens": used.cache_write_tokens,
        },
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _scores(scores: Sequence[TokenScore]) -> object:
    return write_scores(scores)["content"]


def _is_whole(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
