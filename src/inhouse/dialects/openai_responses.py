"""`POST /v1/responses` read as the kernel's words.

Nothing is kept between two requests, so what refers to an earlier one (`previous_response_id`, `store`,
`conversation`, `item_reference`, `background`) is refused and the caller sends the whole conversation, as
clients without storage do. Tools that OpenAI runs itself are refused by name.

Source: OpenAI API reference, responses (2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from inhouse.dialects.openai_errors import WrongField, decode_body
from inhouse.dialects.openai_parts import (
    Count,
    NamedTool,
    Share,
    Temperature,
    TopLogprobs,
    image_of,
    named_results,
    object_text,
    read_choice,
    read_effort,
    tool_of,
)
from inhouse.kernel.messages import ChatMessage, ChatRequest, Image, Role, Tool, ToolCall

__all__ = ["ResponseAsk", "read_request"]

_NULL = msgspec.Raw(b"null")
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_LOGPROBS = "message.output_text.logprobs"


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    content: str | list[_Part] | None = None
    summary: list[_Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[_Part] | None = None


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = _NULL


class _Format(msgspec.Struct):
    type: str
    name: str | None = None
    schema: msgspec.Raw = _NULL


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(msgspec.Struct):
    input: str | list[_Item] | None = None
    model: str | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_logprobs: TopLogprobs | None = None
    include: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None
    conversation: msgspec.Raw = _NULL
    prompt: msgspec.Raw = _NULL
    metadata: msgspec.Raw = _NULL
    user: str | None = None


_bodies = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class ResponseAsk:
    """The request, and what of it the answer repeats as it came."""

    request: ChatRequest
    instructions: str | None = field(repr=False)
    effort: str | None
    summary: str | None
    schema_name: str
    metadata: str = field(repr=False)


def read_request(body: bytes) -> ResponseAsk:
    """The request in the kernel's words.

    Raises:
        WrongField: if the body is not such a request, or asks for something that is not offered here.
    """
    wire = decode_body(body, _bodies)
    _refuse_memory(wire)
    tools = _tools(wire.tools or [])
    choice, tool_name = read_choice(wire.tool_choice, tools)
    form = wire.text.format if wire.text else None
    json_schema, json_object = _format(form) if form else (None, False)
    messages = [ChatMessage("system", wire.instructions)] if wire.instructions else []
    if isinstance(wire.input, str):
        messages.append(ChatMessage("user", wire.input))
    else:
        messages += _messages(wire.input or [])
    if not any(each.role != "system" for each in messages):
        raise WrongField("input", "at least one message is needed")
    scored = wire.top_logprobs is not None or _LOGPROBS in (wire.include or ())
    request = ChatRequest(
        messages=named_results(messages),
        model=wire.model or None,
        max_tokens=wire.max_output_tokens,
        temperature=wire.temperature,
        top_p=wire.top_p,
        json_schema=json_schema,
        json_object=json_object,
        tools=tools,
        tool_choice=choice,
        tool_name=tool_name,
        parallel_tools=wire.parallel_tool_calls is not False,
        thinking=read_effort(wire.reasoning.effort if wire.reasoning else None, "reasoning.effort"),
        top_logprobs=(wire.top_logprobs or 0) if scored else None,
        stream=wire.stream is True,
    )
    return ResponseAsk(
        request,
        instructions=wire.instructions,
        effort=wire.reasoning.effort if wire.reasoning else None,
        summary=wire.reasoning.summary if wire.reasoning else None,
        schema_name=(form.name if form else None) or "answer",
        metadata=object_text(wire.metadata, "metadata"),
    )


def _refuse_memory(wire: _Body) -> None:
    """Raises `WrongField` for what needs an earlier request, or a later one."""
    whole = "send the whole conversation as `input`"
    if wire.previous_response_id:
        raise WrongField("previous_response_id", "responses are not kept here", hint=whole)
    if wire.store:
        raise WrongField("store", "responses are not kept here", hint="send false, or leave it out")
    if wire.background:
        raise WrongField("background", "responses are not kept here", hint="use `stream`")
    if bytes(wire.conversation) != b"null":
        raise WrongField("conversation", "conversations are not kept here", hint=whole)
    if bytes(wire.prompt) != b"null":
        raise WrongField("prompt", "there are no stored prompts here", hint="send it as `instructions`")


def _messages(items: list[_Item]) -> list[ChatMessage]:
    """The conversation; what an assistant thought, said and called in one turn becomes one message."""
    messages: list[ChatMessage] = []
    turn: ChatMessage | None = None
    for place, item in enumerate(items):
        here = f"input[{place}]"
        said = _assistant_part(item, turn, here)
        if said is not None:
            turn = said
            continue
        if turn is not None:
            messages.append(turn)
            turn = None
        messages.append(_other_turn(item, here))
    return [*messages, turn] if turn is not None else messages


def _assistant_part(item: _Item, turn: ChatMessage | None, here: str) -> ChatMessage | None:
    """The assistant's turn with this item added; None when the item is somebody else's."""
    kind = item.type or "message"
    so_far = turn or ChatMessage("assistant", "")
    if kind == "message" and item.role == "assistant":
        text, images = _content(item.content, f"{here}.content")
        if images:
            raise WrongField(f"{here}.content", "a picture does not belong to the role `assistant`")
        return replace(so_far, content=f"{so_far.content}\n{text}" if so_far.content else text)
    if kind == "function_call":
        if not item.name or not item.call_id:
            raise WrongField(here, "a call needs `call_id` and `name`")
        call = ToolCall(item.call_id, item.name, item.arguments or "{}")
        return replace(so_far, tool_calls=(*so_far.tool_calls, call))
    if kind == "reasoning":
        parts = item.content if isinstance(item.content, list) and item.content else item.summary or []
        thought = "\n".join(part.text or "" for part in parts)
        return replace(so_far, reasoning=f"{so_far.reasoning}\n{thought}" if so_far.reasoning else thought)
    return None


def _other_turn(item: _Item, here: str) -> ChatMessage:
    kind = item.type or "message"
    if kind == "function_call_output":
        if not item.call_id:
            raise WrongField(f"{here}.call_id", "a result must name the call that it answers")
        if item.output is None:
            raise WrongField(f"{here}.output", "this is missing")
        text, images = _content(item.output, f"{here}.output")
        return ChatMessage("tool", text, images=images, tool_call_id=item.call_id)
    if kind == "item_reference":
        raise WrongField(here, "responses are not kept here", hint="send the item itself")
    if kind != "message":
        raise WrongField(f"{here}.type", f"{kind[:40]!r} is not offered")
    role = _ROLES.get(item.role or "")
    if role is None:
        raise WrongField(f"{here}.role", f"{item.role!r} is not known", hint=f"one of {', '.join(_ROLES)}")
    if item.content is None:
        raise WrongField(f"{here}.content", "this is missing")
    text, images = _content(item.content, f"{here}.content")
    if images and role != "user":
        raise WrongField(f"{here}.content", f"a picture does not belong to the role `{item.role}`")
    return ChatMessage(role, text, images=images)


def _content(content: str | list[_Part] | None, field: str) -> tuple[str, tuple[Image, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    texts: list[str] = []
    images: list[Image] = []
    for place, part in enumerate(content):
        here = f"{field}[{place}]"
        if part.type in ("input_text", "output_text", "text", "refusal"):
            text = part.refusal if part.type == "refusal" else part.text
            if text is None:
                raise WrongField(here, "the text is missing")
            texts.append(text)
        elif part.type == "input_image":
            if part.image_url is None:
                raise WrongField(here, "files are not kept here", hint="send `image_url` as data:…")
            images.append(image_of(part.image_url, f"{here}.image_url"))
        elif part.type == "input_audio":
            raise WrongField(here, "models here do not hear", hint="send the words as text")
        else:
            raise WrongField(f"{here}.type", f"{part.type[:40]!r} is not offered", hint="text or a picture")
    return "\n".join(texts), tuple(images)


def _tools(tools: list[_Tool]) -> tuple[Tool, ...]:
    found = []
    for place, tool in enumerate(tools):
        if tool.type != "function":
            raise WrongField(f"tools[{place}].type", f"{tool.type[:40]!r} is not offered", hint="function")
        found.append(tool_of(tool.name, tool.description, tool.parameters, f"tools[{place}]"))
    return tuple(found)


def _format(form: _Format) -> tuple[str | None, bool]:
    if form.type == "json_schema":
        if bytes(form.schema) == b"null":
            raise WrongField("text.format.schema", "this is missing")
        return object_text(form.schema, "text.format.schema"), False
    if form.type not in ("text", "json_object"):
        hint = "text, json_object or json_schema"
        raise WrongField("text.format.type", f"{form.type[:40]!r} is not known", hint=hint)
    return None, form.type == "json_object"
