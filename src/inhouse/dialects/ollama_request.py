"""The requests of Ollama's own dialect, as a server reads them: chat, generate, and their options.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from inhouse.dialects.ollama_context import read_context
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    DataPolicy,
    Image,
    Original,
    Role,
    Thinking,
    Tool,
    ToolCall,
)

__all__ = [
    "NOT_SAID",
    "ROLES",
    "BadOption",
    "decode_body",
    "read_generate",
    "read_keep_alive",
    "read_request",
]

T = TypeVar("T")

_MISSING_BODY = "missing request body"
NOT_SAID = msgspec.Raw(b"")
"""Default of a field that may hold any JSON: msgspec knows no such field that may be absent, too."""
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_THINK: dict[object, Thinking] = {
    True: "on",
    False: "off",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "max": "max",
}
_OPTIONS: dict[str, tuple[str, tuple[type, ...]]] = {
    "num_ctx": ("integer", (int, float)),
    "num_predict": ("integer", (int, float)),
    "seed": ("integer", (int, float)),
    "top_k": ("integer", (int, float)),
    "temperature": ("float32", (int, float)),
    "top_p": ("float32", (int, float)),
    "min_p": ("float32", (int, float)),
    "repeat_penalty": ("float32", (int, float)),
    "presence_penalty": ("float32", (int, float)),
    "frequency_penalty": ("float32", (int, float)),
    "stop": ("array", (list,)),
}
"""The options that have a word in the kernel, with the type that Ollama's error names."""
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"[+-]?(?:0|(?:{_PIECE.pattern})+)\Z")
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


class BadOption(BadRequest):
    """An option has the wrong type, which Ollama answers with 500."""

    status = 500


