"""`POST /v1/chat/completions` read as the kernel's words: the server side of the OpenAI dialect.

What has no sense here is said, not dropped: a picture to be fetched, sound, several answers at once, the
old `functions`. Fields that change nothing a caller can see (`user`, `metadata`, `store`, `service_tier`)
and fields that we do not know are ignored. Two that we know are dropped when an engine of another dialect
answers, as the kernel has no word for them: `logit_bias` and a tool's `strict`.

Source: OpenAI API reference, chat completions (2026-11); `top_k`, `min_p`, `repeat_penalty` and
`chat_template_kwargs` as llama.cpp and vLLM take them.
"""

from __future__ import annotations

import msgspec

from inhouse.dialects.openai_errors import WrongField, decode_body
from inhouse.dialects.openai_parts import (
    Count,
    NamedTool,
    Penalty,
    Seed,
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

__all__ = ["read_chat", "read_request"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_NULL = msgspec.Raw(b"null")


class _Address(msgspec.Struct):
    url: str


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _Address | str | None = None


class _CallFunction(msgspec.Struct):
    name: str
    arguments: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: _CallFunction | None = None


class _Turn(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = _NULL


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _Schema(msgspec.Struct):
    schema: msgspec.Raw = _NULL


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None
    schema: msgspec.Raw = _NULL


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _TemplateWords(msgspec.Struct):
    enable_thinking: bool | None = None
    thinking: bool | None = None
    reasoning_effort: str | None = None


class _Body(msgspec.Struct):
    messages: list[_Turn] | None = None
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: int | None = None
    min_p: Share | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repeat_penalty: float | None = None
    repetition_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: _TemplateWords | None = None
    n: int | None = None
    modalities: list[str] | None = None
    audio: msgspec.Raw = _NULL
    functions: msgspec.Raw = _NULL
    function_call: msgspec.Raw = _NULL
    web_search_options: msgspec.Raw = _NULL


_bodies = msgspec.json.Decoder(_Body)


def read_request(body: bytes) -> ChatRequest:
    """The request in the kernel's words.

    Raises:
        WrongField: if the body is not such a request, or asks for something that is not offered here.
    """
    return read_chat(body)[0]


def read_chat(body: bytes, *, data: DataPolicy = "local_only") -> tuple[ChatRequest, bool]:
    """The request, and whether its stream ends with the usage (`stream_options.include_usage`).

    `data` is what may leave the house; it is an argument because a changed request is made anew.

    Raises:
        WrongField: see `read_request`.
    """
    wire = decode_body(body, _bodies)
    if not wire.messages:
        raise WrongField("messages", "at least one message is needed")
    _refuse_others(wire)
    tools = _tools(wire.tools) if wire.tools else ()
    choice, tool_name = read_choice(wire.tool_choice, tools)
    json_schema, json_object = _format(wire.response_format) if wire.response_format else (None, False)
    repeat = wire.repeat_penalty if wire.repeat_penalty is not None else wire.repetition_penalty
    stop = wire.stop
    request = ChatRequest(
        messages=_messages(wire.messages),
        model=wire.model or None,
        data=data,
        max_tokens=wire.max_completion_tokens or wire.max_tokens,
        temperature=wire.temperature,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        seed=wire.seed,
        json_schema=json_schema,
        json_object=json_object,
        top_p=wire.top_p,
        top_k=wire.top_k,
        min_p=wire.min_p,
        frequency_penalty=wire.frequency_penalty,
        presence_penalty=wire.presence_penalty,
        repeat_penalty=repeat,
        tools=tools,
        tool_choice=choice,
        tool_name=tool_name,
        parallel_tools=wire.parallel_tool_calls is not False,
        thinking=_thinking(wire),
        top_logprobs=_top_logprobs(wire),
        stream=wire.stream is True,
        original=Original("openai", body),
    )
    options = wire.stream_options
    return request, options is not None and options.include_usage is True


def _refuse_others(wire: _Body) -> None:
    """Raises `WrongField` for what this house does not do."""
    if wire.n is not None and wire.n != 1:
        raise WrongField("n", f"{wire.n} answers to one request are not offered", hint="ask n times")
    if _said(wire.audio) or "audio" in (wire.modalities or ()):
        raise WrongField("modalities", "spoken answers are not offered", hint='use ["text"]')
    if _said(wire.functions) or _said(wire.function_call):
        raise WrongField("functions", "this is the old form of tools", hint="use `tools` and `tool_choice`")
    if _said(wire.web_search_options):
        raise WrongField("web_search_options", "models here do not search the web", hint="leave it out")


def _said(raw: msgspec.Raw) -> bool:
    return raw is not _NULL and bytes(raw) != b"null"


def _messages(turns: list[_Turn]) -> tuple[ChatMessage, ...]:
    messages: list[ChatMessage] = []
    results = False
    for place, turn in enumerate(turns):
        role = _ROLES.get(turn.role)
        if role is None:
            raise WrongField(
                f"messages[{place}].role",
                f"{turn.role[:40]!r} is not known",
                hint=f"one of {', '.join(_ROLES)}",
            )
        if type(turn.content) is str and role in ("system", "user") and turn.tool_calls is None:
            messages.append(ChatMessage(role, turn.content))
        else:
            results = results or role == "tool"
            messages.append(_turn(turn, role, f"messages[{place}]"))
    return named_results(messages) if results else tuple(messages)


def _turn(turn: _Turn, role: Role, field: str) -> ChatMessage:
    text, images = _content(turn.content, f"{field}.content")
    calls = tuple(_call(each, f"{field}.tool_calls[{n}]") for n, each in enumerate(turn.tool_calls or ()))
    if calls and role != "assistant":
        raise WrongField(f"{field}.tool_calls", "only an assistant calls tools")
    if images and role not in ("user", "tool"):
        raise WrongField(f"{field}.content", f"a picture does not belong to the role `{turn.role}`")
    if turn.content is None and role != "assistant":
        raise WrongField(f"{field}.content", "this is missing")
    if role == "tool" and not turn.tool_call_id:
        raise WrongField(f"{field}.tool_call_id", "a result must name the call that it answers")
    return ChatMessage(
        role,
        text or turn.refusal or "",
        images=images,
        tool_calls=calls,
        tool_call_id=turn.tool_call_id or "" if role == "tool" else "",
        tool_name=turn.name or "" if role == "tool" else "",
        reasoning=turn.reasoning_content or turn.reasoning or "" if role == "assistant" else "",
    )


def _content(content: str | list[_Part] | None, field: str) -> tuple[str, tuple[Image, ...]]:
    """All text, one line per part, and the pictures."""
    if content is None or isinstance(content, str):
        return content or "", ()
    texts: list[str] = []
    images: list[Image] = []
    for place, part in enumerate(content):
        here = f"{field}[{place}]"
        if part.type in ("text", "refusal"):
            text = part.text if part.type == "text" else part.refusal
            if text is None:
                raise WrongField(f"{here}.{part.type}", "this is missing")
            texts.append(text)
        elif part.type == "image_url":
            address = part.image_url
            if address is None:
                raise WrongField(f"{here}.image_url", "this is missing")
            images.append(image_of(address if isinstance(address, str) else address.url, f"{here}.image_url"))
        elif part.type == "input_audio":
            raise WrongField(here, "models here do not hear", hint="send the words as text")
        else:
            raise WrongField(f"{here}.type", f"{part.type[:40]!r} is not offered", hint="text or image_url")
    return "\n".join(texts), tuple(images)


def _call(call: _Call, field: str) -> ToolCall:
    if call.function is None or call.type not in (None, "function"):
        raise WrongField(field, "only calls of functions are known")
    return ToolCall(call.id or "", call.function.name, call.function.arguments or "{}")


def _tools(tools: list[_Tool]) -> tuple[Tool, ...]:
    found = []
    for place, tool in enumerate(tools):
        field = f"tools[{place}]"
        if tool.type != "function":
            raise WrongField(f"{field}.type", f"{tool.type[:40]!r} is not offered", hint="function")
        if tool.function is None:
            raise WrongField(f"{field}.function", "this is missing", hint='{"name": …, "parameters": {…}}')
        given = tool.function
        found.append(tool_of(given.name, given.description, given.parameters, f"{field}.function"))
    return tuple(found)


def _format(form: _Format) -> tuple[str | None, bool]:
    """The schema that the answer must keep, and whether it is any JSON object."""
    if form.type == "json_schema":
        schema = form.json_schema.schema if form.json_schema else _NULL
        if not _said(schema):
            raise WrongField("response_format.json_schema.schema", "this is missing")
        return object_text(schema, "response_format.json_schema.schema"), False
    if form.type == "json_object":
        if _said(form.schema):  # llama.cpp's way to give a schema
            return object_text(form.schema, "response_format.schema"), False
        return None, True
    if form.type != "text":
        raise WrongField(
            "response_format.type",
            f"{form.type[:40]!r} is not known",
            hint="text, json_object or json_schema",
        )
    return None, False


def _thinking(wire: _Body) -> Thinking | None:
    if wire.reasoning_effort is not None:
        return read_effort(wire.reasoning_effort, "reasoning_effort")
    words = wire.chat_template_kwargs
    if words is None:
        return None
    switch = words.enable_thinking if words.enable_thinking is not None else words.thinking
    if switch is False:
        return "off"
    effort = read_effort(words.reasoning_effort, "chat_template_kwargs.reasoning_effort")
    return effort or ("on" if switch else None)


def _top_logprobs(wire: _Body) -> int | None:
    if not wire.logprobs:
        if wire.top_logprobs is not None:
            raise WrongField("top_logprobs", "this needs `logprobs` to be true")
        return None
    return wire.top_logprobs or 0
