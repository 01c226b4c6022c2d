"""Requests of Anthropic's Messages API, as its clients send them.

What only Anthropic's own models can do (server tools, files, PDF) is refused by name instead of being
dropped. Source: Anthropic API reference, messages (2026-11); types of the SDK 2.12.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    DataPolicy,
    Image,
    Original,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)

__all__ = ["read_count_request", "read_request"]

T = TypeVar("T")

LOW_BUDGET, MEDIUM_BUDGET = 4096, 16384
"""Thinking budgets up to which the wish is `low` or `medium`; Anthropic's smallest is 1,024 tokens."""


class _Text(msgspec.Struct, tag="text"):
    text: str


class _Source(msgspec.Struct):
    type: str = ""
    media_type: str = ""
    data: str = ""


class _Image(msgspec.Struct, tag="image"):
    source: _Source


class _Document(msgspec.Struct, tag="document"):
    source: _Source
    title: str | None = None


class _ToolUse(msgspec.Struct, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _ToolResult(msgspec.Struct, tag="tool_result"):
    tool_use_id: str
    content: str | list[_Text | _Image | _Document] | None = None
    is_error: bool | None = False


class _Thought(msgspec.Struct, tag="thinking"):
    thinking: str
    signature: str = ""


class _Redacted(msgspec.Struct, tag="redacted_thinking"):
    data: str = ""


_Block = _Text | _Image | _Document | _ToolUse | _ToolResult | _Thought | _Redacted


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw(b"")


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = False


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Counted(msgspec.Struct):
    """What `count_tokens` takes; a message takes more."""

    model: str
    messages: list[_Message]
    system: str | list[_Text] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None


class _Request(_Counted):
    max_tokens: int | msgspec.UnsetType = msgspec.UNSET
    stream: bool | None = False
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


_requests = msgspec.json.Decoder(_Request)
_counts = msgspec.json.Decoder(_Counted)


def read_request(body: bytes, *, data: DataPolicy = "local_only") -> ChatRequest:
    """What the client wants. `data` is what may leave the house.

    Raises:
        BadRequest: if the body is wrong, naming the field.
    """
    wire = _decoded(_requests, body)
    if isinstance(wire.max_tokens, msgspec.UnsetType):
        raise BadRequest("max_tokens: Field required", hint="the most tokens that the answer may have")
    if wire.max_tokens <= 0:
        raise BadRequest(f"max_tokens: {wire.max_tokens} is too small", hint="at least 1")
    if wire.temperature is not None and not 0 <= wire.temperature <= 1:
        raise BadRequest(f"temperature: {wire.temperature:g} is out of range", hint="0 to 1")
    if wire.top_p is not None and not 0 <= wire.top_p <= 1:
        raise BadRequest(f"top_p: {wire.top_p:g} is out of range", hint="0 to 1")
    choice, name = _choice(wire.tool_choice)
    return ChatRequest(
        messages=_messages(wire),
        model=wire.model or None,
        data=data,
        max_tokens=wire.max_tokens,
        temperature=wire.temperature,
        stop=tuple(wire.stop_sequences or ()),
        json_schema=_schema(wire.output_config),
        top_p=wire.top_p,
        top_k=wire.top_k,
        tools=_tools(wire.tools),
        tool_choice=choice,
        tool_name=name,
        parallel_tools=not (wire.tool_choice and wire.tool_choice.disable_parallel_tool_use),
        thinking=_thinking(wire.thinking, wire.output_config),
        stream=bool(wire.stream),
        original=Original("anthropic", body),
    )


def read_count_request(body: bytes) -> ChatRequest:
    """What `count_tokens` is to count.

    Raises:
        BadRequest: if the body is wrong, naming the field.
    """
    wire = _decoded(_counts, body)
    return ChatRequest(messages=_messages(wire), model=wire.model or None, tools=_tools(wire.tools))


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        words, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").lstrip(".")
        hint = "content blocks: text, image, document (text), tool_use, tool_result, thinking"
        raise BadRequest(
            f"{field}: {words}" if field else words, hint=hint if ".content" in place else ""
        ) from None
    except UNREADABLE as error:
        raise BadRequest(f"The body is not JSON: {error}") from None


def _messages(wire: _Counted) -> tuple[ChatMessage, ...]:
    if not wire.messages:
        raise BadRequest("messages: at least one message is required")
    told: list[ChatMessage] = []
    if wire.system:
        system = wire.system if isinstance(wire.system, str) else "\n".join(each.text for each in wire.system)
        told.append(ChatMessage("system", system))
    for place, message in enumerate(wire.messages):
        if isinstance(message.content, str):
            told.append(ChatMessage(message.role, message.content))
        elif message.role == "assistant":
            told.append(_said(message.content, place))
        else:
            told += _asked(message.role, message.content, place)
    return tuple(told)


def _said(blocks: list[_Block], place: int) -> ChatMessage:
    """A turn of the assistant. Its text blocks are pieces of one text."""
    texts: list[str] = []
    thoughts: list[Thought] = []
    calls: list[ToolCall] = []
    for number, block in enumerate(blocks):
        match block:
            case _Text(text=text):
                texts.append(text)
            case _Thought(thinking=thought, signature=signature):
                thoughts.append(Thought(thought, signature))
            case _ToolUse():
                calls.append(ToolCall(block.id, block.name, bytes(block.input).decode("utf-8", "replace")))
            case _Redacted(data=data):
                thoughts.append(Thought(redacted=data))
            case _:
                raise _misplaced(block, place, number, "assistant")
    return ChatMessage(
        "assistant",
        "".join(texts),
        tool_calls=tuple(calls),
        reasoning="".join(each.text for each in thoughts),
        reasoning_signature=next((each.signature for each in reversed(thoughts) if each.signature), ""),
        thoughts=tuple(thoughts) if len(thoughts) > 1 or any(each.redacted for each in thoughts) else (),
    )


def _asked(role: Literal["user", "system"], blocks: list[_Block], place: int) -> list[ChatMessage]:
    """A turn of the user: results of tools are turns of their own, in the order they came."""
    told: list[ChatMessage] = []
    texts: list[str] = []
    images: list[Image] = []

    def flush() -> None:
        if texts or images:
            told.append(ChatMessage(role, "\n".join(texts), tuple(images)))
            texts.clear()
            images.clear()

    for number, block in enumerate(blocks):
        where = f"messages[{place}].content[{number}]"
        match block:
            case _Text(text=text):
                texts.append(text)
            case _Image(source=source):
                images.append(_image(source, where))
            case _Document():
                texts.append(_document(block, where))
            case _ToolResult():
                flush()
                told.append(_result(block, where))
            case _:
                raise _misplaced(block, place, number, role)
    flush()
    return told or [ChatMessage(role, "")]


def _result(block: _ToolResult, where: str) -> ChatMessage:
    texts: list[str] = []
    images: list[Image] = []
    if isinstance(block.content, str):
        texts.append(block.content)
    for number, part in enumerate(block.content if isinstance(block.content, list) else ()):
        match part:
            case _Text(text=text):
                texts.append(text)
            case _Image(source=source):
                images.append(_image(source, f"{where}.content[{number}]"))
            case _Document():
                texts.append(_document(part, f"{where}.content[{number}]"))
    text = "\n".join(texts)
    # Other protocols have no flag for it; the model must learn of the failure all the same.
    if block.is_error and not text.lower().startswith("error"):
        text = f"Error: {text}" if text else "Error"
    return ChatMessage("tool", text, tuple(images), tool_call_id=block.tool_use_id)


def _image(source: _Source, where: str) -> Image:
    if source.type != "base64":
        raise BadRequest(
            f"{where}.source.type: `{source.type}` is not offered here", hint="send the picture as base64"
        )
    if not source.media_type.startswith("image/") or not source.data:
        raise BadRequest(f"{where}.source: needs media_type (image/...) and data")
    return Image(source.media_type, "".join(source.data.split()))


def _document(block: _Document, where: str) -> str:
    if block.source.type != "text":
        raise BadRequest(
            f"{where}.source.type: a document as `{block.source.type}` is not offered here",
            hint="send its text, or let `inhouse ingest` read the file",
        )
    return f"{block.title}\n\n{block.source.data}" if block.title else block.source.data


def _misplaced(block: _Block, place: int, number: int, role: str) -> BadRequest:
    kind = block.__struct_config__.tag
    return BadRequest(f"messages[{place}].content[{number}]: `{kind}` may not stand in a turn of the {role}")


def _tools(tools: list[_Tool] | None) -> tuple[Tool, ...]:
    read: list[Tool] = []
    for place, tool in enumerate(tools or ()):
        if tool.type not in (None, "custom"):
            raise BadRequest(
                f"tools[{place}].type: `{tool.type}` belongs to Anthropic's models and is not offered here",
                hint="describe it as a tool with name, description and input_schema",
            )
        if not tool.name:
            raise BadRequest(f"tools[{place}].name: Field required")
        schema = bytes(tool.input_schema)
        if not schema:
            raise BadRequest(f"tools[{place}].input_schema: Field required")
        if not schema.startswith(b"{"):
            raise BadRequest(f"tools[{place}].input_schema: is not a JSON schema of type object")
        read.append(Tool(tool.name, tool.description or "", schema.decode()))
    return tuple(read)


def _choice(choice: _Choice | None) -> tuple[ToolChoice, str]:
    if choice is None or choice.type == "auto":
        return "auto", ""
    if choice.type == "none":
        return "none", ""
    if choice.type == "tool" and not choice.name:
        raise BadRequest("tool_choice.name: Field required with the type `tool`")
    return "required", choice.name if choice.type == "tool" else ""


def _schema(config: _OutputConfig | None) -> str | None:
    if config is None or config.format is None:
        return None
    if config.format.type != "json_schema":
        raise BadRequest(f"output_config.format.type: `{config.format.type}` is not `json_schema`")
    schema = bytes(config.format.schema)
    if not schema.startswith(b"{"):
        raise BadRequest("output_config.format.schema: is not a JSON schema")
    return schema.decode()


def _thinking(thinking: _Thinking | None, config: _OutputConfig | None) -> Thinking | None:
    if thinking is None:
        return None
    if thinking.type in ("disabled", "between_tools"):
        return "off"
    if thinking.type == "enabled" and thinking.budget_tokens is not None:
        budget = thinking.budget_tokens
        return "low" if budget <= LOW_BUDGET else "medium" if budget <= MEDIUM_BUDGET else "high"
    efforts: dict[str, Thinking] = {"low": "low", "medium": "medium", "high": "high"}
    efforts |= {"xhigh": "max", "max": "max"}
    return efforts.get((config and config.effort) or "", "on")