class _Function(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = NOT_SAID
    arguments: msgspec.Raw = NOT_SAID


class _Tool(msgspec.Struct):
    function: _Function | None = None


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    role: str | None = None
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[_Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class _Common(msgspec.Struct):
    model: str | None = None
    stream: bool | None = None
    format: msgspec.Raw = NOT_SAID
    keep_alive: msgspec.Raw = NOT_SAID
    options: dict[str, Any] | None = None  # Any: an option may be any JSON, and is looked at one by one
    think: msgspec.Raw = NOT_SAID
    logprobs: bool | None = None
    top_logprobs: int | None = None


class _Chat(_Common):
    messages: list[_Message] | None = None
    tools: list[_Tool] | None = None


class _Generate(_Common):
    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool | None = None
    images: list[str] | None = None


_chat: Callable[[bytes], _Chat] = msgspec.json.Decoder(_Chat).decode
_generate: Callable[[bytes], _Generate] = msgspec.json.Decoder(_Generate).decode


def decode_body(decode: Callable[[bytes], T], body: bytes) -> T:
    """A body as a struct.

    Raises:
        BadRequest: if it is empty, no JSON, or a field has the wrong type; the message names the field.
    """
    if not body.strip():
        raise BadRequest(_MISSING_BODY)
    try:
        return decode(body)
    except UNREADABLE as error:
        raise BadRequest(
            f"the body is no JSON that can be read: {error}"
            if type(error) is not msgspec.ValidationError
            else str(error)
        ) from None


def read_request(body: bytes, *, data: DataPolicy = "local_only") -> ChatRequest:
    """The body of `POST /api/chat`. Without messages it asks to load the model, or to unload it.

    `data` is what may leave the house; it is an argument because a changed request is made anew.

    Raises:
        BadRequest: if it cannot be understood; `BadOption` if an option has the wrong type.
    """
    asked = decode_body(_chat, body)
    if not asked.model:
        raise BadRequest("model is required")
    messages = tuple(_message(each, at) for at, each in enumerate(asked.messages or ()))
    tools = tuple(_tool(each, at) for at, each in enumerate(asked.tools or ()))
    return _request(asked, messages, data=data, tools=tools, original=Original("ollama", body))


def read_generate(body: bytes, *, data: DataPolicy = "local_only") -> ChatRequest:
    """The body of `POST /api/generate`. Without a prompt it asks to load the model, or to unload it.

    `original` is set only where the request can be met by an Ollama engine alone: `raw`, `suffix` and
    `template` speak about the text below the chat. `data`: see `read_request`.

    Raises:
        BadRequest: if it cannot be understood; `BadOption` if an option has the wrong type.
    """
    asked = decode_body(_generate, body)
    if asked.raw and (asked.template or asked.system or asked.context):
        raise BadRequest("raw mode does not support template, system, or context")
    native = bool(asked.raw or asked.suffix or asked.template)
    if not asked.prompt and not asked.suffix:
        return _request(asked, (), data=data)
    messages: list[ChatMessage] = []
    if asked.context and not native:
        messages += read_context(asked.context)
    if asked.system:
        messages = [each for each in messages if each.role != "system"]
        messages.insert(0, ChatMessage("system", asked.system))
    messages.append(ChatMessage("user", asked.prompt or "", images=_images(asked.images)))
    original = Original("ollama", body) if native else None
    return _request(asked, tuple(messages), data=data, original=original)


def read_keep_alive(raw: msgspec.Raw) -> float | None:
    """Seconds: a number, or a Go duration as text; negative means for good, None that nothing was said.

    Raises:
        BadRequest: if it is neither.
    """
    value = _decoded(raw)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -1.0 if value < 0 else float(value)
    if not isinstance(value, str):
        raise BadRequest(f"Unsupported type: '{type(value).__name__}' for keep_alive")
    if not _DURATION.match(value):
        raise BadRequest(f'time: invalid duration "{value[:40]}"')
    if value.startswith("-"):
        return -1.0
    return sum(float(count) * _UNIT_S[unit] for count, unit in _PIECE.findall(value))


def _request(
    asked: _Common,
    messages: tuple[ChatMessage, ...],
    *,
    data: DataPolicy,
    tools: tuple[Tool, ...] = (),
    original: Original | None = None,
) -> ChatRequest:
    options = _options(asked.options or {})
    json_object, schema = _format(asked.format)
    top = asked.top_logprobs or 0
    if not 0 <= top <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20")
    limit = options.get("num_predict")
    return ChatRequest(
        messages,
        model=asked.model or None,
        data=data,
        max_tokens=int(limit) if limit is not None and limit > 0 else None,
        temperature=options.get("temperature"),
        stop=tuple(options.get("stop", ())),
        seed=_whole(options.get("seed")),
        json_schema=schema,
        json_object=json_object,
        top_p=options.get("top_p"),
        top_k=_whole(options.get("top_k")),
        min_p=options.get("min_p"),
        frequency_penalty=options.get("frequency_penalty"),
        presence_penalty=options.get("presence_penalty"),
        repeat_penalty=options.get("repeat_penalty"),
        tools=tools,
        thinking=_thinking(asked.think),
        top_logprobs=top if asked.logprobs else None,
        context_tokens=_whole(options.get("num_ctx")) or None,
        keep_alive_s=read_keep_alive(asked.keep_alive),
        stream=asked.stream is not False,
        original=original,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _options(given: dict[str, Any]) -> dict[str, Any]:  # Any: checked here, by name
    """The known options; unknown ones are ignored, and so is null."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _OPTIONS or value is None:
            continue
        word, types = _OPTIONS[name]
        good = isinstance(value, types) and not isinstance(value, bool)
        if not good or (name == "stop" and not all(isinstance(each, str) for each in value)):
            raise BadOption(f'option "{name}" must be of type {word}')
        known[name] = value
    return known


def _format(raw: msgspec.Raw) -> tuple[bool, str | None]:
    """Whether any JSON object is wanted, and the schema of one that is."""
    value = _decoded(raw)
    if value in (None, ""):
        return False, None
    if value == "json":
        return True, None
    if isinstance(value, dict):
        return False, bytes(raw).decode()
    said = bytes(raw).decode()[:80]
    raise BadRequest(f'invalid format: {said}; expected "json" or a valid JSON Schema object')


def _thinking(raw: msgspec.Raw) -> Thinking | None:
    value = _decoded(raw)
    if value is None:
        return None
    if isinstance(value, bool | str) and value in _THINK:
        return _THINK[value]
    said = bytes(raw).decode()[:40]
    raise BadRequest(f'invalid think value: {said} (must be "high", "medium", "low", "max", true, or false)')


def _decoded(raw: msgspec.Raw) -> object:
    return msgspec.json.decode(raw) if bytes(raw) else None


def _message(each: _Message, at: int) -> ChatMessage:
    role = ROLES.get((each.role or "").lower())
    if role is None:
        raise BadRequest(
            f"messages[{at}].role is {(each.role or '')[:40]!r}; use system, user, assistant or tool"
        )
    calls = tuple(
        ToolCall(call.id or "", call.function.name or "", _json_text(call.function.arguments))
        for call in each.tool_calls or ()
    )
    return ChatMessage(
        role,
        each.content or "",
        images=_images(each.images),
        tool_calls=calls,
        tool_call_id=each.tool_call_id or "",
        tool_name=each.tool_name or "",
        reasoning=each.thinking or "",
    )


def _tool(each: _Tool, at: int) -> Tool:
    function = each.function
    if function is None or not function.name:
        raise BadRequest(f"tools[{at}].function.name is required")
    return Tool(function.name, function.description or "", _json_text(function.parameters))


def _json_text(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode()
    return "{}" if text in ("", "null") else text


def _images(given: list[str] | None) -> tuple[Image, ...]:
    return tuple(_image(each, at) for at, each in enumerate(given or ()))


def _image(text: str, at: int) -> Image:
    text = text.replace("\n", "").replace("\r", "")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise BadRequest(f"images[{at}]: illegal base64 data") from None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Image("image/webp", text)
    for start, media_type in _PICTURES:
        if data.startswith(start):
            return Image(media_type, text)
    raise BadRequest(f"images[{at}] is no PNG, JPEG, GIF, WebP or BMP picture")
