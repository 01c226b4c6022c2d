"""The kernel's words written as `POST /v1/chat/completions`: the client side of the OpenAI dialect.

Source: OpenAI API reference, chat completions (2026-11); llama.cpp tools/server/README.md and vLLM's
OpenAI-compatible server for what OpenAI itself does not know and answers with 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from inhouse.kernel.messages import ChatMessage, ChatRequest, Image, Tool

__all__ = ["write_request"]

_encode = msgspec.json.Encoder().encode

_EFFORTS = {"off": "none", "low": "low", "medium": "medium", "high": "high", "max": "xhigh"}
"""OpenAI's own words; `on` has none, its models decide for themselves."""

# Any, here and below: the body is open-ended JSON on this side of the door only.
Wire = dict[str, Any]


def write_request(
    request: ChatRequest, *, model: str, stream: bool = True, ask_usage: bool = True, official: bool = False
) -> bytes:
    """The body of `POST /v1/chat/completions`.

    `ask_usage` adds `stream_options`, where it is understood. `official` is OpenAI itself: it refuses
    fields that it does not know, wants `max_completion_tokens`, and takes no pictures from tools; every
    other engine of this dialect ignores what it does not know.
    """
    body: Wire = {"model": model, "messages": _messages(request.messages, official), "stream": stream}
    if stream and ask_usage:
        body["stream_options"] = {"include_usage": True}
    sampling = {
        "max_completion_tokens" if official else "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    if not official:
        # One name each: llama.cpp and LM Studio read the first of the last two, vLLM, SGLang and MLX the
        # second.
        sampling |= {
            "top_k": request.top_k,
            "min_p": request.min_p,
            "repeat_penalty": request.repeat_penalty,
            "repetition_penalty": request.repeat_penalty,
        }
    body |= {name: value for name, value in sampling.items() if value is not None}
    if request.top_logprobs is not None:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    return _encode(body | _tools(request) | _format(request) | _thinking(request, official))


def _messages(messages: Sequence[ChatMessage], official: bool) -> list[Wire]:
    found: list[Wire] = []
    for each in with_call_ids(messages):
        if official and each.role == "tool" and each.images:
            found.append(_turn(replace(each, images=()), official))
            found.append({"role": "user", "content": [_picture(image) for image in each.images]})
        else:
            found.append(_turn(each, official))
    return found


def _turn(each: ChatMessage, official: bool) -> Wire:
    turn: Wire = {"role": each.role, "content": each.content}
    if each.images:
        words = [{"type": "text", "text": each.content}] if each.content else []
        turn["content"] = [*words, *(_picture(image) for image in each.images)]
    if each.role == "tool":
        turn["tool_call_id"] = each.tool_call_id
    if each.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in each.tool_calls
        ]
        turn["content"] = each.content or None
    if each.reasoning and not official:
        turn["reasoning_content"] = each.reasoning
    return turn


def _picture(image: Image) -> Wire:
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.data}"}}


def _tools(request: ChatRequest) -> Wire:
    if not request.tools:
        return {}
    found: Wire = {"tools": [{"type": "function", "function": _function(tool)} for tool in request.tools]}
    if request.tool_name:
        found["tool_choice"] = {"type": "function", "function": {"name": request.tool_name}}
    elif request.tool_choice != "auto":
        found["tool_choice"] = request.tool_choice
    if not request.parallel_tools:
        found["parallel_tool_calls"] = False
    return found


def _function(tool: Tool) -> Wire:
    function: Wire = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters != "{}":
        function["parameters"] = msgspec.Raw(tool.parameters.encode())
    return function


def _format(request: ChatRequest) -> Wire:
    if request.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": msgspec.Raw(request.json_schema.encode())}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"response_format": {"type": "json_object"}} if request.json_object else {}


def _thinking(request: ChatRequest, official: bool) -> Wire:
    """How much to think: OpenAI's word, or what models' chat templates look for."""
    wanted = request.thinking
    if wanted is None:
        return {}
    if official:
        return {"reasoning_effort": _EFFORTS[wanted]} if wanted in _EFFORTS else {}
    words: Wire = {"enable_thinking": wanted != "off"}
    if wanted not in ("off", "on"):
        words["reasoning_effort"] = wanted
    return {"chat_template_kwargs": words}


def with_call_ids(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The messages with an id in every call and every result.

    Ollama and Gemini have none, or none that matter: a result there belongs to the oldest call of its tool
    that has no result yet.
    """
    found: list[ChatMessage] = []
    open_calls: list[tuple[str, str]] = []
    count = 0
    for each in messages:
        if each.tool_calls:
            calls = []
            for call in each.tool_calls:
                count += 1
                named = call if call.call_id else replace(call, call_id=f"call_{count}")
                calls.append(named)
                open_calls.append((named.call_id, named.name))
            found.append(replace(each, tool_calls=tuple(calls)))
        elif each.role == "tool":
            answered = _answered(each, open_calls)
            if answered is not None:
                open_calls.remove(answered)
            call_id = each.tool_call_id or (answered[0] if answered else "call_0")
            found.append(replace(each, tool_call_id=call_id))
        else:
            found.append(each)
    return found


def _answered(result: ChatMessage, open_calls: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The call that a result answers."""
    for call in open_calls:
        if result.tool_call_id == call[0] or (not result.tool_call_id and result.tool_name in ("", call[1])):
            return call
    return None
