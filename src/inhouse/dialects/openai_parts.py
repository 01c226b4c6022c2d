"""Pieces that several requests of the OpenAI dialect share: pictures, tools, schemas, limits of numbers."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated

import msgspec

from inhouse.dialects.openai_errors import WrongField
from inhouse.kernel.messages import ChatMessage, Image, Thinking, Tool, ToolChoice

__all__ = [
    "EFFORTS",
    "Count",
    "NamedTool",
    "Penalty",
    "Seed",
    "Share",
    "Temperature",
    "TopLogprobs",
    "image_of",
    "named_results",
    "object_text",
    "read_choice",
    "read_effort",
    "tool_of",
]

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
Seed = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
TopLogprobs = Annotated[int, msgspec.Meta(ge=0, le=20)]

EFFORTS: Mapping[str, Thinking] = MappingProxyType(
    {
        "none": "off",
        "minimal": "low",
        "low": "low",
        "medium": "medium",
        "high": "high",
        "xhigh": "max",
        "max": "max",
    }
)
"""`reasoning_effort` -> how much a model may think."""


class NamedTool(msgspec.Struct):
    """`tool_choice` as an object: chat completions nest the name, responses do not."""

    type: str
    name: str | None = None
    function: _Name | None = None


class _Name(msgspec.Struct):
    name: str


def image_of(url: str, field: str) -> Image:
    """The picture in a `data:` address. Nothing is ever fetched: an address could name any inner service.

    Raises:
        WrongField: if it is another address, no picture, or not base64.
    """
    head, comma, data = url.partition(",")
    scheme, _, media = head.partition(":")
    if scheme.lower() != "data" or not comma:
        raise WrongField(
            field,
            f"a picture must come in the request; {url[:40]!r} is not fetched",
            hint="send it as data:image/png;base64,…",
        )
    media_type, *marks = media.lower().split(";")
    if not media_type.startswith("image/"):
        raise WrongField(field, f"{media_type[:40]!r} is not a picture")
    if "base64" not in [mark.strip() for mark in marks]:
        raise WrongField(field, "the picture is not base64", hint="send it as data:image/png;base64,…")
    return Image(media_type, plain_base64(data, field))


def plain_base64(data: str, field: str) -> str:
    """The same base64 without line breaks.

    Raises:
        WrongField: if it is none, or empty.
    """
    plain = "".join(data.split())
    try:
        whole = base64.b64decode(plain, validate=True)
    except ValueError as error:
        raise WrongField(field, f"the picture is not base64: {error}") from None
    if not whole:
        raise WrongField(field, "the picture is empty")
    return plain


def object_text(raw: msgspec.Raw, field: str) -> str:
    """The JSON object as text, as it was written; `{}` for null.

    Raises:
        WrongField: if it is another kind of value, or not UTF-8.
    """
    try:
        text = bytes(raw).decode().strip()
    except UnicodeDecodeError:
        raise WrongField(field, "this is not UTF-8") from None
    if text == "null":
        return "{}"
    if not text.startswith("{"):
        raise WrongField(field, f"expected an object, got {text[:40]}")
    return text


def tool_of(name: str | None, description: str | None, parameters: msgspec.Raw, field: str) -> Tool:
    """One tool.

    Raises:
        WrongField: if it has no name, or its parameters are no schema.
    """
    if not name:
        raise WrongField(f"{field}.name", "a tool needs a name")
    return Tool(name, description or "", object_text(parameters, f"{field}.parameters"))


def read_choice(choice: str | NamedTool | None, tools: Sequence[Tool]) -> tuple[ToolChoice, str]:
    """Whether a tool must be called, and which.

    Raises:
        WrongField: if the word is unknown, or the tool is not among the tools.
    """
    if choice is None or choice in ("auto", "none"):
        return ("none" if choice == "none" else "auto"), ""
    if choice == "required":
        if not tools:
            raise WrongField("tool_choice", "`required` needs tools to choose from")
        return "required", ""
    if isinstance(choice, str):
        raise WrongField(
            "tool_choice", f"{choice[:40]!r} is not known", hint="auto, none, required or a tool"
        )
    if choice.type != "function":
        raise WrongField("tool_choice", f"the type {choice.type[:40]!r} is not supported", hint="function")
    name = choice.function.name if choice.function else choice.name
    if name not in [tool.name for tool in tools]:
        raise WrongField("tool_choice", f"the tool {name!r} is not among the tools of this request")
    return "required", name or ""


def read_effort(effort: str | None, field: str) -> Thinking | None:
    """How much a model may think.

    Raises:
        WrongField: if the word is unknown.
    """
    if effort is None:
        return None
    if effort not in EFFORTS:
        raise WrongField(field, f"{effort[:40]!r} is not known", hint=f"one of {', '.join(EFFORTS)}")
    return EFFORTS[effort]


def named_results(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """The messages with the tool's name in every result whose call is among them.

    This dialect names a result by the call's id alone, others by the tool's name alone.
    """
    names = {call.call_id: call.name for each in messages for call in each.tool_calls}
    if not names:
        return tuple(messages)
    return tuple(
        replace(each, tool_name=names.get(each.tool_call_id, ""))
        if each.role == "tool" and not each.tool_name
        else each
        for each in messages
    )
