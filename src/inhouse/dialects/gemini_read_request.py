"""Requests of the Gemini API, as its clients send them.

What only Google can do (search, code, files that lie there) is refused by name instead of being dropped.
Source: Gemini API reference v1beta (2026-11); types of the SDK google-genai 3.4.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from inhouse.dialects.gemini_calls import join_id
from inhouse.dialects.gemini_names import camel
from inhouse.dialects.gemini_schema import json_schema
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    DataPolicy,
    EmbedRequest,
    Image,
    Original,
    Role,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)

__all__ = ["read_count_request", "read_embed_request", "read_request", "wants_thoughts"]

T = TypeVar("T")

LOW_BUDGET, MEDIUM_BUDGET = 4096, 16384
MODES = ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED")


class _Struct(msgspec.Struct, rename="camel"):
    pass


class _Blob(_Struct):
    mime_type: str = ""
    data: str = ""


class _Call(_Struct):
    name: str
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Result(_Struct):
    name: str
    id: str | None = None
    response: msgspec.Raw = msgspec.Raw(b"{}")
    parts: list[dict[str, Any]] | None = None


class _Part(_Struct):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: _Blob | None = None
    function_call: _Call | None = None
    function_response: _Result | None = None
    # Any: what is only named to be refused.
    file_data: dict[str, Any] | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None


class _Content(_Struct):
    parts: list[_Part] | _Part | None = None
    role: str | None = None


class _ThinkingConfig(_Struct):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Generation(_Struct):
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    candidate_count: int | None = None
    response_mime_type: str | None = None
    response_schema: msgspec.Raw = msgspec.Raw(b"null")
    response_json_schema: msgspec.Raw = msgspec.Raw(b"null")
    response_modalities: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    thinking_config: _ThinkingConfig | None = None


class _Declared(_Struct):
    name: str
    description: str | None = None
    # Any: schemas are open-ended JSON.
    parameters: Any = None
    parameters_json_schema: Any = None


class _Calling(_Struct):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(_Struct):
    function_calling_config: _Calling | None = None


class _Request(_Struct):
    contents: list[_Content] | _Content | None = None
    system_instruction: _Content | str | None = None
    generation_config: _Generation | None = None
    # Any: one object may hold declarations and tools of Google's own, side by side.
    tools: list[dict[str, Any]] | None = None
    tool_config: _ToolConfig | None = None
    cached_content: str | None = None


class _CountRequest(_Struct):
    contents: list[_Content] | _Content | None = None
    generate_content_request: _Request | None = None


class _EmbedConfig(_Struct):
    output_dimensionality: int | None = None
    auto_truncate: bool | None = None


class _Embed(_Struct):
    content: _Content
    output_dimensionality: int | None = None
    embed_content_config: _EmbedConfig | None = None


class _Batch(_Struct):
    requests: list[_Embed]


class _Thoughts(_Struct):
    generation_config: _Generation | None = None


def read_request(body: bytes, *, model: str, stream: bool, data: DataPolicy = "local_only") -> ChatRequest:
    """What the client wants; the model and the manner stand in the path. `data`: what may leave the house.

    Raises:
        BadRequest: if the body is wrong, naming the field.
    """
    return _request(_decoded(_Request, body), model=model, stream=stream, data=data, original=body)


def read_count_request(body: bytes, *, model: str) -> ChatRequest:
    """What `countTokens` is to count.

    Raises:
        BadRequest: if the body is wrong, naming the field.
    """
    wire = _decoded(_CountRequest, body)
    inner = wire.generate_content_request or _Request(contents=wire.contents)
    return _request(inner, model=model, stream=False, data="local_only", original=b"")


def read_embed_request(body: bytes, *, model: str, batch: bool) -> EmbedRequest:
    """The texts of `embedContent`, or of `batchEmbedContents`.

    Raises:
        BadRequest: if the body is wrong, naming the field.
    """
    each = _decoded(_Batch, body).requests if batch else [_decoded(_Embed, body)]
    if not each:
        raise BadRequest("requests: at least one is required")
    wanted = {_dimensions(one) for one in each}
    if len(wanted) > 1:
        raise BadRequest("requests: all must ask for the same outputDimensionality")
    texts = []
    for place, one in enumerate(each):
        where = f"requests[{place}].content" if batch else "content"
        texts.append(_plain(one.content, where))
    return EmbedRequest(tuple(texts), model=model, dimensions=wanted.pop())


def _dimensions(one: _Embed) -> int | None:
    wanted = one.output_dimensionality
    if wanted is None and one.embed_content_config is not None:
        wanted = one.embed_content_config.output_dimensionality
    if wanted is not None and wanted < 1:
        raise BadRequest(f"outputDimensionality: {wanted} is less than 1")
    return wanted


def wants_thoughts(body: bytes) -> bool:
    """True when the client wants to see what the model thinks; by default it does not in this protocol."""
    if b"ncludeThoughts" not in body and b"nclude_thoughts" not in body:
        return False
    config = _decoded(_Thoughts, body).generation_config
    return bool(config and config.thinking_config and config.thinking_config.include_thoughts)


def _decoded(kind: type[T], body: bytes) -> T:
    try:
        return msgspec.json.decode(camel(body), type=kind)
    except msgspec.ValidationError as error:
        words, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").lstrip(".")
        raise BadRequest(f"{field}: {words}" if field else words) from None
    except UNREADABLE as error:
        raise BadRequest(f"The body is not JSON: {error}") from None


def _request(wire: _Request, *, model: str, stream: bool, data: DataPolicy, original: bytes) -> ChatRequest:
    if wire.cached_content:
        raise BadRequest("cachedContent: nothing is cached here by name", hint="send the content itself")
    given = wire.generation_config or _Generation()
    _refuse(given)
    tools, choice, name = _tools(wire)
    schema, any_object = _form(given)
    return ChatRequest(
        messages=_messages(wire),
        model=model or None,
        data=data,
        max_tokens=given.max_output_tokens,
        temperature=given.temperature,
        stop=tuple(given.stop_sequences or ()),
        seed=given.seed,
        json_schema=schema,
        json_object=any_object,
        top_p=given.top_p,
        top_k=None if given.top_k is None else int(given.top_k),
        frequency_penalty=given.frequency_penalty,
        presence_penalty=given.presence_penalty,
        tools=tools,
        tool_choice=choice,
        tool_name=name,
        thinking=_thinking(given.thinking_config),
        top_logprobs=(given.logprobs or 0) if given.response_logprobs else None,
        stream=stream,
        original=Original("gemini", original) if original else None,
    )


def _refuse(given: _Generation) -> None:
    if given.candidate_count not in (None, 1):
        raise BadRequest(f"generationConfig.candidateCount: {given.candidate_count} is not offered", hint="1")
    if given.max_output_tokens is not None and given.max_output_tokens <= 0:
        raise BadRequest(f"generationConfig.maxOutputTokens: {given.max_output_tokens} is too small")
    if given.temperature is not None and not 0 <= given.temperature <= 2:
        raise BadRequest(f"generationConfig.temperature: {given.temperature:g} is not between 0 and 2")
    if given.top_p is not None and not 0 <= given.top_p <= 1:
        raise BadRequest(f"generationConfig.topP: {given.top_p:g} is not between 0 and 1")
    other = [each for each in given.response_modalities or () if each.upper() != "TEXT"]
    if other:
        raise BadRequest(f"generationConfig.responseModalities: {other[0]} is not offered here", hint="TEXT")


def _form(given: _Generation) -> tuple[str | None, bool]:
    """The schema of the answer, and whether any JSON object will do."""
    kind = given.response_mime_type or "text/plain"
    schema: str | None = None
    if bytes(given.response_json_schema) != b"null":
        schema = bytes(given.response_json_schema).decode()
    elif bytes(given.response_schema) != b"null":
        told = json_schema(msgspec.json.decode(bytes(given.response_schema)))
        schema = msgspec.json.encode(told).decode()
    if kind == "application/json":
        return schema, schema is None
    if kind != "text/plain":
        raise BadRequest(
            f"generationConfig.responseMimeType: `{kind}` is not offered here",
            hint="text/plain or application/json",
        )
    if schema is not None:
        raise BadRequest(
            "generationConfig.responseSchema: needs the responseMimeType `application/json`",
            hint="set generationConfig.responseMimeType",
        )
    return None, False


def _messages(wire: _Request) -> tuple[ChatMessage, ...]:
    told: list[ChatMessage] = []
    if wire.system_instruction:
        given = wire.system_instruction
        text = given if isinstance(given, str) else _plain(given, "systemInstruction")
        if text:
            told.append(ChatMessage("system", text))
    contents = wire.contents if isinstance(wire.contents, list) else [wire.contents] if wire.contents else []
    if not contents:
        raise BadRequest("contents: at least one is required")
    for place, content in enumerate(contents):
        role = content.role or "user"
        if role not in ("user", "model", "function"):
            raise BadRequest(f"contents[{place}].role: `{role}` is not `user` or `model`")
        told += _turn("assistant" if role == "model" else "user", content, f"contents[{place}]")
    return tuple(told)


def _turn(role: Role, content: _Content, where: str) -> list[ChatMessage]:
    """One content: results of functions are turns of their own, in the order they came."""
    told: list[ChatMessage] = []
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[Image] = []
    calls: list[ToolCall] = []
    for number, part in enumerate(_parts(content)):
        at = f"{where}.parts[{number}]"
        _refuse_part(part, at)
        if part.function_response is not None:
            told.append(_result(part.function_response, at))
        elif part.function_call is not None:
            calls.append(_call(part.function_call, part.thought_signature or "", len(calls), where))
        elif part.inline_data is not None:
            images.append(_image(part.inline_data, at))
        elif part.text is not None:
            (thoughts if part.thought else texts).append(part.text)
    if texts or images or calls or thoughts or not told:
        told.append(
            ChatMessage(role, "".join(texts), tuple(images), tuple(calls), reasoning="".join(thoughts))
        )
    return told


def _parts(content: _Content) -> list[_Part]:
    if content.parts is None:
        return []
    return content.parts if isinstance(content.parts, list) else [content.parts]


def _plain(content: _Content, where: str) -> str:
    """The text of a content that may hold nothing else."""
    texts: list[str] = []
    for number, part in enumerate(_parts(content)):
        if part.text is None:
            raise BadRequest(f"{where}.parts[{number}]: is not a text")
        texts.append(part.text)
    return "\n".join(texts)


def _refuse_part(part: _Part, where: str) -> None:
    if part.file_data is not None:
        raise BadRequest(
            f"{where}.fileData: files that lie elsewhere are not fetched", hint="send it as inlineData"
        )
    if part.executable_code is not None or part.code_execution_result is not None:
        raise BadRequest(f"{where}: code execution is not offered here")


def _image(blob: _Blob, where: str) -> Image:
    if not blob.mime_type.startswith("image/") or not blob.data:
        raise BadRequest(
            f"{where}.inlineData: `{blob.mime_type}` is not offered here", hint="mimeType image/... with data"
        )
    # Google takes both alphabets of base64; everybody else takes the first only.
    data = "".join(blob.data.split()).replace("-", "+").replace("_", "/")
    return Image(blob.mime_type, data + "=" * (-len(data) % 4))


def _call(call: _Call, signature: str, number: int, where: str) -> ToolCall:
    # Without an id, results find their call by the name and the order.
    call_id = join_id(call.id or (f"{where}_{number}" if signature else ""), signature)
    return ToolCall(call_id, call.name, bytes(call.args).decode("utf-8", "replace"))


def _result(result: _Result, where: str) -> ChatMessage:
    if result.parts:
        raise BadRequest(f"{where}.functionResponse.parts: is not offered here", hint="text in `response`")
    text = bytes(result.response).decode("utf-8", "replace")
    try:
        response = msgspec.json.decode(text)
    except UNREADABLE:
        response = None
    # The SDK wraps what a function returned into `result` or `output`; models need no wrapping.
    if isinstance(response, dict) and len(response) == 1:
        inner = response.get("result", response.get("output"))
        if isinstance(inner, str):
            text = inner
        elif inner is not None:
            text = msgspec.json.encode(inner).decode()
    return ChatMessage("tool", text, tool_call_id=result.id or "", tool_name=result.name)


def _tools(wire: _Request) -> tuple[tuple[Tool, ...], ToolChoice, str]:
    tools: list[Tool] = []
    for place, group in enumerate(wire.tools or ()):
        for kind, content in group.items():
            if kind != "functionDeclarations":
                if content is None:
                    continue
                raise BadRequest(
                    f"tools[{place}].{kind}: runs at Google and is not offered here",
                    hint="describe functions of your own in functionDeclarations",
                )
            try:
                declared = msgspec.convert(content, list[_Declared])
            except msgspec.ValidationError as error:
                raise BadRequest(f"tools[{place}].functionDeclarations: {error}") from None
            tools += [_tool(each) for each in declared]
    calling = (wire.tool_config and wire.tool_config.function_calling_config) or _Calling()
    mode = (calling.mode or "AUTO").upper()
    if mode not in MODES:
        raise BadRequest(
            f"toolConfig.functionCallingConfig.mode: `{calling.mode}` is unknown", hint=", ".join(MODES[:4])
        )
    allowed = calling.allowed_function_names or []
    unknown = [name for name in allowed if name not in {tool.name for tool in tools}]
    if unknown:
        raise BadRequest(
            f"toolConfig.functionCallingConfig.allowedFunctionNames: `{unknown[0]}` is not declared"
        )
    if mode == "ANY":
        left = [tool for tool in tools if not allowed or tool.name in allowed]
        return tuple(left), "required", left[0].name if len(allowed) == 1 else ""
    return tuple(tools), "none" if mode == "NONE" else "auto", ""


def _tool(declared: _Declared) -> Tool:
    schema = declared.parameters_json_schema
    if schema is None:
        schema = json_schema(declared.parameters or {"type": "object", "properties": {}})
    return Tool(declared.name, declared.description or "", msgspec.json.encode(schema).decode())


def _thinking(config: _ThinkingConfig | None) -> Thinking | None:
    if config is None:
        return None
    levels: dict[str, Thinking] = {
        "MINIMAL": "low",
        "LOW": "low",
        "MEDIUM": "medium",
        "HIGH": "high",
        "XHIGH": "max",
    }
    if config.thinking_level:
        return levels.get(config.thinking_level.upper(), "on")
    budget = config.thinking_budget
    if budget is None:
        return "on" if config.include_thoughts else None
    if budget == 0:
        return "off"
    if budget < 0:
        return "on"
    return "low" if budget <= LOW_BUDGET else "medium" if budget <= MEDIUM_BUDGET else "high"
