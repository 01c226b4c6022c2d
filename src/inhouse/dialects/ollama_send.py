"""The chat requests of Ollama's own dialect, as a client writes them.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

from typing import Any

import msgspec

from inhouse.dialects.ollama_request import ROLES
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.messages import ChatMessage, ChatRequest, Tool, ToolCall

__all__ = ["wants_generate", "write_request"]

_encode = msgspec.json.Encoder().encode
_PASSED_ON = (
    "messages",
    "prompt",
    "suffix",
    "system",
    "template",
    "context",
    "raw",
    "images",
    "tools",
    "format",
    "keep_alive",
    "think",
    "truncate",
    "shift",
    "logprobs",
    "top_logprobs",
)
"""What an Ollama engine is given of a request as it came; `options` are merged, the rest is ours to say."""
_NATIVE = ("raw", "suffix", "template")


def wants_generate(request: ChatRequest) -> bool:
    """True when the request must go to `/api/generate` as it came; see `read_generate`."""
    original = request.original
    if original is None or original.dialect != "ollama":
        return False
    given = msgspec.json.decode(original.body, type=dict[str, msgspec.Raw])
    return "messages" not in given and any(name in given for name in _NATIVE)


def write_request(
    request: ChatRequest, *, model: str, stream: bool = True, context_tokens: int | None = None
) -> bytes:
    """The body of `POST /api/chat`, or of `/api/generate` where `wants_generate`.

    `context_tokens` becomes `num_ctx`: without it the engine takes 4096 on small machines and cuts the
    front of a longer prompt off, without a word. A request that came in this dialect keeps its options
    and fields, also those that no other engine knows.
    """
    original = request.original
    if original is not None and original.dialect == "ollama":
        body = _as_it_came(original.body)
    else:
        body = _translated(request)
    options = body.pop("options", None) or {}
    wanted = request.context_tokens or context_tokens
    if wanted is not None:
        options["num_ctx"] = wanted
    if options:
        body["options"] = options
    return _encode({"model": model, **body, "stream": stream})


def _as_it_came(original: bytes) -> dict[str, Any]:  # Any: open JSON, this side of the door only
    given = msgspec.json.decode(original, type=dict[str, msgspec.Raw])
    body: dict[str, Any] = {name: given[name] for name in _PASSED_ON if name in given}
    if "messages" in given:
        messages = msgspec.json.decode(given["messages"], type=list[dict[str, msgspec.Raw]] | None) or []
        for each in messages:
            role = msgspec.json.decode(each.get("role", msgspec.Raw(b'""')), type=str)
            each["role"] = msgspec.Raw(_encode(ROLES[role.lower()]))
        body["messages"] = messages
    if "options" in given:
        body["options"] = msgspec.json.decode(given["options"], type=dict[str, msgspec.Raw] | None)
    return body


def _translated(request: ChatRequest) -> dict[str, Any]:  # Any: open JSON, this side of the door only
    options: dict[str, Any] = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "min_p": request.min_p,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "repeat_penalty": request.repeat_penalty,
    }
    body: dict[str, Any] = {
        "messages": [_wire_message(each) for each in request.messages],
        "options": {name: value for name, value in options.items() if value is not None},
    }
    if request.tools and request.tool_choice != "none":
        body["tools"] = [_wire_tool(each) for each in request.tools]
    if request.json_schema is not None:
        body["format"] = msgspec.Raw(request.json_schema.encode())
    elif request.json_object:
        body["format"] = "json"
    if request.thinking is not None:
        body["think"] = {"on": True, "off": False}.get(request.thinking, request.thinking)
    if request.keep_alive_s is not None:
        body["keep_alive"] = -1 if request.keep_alive_s < 0 else request.keep_alive_s
    if request.top_logprobs is not None:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    return body


def _wire_message(each: ChatMessage) -> dict[str, Any]:  # Any: open JSON, this side of the door only
    wire: dict[str, Any] = {"role": each.role, "content": each.content}
    if each.reasoning:
        wire["thinking"] = each.reasoning
    if each.images:
        wire["images"] = [image.data for image in each.images]
    if each.tool_calls:
        wire["tool_calls"] = [
            {
                **({"id": call.call_id} if call.call_id else {}),
                "function": {"name": call.name, "arguments": msgspec.Raw(_arguments(call).encode())},
            }
            for call in each.tool_calls
        ]
    if each.tool_name:
        wire["tool_name"] = each.tool_name
    if each.tool_call_id:
        wire["tool_call_id"] = each.tool_call_id
    return wire


def _arguments(call: ToolCall) -> str:
    """The arguments as an object, the only form this dialect knows."""
    try:
        msgspec.json.decode(call.arguments.encode(), type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return _encode({"arguments": call.arguments}).decode() if call.arguments.strip() else "{}"
    return call.arguments


def _wire_tool(each: Tool) -> dict[str, Any]:  # Any: open JSON, this side of the door only
    function = {
        "name": each.name,
        "description": each.description,
        "parameters": msgspec.Raw(each.parameters.encode()),
    }
    return {"type": "function", "function": function}
