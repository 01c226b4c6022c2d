"""Requests to Anthropic's Messages API.

Turns of one role are merged, results of tools stand in turns of the user, and ids of calls are made to
fit. Source: Anthropic API reference, messages (2026-11).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from inhouse.dialects.anthropic_models import Manners, manners_of
from inhouse.dialects.anthropic_schema import output_schema
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import ChatMessage, ChatRequest, Image, Thought

__all__ = ["write_request"]

_WRONG_ID = re.compile(r"[^a-zA-Z0-9_-]")
MAX_ID_CHARS = 64
BUDGETS = {"low": 1024, "medium": 8192, "high": 16384, "max": 32000, "on": 8192}
"""Tokens to think with, for models that want a number; 1,024 is the smallest."""
EFFORTS = {"low": "low", "medium": "medium", "high": "high", "max": "max"}
JSON_ONLY = "Answer with one JSON object and nothing else, not even a code fence."

_encode = msgspec.json.Encoder().encode

# Any: the body is open-ended JSON on this side of the door only.
_Body = dict[str, Any]


def write_request(request: ChatRequest, *, model: str, stream: bool = True) -> bytes:
    """The body of `POST /v1/messages`.

    A request that came in this dialect and was not changed is sent as it came but for the model: markers
    of the prompt cache, citations and the order of blocks mean money or quality to whoever wrote them.

    Raises:
        EngineRefused: if a call of a tool has arguments that are no JSON object.
    """
    original = request.original
    if original is not None and original.dialect == "anthropic":
        return _as_it_came(original.body, model, stream)
    manners = manners_of(model)
    wants_thought = request.thinking not in (None, "off") and not _unsigned_turn(request.messages)
    system = [each.content for each in request.messages if each.role == "system" and each.content]
    body: _Body = {"model": model, "messages": _turns(request.messages, wants_thought), "stream": stream}
    body["max_tokens"] = request.max_tokens or manners.default_tokens
    if request.stop:
        # Empty ones, and ones of white space only, are refused by Anthropic.
        body["stop_sequences"] = [each for each in request.stop if each.strip()]
    _sampling(request, manners, body)
    config: _Body = {}
    _thinking(request, manners, body, config, wanted=wants_thought)
    system += _tools(request, manners, body)
    if request.json_schema is not None:
        schema = output_schema(request.json_schema)
        if schema is not None:
            config["format"] = {"type": "json_schema", "schema": schema}
        else:
            system.append(f"{JSON_ONLY} It must match this JSON schema:\n{request.json_schema}")
    elif request.json_object:
        system.append(JSON_ONLY)
    if config:
        body["output_config"] = config
    if system:
        body["system"] = "\n\n".join(system)
    return _encode(body)


def _as_it_came(body: bytes, model: str, stream: bool) -> bytes:
    document: _Body = msgspec.json.decode(body)
    for message in document["messages"]:
        if isinstance(message["content"], list):
            message["content"] = [block for block in message["content"] if _is_own(block)]
    return _encode(document | {"model": model, "stream": stream})


def _is_own(block: _Body) -> bool:
    """False for reasoning of another engine: it has no seal, and would be refused."""
    kind = block.get("type")
    return kind not in ("thinking", "redacted_thinking") or bool(block.get("signature") or block.get("data"))


def _sampling(request: ChatRequest, manners: Manners, body: _Body) -> None:
    if not manners.sampling:
        return
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
    elif request.top_p is not None:
        # Never both: models from 4.1 on refuse the pair.
        body["top_p"] = request.top_p
    if request.top_k is not None:
        body["top_k"] = request.top_k


def _thinking(request: ChatRequest, manners: Manners, body: _Body, config: _Body, *, wanted: bool) -> None:
    thinking = request.thinking
    if thinking is None:
        return
    if not wanted:
        if manners.off is None:
            config["effort"] = "low"
        elif manners.off != "omit":
            body["thinking"] = {"type": manners.off}
        return
    if manners.adaptive:
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
        if thinking in EFFORTS:
            config["effort"] = EFFORTS[thinking]
        return
    budget = BUDGETS[thinking]
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    # Thinking counts against the limit: what the caller asked for is the room of the answer.
    body["max_tokens"] += budget
    # Models that are told to think take no other sampling than their own.
    body.pop("temperature", None)
    body.pop("top_k", None)


def _unsigned_turn(messages: tuple[ChatMessage, ...]) -> bool:
    """True when the last turns are calls of tools whose reasoning has no seal: thinking would be refused."""
    for message in reversed(messages):
        if message.role == "assistant":
            return bool(message.tool_calls) and not _thoughts(message)
        if message.role == "user":
            return False
    return False


def _tools(request: ChatRequest, manners: Manners, body: _Body) -> list[str]:
    """Adds the tools; what must be said in words instead is returned."""
    if not request.tools:
        return []
    body["tools"] = [
        {"name": tool.name, "input_schema": _object_schema(tool.parameters)}
        | ({"description": tool.description} if tool.description else {})
        for tool in request.tools
    ]
    if request.tool_choice == "none":
        body["tool_choice"] = {"type": "none"}
    elif not request.parallel_tools:
        body["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
    if request.tool_choice == "required":
        # A model that was told to think may not be forced, either.
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        if not manners.forced_tools or thinks:
            return [f"Call the tool `{request.tool_name}` now." if request.tool_name else "Call a tool now."]
        chosen: _Body = {"type": "tool", "name": request.tool_name} if request.tool_name else {"type": "any"}
        body["tool_choice"] = chosen | ({} if request.parallel_tools else {"disable_parallel_tool_use": True})
    return []


def _object_schema(parameters: str) -> _Body:
    try:
        schema = msgspec.json.decode(parameters)
    except UNREADABLE:
        schema = None
    if not isinstance(schema, dict):
        raise EngineRefused(f"a tool's parameters are no JSON schema: {parameters[:80]}")
    return {"type": "object"} | schema


def _turns(messages: tuple[ChatMessage, ...], wants_thought: bool) -> list[_Body]:
    """The conversation in turns that alternate, as this protocol wants them."""
    turns: list[_Body] = []
    ids = _Ids()
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, ids, wants_thought)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: ChatMessage, ids: _Ids, wants_thought: bool) -> list[_Body]:
    if message.role == "tool":
        content: list[_Body] = [{"type": "text", "text": message.content}] if message.content else []
        content += [_image(each) for each in message.images]
        made = ids.of_result(message.tool_call_id)
        if not made:
            # The call itself was cut from the conversation: a result without one would be refused.
            return content
        block: _Body = {"type": "tool_result", "tool_use_id": made}
        return [block | {"content": content}] if content else [block]
    blocks: list[_Body] = []
    if wants_thought:
        blocks += _thoughts(message)
    blocks += [_image(each) for each in message.images]
    if message.content.strip():
        blocks.append({"type": "text", "text": message.content})
    for call in message.tool_calls:
        arguments = _arguments(call.name, call.arguments)
        blocks.append(
            {"type": "tool_use", "id": ids.of_call(call.call_id), "name": call.name, "input": arguments}
        )
    return blocks


def _thoughts(message: ChatMessage) -> list[_Body]:
    """What Anthropic takes back of its own reasoning: stretch by stretch, as it gave it."""
    thoughts = message.thoughts or (Thought(message.reasoning, message.reasoning_signature),)
    return [
        {"type": "redacted_thinking", "data": each.redacted}
        if each.redacted
        else {"type": "thinking", "thinking": each.text, "signature": each.signature}
        for each in thoughts
        if each.redacted or each.signature
    ]


def _arguments(name: str, text: str) -> _Body:
    try:
        arguments = msgspec.json.decode(text or "{}")
    except UNREADABLE:
        arguments = None
    if not isinstance(arguments, dict):
        raise EngineRefused(f"the call of `{name}` in the conversation has arguments that are no JSON object")
    return arguments


def _image(image: Image) -> _Body:
    source = {"type": "base64", "media_type": image.media_type, "data": image.data}
    return {"type": "image", "source": source}


class _Ids:
    """Ids of calls as this protocol takes them; calls without one (Ollama) are paired in their order."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._used: set[str] = set()
        self._waiting: list[str] = []
        self._count = 0

    def of_call(self, call_id: str) -> str:
        """The id of a call."""
        self._count += 1
        plain = _WRONG_ID.sub("_", call_id)[:MAX_ID_CHARS] or f"call_{self._count}"
        clean, number = plain, self._count
        while clean in self._used:
            clean = f"{plain[: MAX_ID_CHARS - 10]}_{number}"
            number += 1
        self._used.add(clean)
        self._made[call_id] = clean
        self._waiting.append(clean)
        return clean

    def of_result(self, call_id: str) -> str:
        """The id of the call that this is the result of, empty when there is none."""
        made = self._made.get(call_id, "") if call_id else ""
        if made not in self._waiting:
            made = self._waiting[0] if self._waiting else ""
        if made:
            self._waiting.remove(made)
        return made
