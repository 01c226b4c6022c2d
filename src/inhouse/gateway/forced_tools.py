"""A tool call that must happen, from engines that only know schemas.

Engines such as llama.cpp accept `tool_choice: required` and then answer in prose all the same (measured,
xllamacpp 2026.10). They do honour a schema, so the call is asked for as a document of the shape
`{"name": …, "arguments": …}` and turned back into a tool call here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from inhouse.gateway.schema import mismatch
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import ChatMessage, ChatRequest, Tool, ToolDelta

__all__ = ["as_schema_request", "is_forced", "read_call"]


def is_forced(request: ChatRequest) -> bool:
    """True when the answer must be a tool call."""
    return bool(request.tools) and request.tool_choice == "required"


def as_schema_request(request: ChatRequest) -> ChatRequest:
    """The same wish as a request for a JSON document; the tools are told to the model in words.

    Raises:
        BadRequest: if the named tool is not among the tools, or a tool's parameters are no JSON schema.
    """
    tools = _eligible(request)
    lines = [
        f"- {each.name}: {each.description or 'no description'}. Parameters: {each.parameters}"
        for each in tools
    ]
    rule = (
        "Answer with exactly one function call, written as a JSON object with the keys `name` and"
        " `arguments`. Functions:\n" + "\n".join(lines)
    )
    first, *rest = request.messages or (ChatMessage("user", ""),)
    if first.role == "system":
        messages = (replace(first, content=f"{first.content}\n\n{rule}"), *rest)
    else:
        messages = (ChatMessage("system", rule), first, *rest)
    return replace(
        request,
        messages=messages,
        tools=(),
        tool_choice="auto",
        tool_name="",
        json_schema=json.dumps(_schema(tools), ensure_ascii=False),
        json_object=False,
        original=None,
    )


def read_call(answer: str, request: ChatRequest, call_id: str) -> ToolDelta | str:
    """The call that the answer holds, or why it is none that was asked for."""
    tools = _eligible(request)
    if reason := mismatch(answer, json.dumps(_schema(tools))):
        return reason
    document = json.loads(answer)
    arguments = json.dumps(document["arguments"], ensure_ascii=False)
    return ToolDelta(0, call_id, document["name"], arguments)


def _eligible(request: ChatRequest) -> tuple[Tool, ...]:
    if not request.tool_name:
        return request.tools
    named = tuple(each for each in request.tools if each.name == request.tool_name)
    if not named:
        names = ", ".join(f"`{each.name}`" for each in request.tools)
        raise BadRequest(f"The tool `{request.tool_name}` is not among the tools", hint=f"they are {names}")
    return named


def _schema(tools: tuple[Tool, ...]) -> dict[str, Any]:  # Any: a JSON schema
    """One shape per tool, so that a name never comes with the arguments of another.

    Definitions are lifted to the top, because a `#/$defs/…` inside a tool's schema means its own root.
    """
    definitions: dict[str, Any] = {}  # Any: JSON schemas
    shapes = []
    for number, each in enumerate(tools):
        try:
            parameters = json.loads(each.parameters or "{}")
        except ValueError as error:
            raise BadRequest(
                f"The parameters of the tool `{each.name}` are no JSON: {error}", hint="send a JSON schema"
            ) from None
        if not isinstance(parameters, dict):
            raise BadRequest(
                f"The parameters of the tool `{each.name}` are no object", hint='{"type": "object", …}'
            )
        own = parameters.pop("$defs", None) or parameters.pop("definitions", None) or {}
        for name, definition in own.items():
            definitions[f"t{number}_{name}"] = _renamed(definition, number)
        shape = {"type": "object", **_renamed(parameters, number)}
        shapes.append(
            {
                "type": "object",
                "properties": {"name": {"const": each.name}, "arguments": shape},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    schema: dict[str, Any] = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}  # Any: a JSON schema
    return {**schema, "$defs": definitions} if definitions else schema


def _renamed(part: Any, number: int) -> Any:  # Any: JSON
    """The part with its references pointing at the lifted definitions."""
    if isinstance(part, dict):
        return {
            key: _reference(value, number) if key == "$ref" else _renamed(value, number)
            for key, value in part.items()
        }
    return [_renamed(each, number) for each in part] if isinstance(part, list) else part


def _reference(value: Any, number: int) -> Any:  # Any: JSON
    for root in ("#/$defs/", "#/definitions/"):
        if isinstance(value, str) and value.startswith(root):
            return f"#/$defs/t{number}_{value[len(root) :]}"
    return value
