"""Requests to the Gemini API.

System messages go into `systemInstruction`, the assistant is called `model`, results of functions stand in
turns of the user. Source: Gemini API reference v1beta (2026-11).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from inhouse.dialects.gemini_calls import split_id
from inhouse.dialects.gemini_names import camel
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import ChatMessage, ChatRequest, EmbedRequest, Tool

__all__ = ["write_embed_request", "write_request"]

_VERSION = re.compile(r"gemini-(\d+)")
NO_SEAL = "skip_thought_signature_validator"
"""Google's own word for calls that another model made: from Gemini 3 on a call without any is refused."""
BUDGETS = {"low": 2048, "medium": 8192, "high": 24576, "max": -1, "on": -1}
"""Tokens to think with for Gemini 2.5; -1 leaves it to the model."""
SMALLEST_PRO_BUDGET = 128
"""Gemini 2.5 Pro cannot be kept from thinking."""
LEVELS = {"low": "low", "medium": "medium", "high": "high", "max": "high"}

_encode = msgspec.json.Encoder().encode

# Any: the body is open-ended JSON on this side of the door only.
_Body = dict[str, Any]


def write_request(request: ChatRequest, *, model: str) -> bytes:
    """The body of `:generateContent` and `:streamGenerateContent`.

    A request that came in this dialect and was not changed is sent as it came: safety settings and media
    resolution have no place in ours.

    Raises:
        EngineRefused: if a call of a function has arguments that are no JSON object.
    """
    original = request.original
    if original is not None and original.dialect == "gemini":
        return _as_it_came(original.body, sealed=_version(model) >= 3)
    version = _version(model)
    body: _Body = {"contents": _contents(request.messages, sealed=version >= 3)}
    system = [each.content for each in request.messages if each.role == "system" and each.content]
    if system:
        body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
    config = _generation(request)
    if (thinking := _thinking(request, model, version)) is not None:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declared(each) for each in request.tools]}]
        calling: _Body = {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[request.tool_choice]}
        if request.tool_choice == "required" and request.tool_name:
            calling["allowedFunctionNames"] = [request.tool_name]
        body["toolConfig"] = {"functionCallingConfig": calling}
    return _encode(body)


def write_embed_request(request: EmbedRequest, *, model: str) -> bytes:
    """The body of `:batchEmbedContents`."""
    each: _Body = {"model": f"models/{model}"}
    if request.dimensions is not None:
        each["outputDimensionality"] = request.dimensions
    return _encode({"requests": [each | {"content": {"parts": [{"text": text}]}} for text in request.inputs]})


def _as_it_came(body: bytes, *, sealed: bool) -> bytes:
    """The body, with a seal on calls that another engine made."""
    document: _Body = msgspec.json.decode(camel(body))
    for field in ("model", "stream"):
        document.pop(field, None)
    contents = document["contents"]
    for content in contents if sealed and isinstance(contents, list) else ():
        parts = content.get("parts")
        calls = [each for each in parts if "functionCall" in each] if isinstance(parts, list) else []
        if calls and not calls[0].get("thoughtSignature"):
            calls[0]["thoughtSignature"] = NO_SEAL
    return _encode(document)


def _version(model: str) -> int:
    """The generation of a Gemini; a name without one means the newest."""
    found = _VERSION.search(model.lower())
    return int(found[1]) if found else 99


def _generation(request: ChatRequest) -> _Body:
    config: _Body = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
    }
    if request.json_schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = msgspec.Raw(request.json_schema.encode())
    elif request.json_object:
        config["responseMimeType"] = "application/json"
    if request.top_logprobs is not None:
        config["responseLogprobs"] = True
        config["logprobs"] = request.top_logprobs or None
    return {name: value for name, value in config.items() if value is not None}


def _thinking(request: ChatRequest, model: str, version: int) -> _Body | None:
    wanted = request.thinking
    if wanted is None:
        return None
    pro = "flash" not in model.lower()
    if version < 3:
        if wanted == "off":
            return {"thinkingBudget": SMALLEST_PRO_BUDGET if pro else 0}
        return {"thinkingBudget": BUDGETS[wanted], "includeThoughts": True}
    if wanted == "off":
        return {"thinkingLevel": "low" if pro else "minimal"}
    level: _Body = {"thinkingLevel": LEVELS[wanted]} if wanted in LEVELS else {}
    return level | {"includeThoughts": True}


def _declared(tool: Tool) -> _Body:
    declared: _Body = {"name": tool.name, "parametersJsonSchema": msgspec.Raw(tool.parameters.encode())}
    return declared | ({"description": tool.description} if tool.description else {})


def _contents(messages: tuple[ChatMessage, ...], *, sealed: bool) -> list[_Body]:
    """The conversation in turns that alternate."""
    contents: list[_Body] = []
    names: dict[str, str] = {}
    unnamed: list[str] = []
    for message in messages:
        if message.role == "system":
            continue
        for call in message.tool_calls:
            names[call.call_id] = call.name
            unnamed.append(call.name)
        role = "model" if message.role == "assistant" else "user"
        result = message.role == "tool"
        parts = _result(message, names, unnamed) if result else _parts(message, sealed=sealed)
        if parts and contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _parts(message: ChatMessage, *, sealed: bool) -> list[_Body]:
    parts = _pictures(message)
    if message.content:
        parts.append({"text": message.content})
    for number, call in enumerate(message.tool_calls):
        _, seal = split_id(call.call_id)
        part: _Body = {"functionCall": {"name": call.name, "args": _arguments(call.name, call.arguments)}}
        if seal:
            part["thoughtSignature"] = seal
        elif sealed and number == 0:
            # Of several calls at once only the first has a seal.
            part["thoughtSignature"] = NO_SEAL
        parts.append(part)
    return parts


def _result(message: ChatMessage, names: dict[str, str], unnamed: list[str]) -> list[_Body]:
    name = message.tool_name or names.get(message.tool_call_id) or (unnamed[0] if unnamed else "function")
    if name in unnamed:
        unnamed.remove(name)
    try:
        content = msgspec.json.decode(message.content)
    except UNREADABLE:
        content = None
    response = content if isinstance(content, dict) else {"result": message.content}
    return [{"functionResponse": {"name": name, "response": response}}, *_pictures(message)]


def _pictures(message: ChatMessage) -> list[_Body]:
    return [{"inlineData": {"mimeType": each.media_type, "data": each.data}} for each in message.images]


def _arguments(name: str, text: str) -> _Body:
    try:
        arguments = msgspec.json.decode(text or "{}")
    except UNREADABLE:
        arguments = None
    if not isinstance(arguments, dict):
        raise EngineRefused(f"the call of `{name}` in the conversation has arguments that are no JSON object")
    return arguments
