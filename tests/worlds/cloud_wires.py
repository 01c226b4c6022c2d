"""What Anthropic, Gemini and OpenAI send, written out by hand after their documentation (2026-11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

Vendor = Literal["anthropic", "gemini", "openai"]
CloudFault = Literal[
    "none",
    "rate",  # 429 that says when to come back
    "quota",  # 429 because the money or the day's quota is used up
    "overloaded",  # 529 at Anthropic, 503 elsewhere
    "refused",  # the model declines on grounds of policy
    "blocked",  # the prompt itself is declined (Gemini only; as `refused` elsewhere)
    "mid_error",  # an error event in the middle of an answer
    "cut",  # the connection ends in the middle of an answer
    "hang",  # the answer stops in the middle, the connection stays
    "length",  # the answer is cut at its limit
    "broken",  # a reply that is no JSON
]

THOUGHT, TEXT = "Let me see.", ("Отпуск ", "28 дней.")
SEAL = "EqQBCkYIBRgCKkA+/w=="
CALL = {"city": "Paris"}
USAGE = {"fresh": 12, "read": 30, "written": 5, "out": 9, "thought": 4}
"""Prompt tokens beside the cache, read from it and written to it; tokens of output, and thoughts in it."""

# Any: bodies are open-ended JSON.
Body = dict[str, Any]


def data_frame(document: object) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def named_frame(name: str, document: Body) -> bytes:
    return f"event: {name}\n".encode() + data_frame(document)


def _anthropic_usage() -> Body:
    return {
        "input_tokens": USAGE["fresh"],
        "cache_creation_input_tokens": USAGE["written"],
        "cache_read_input_tokens": USAGE["read"],
        "output_tokens": USAGE["out"],
        "output_tokens_details": {"thinking_tokens": USAGE["thought"]},
        "service_tier": "standard",
    }


def _anthropic_reason(fault: CloudFault, call: str) -> str:
    if fault in ("refused", "blocked"):
        return "refusal"
    return "max_tokens" if fault == "length" else "tool_use" if call else "end_turn"


def _anthropic_message(content: list[Body], reason: str | None, usage: Body) -> Body:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _anthropic_whole(fault: CloudFault, call: str) -> Body:
    content: list[Body] = [
        {"type": "thinking", "thinking": THOUGHT, "signature": SEAL},
        {"type": "text", "text": "".join(TEXT)},
    ]
    if call:
        content.append({"type": "tool_use", "id": "toolu_01", "name": call, "input": CALL})
    return _anthropic_message(content, _anthropic_reason(fault, call), _anthropic_usage())


def _anthropic_frames(fault: CloudFault, call: str) -> list[bytes]:
    opened = _anthropic_message([], None, _anthropic_usage() | {"output_tokens": 1})
    frames = [
        named_frame("message_start", {"type": "message_start", "message": opened}),
        named_frame("ping", {"type": "ping"}),
    ]
    arguments = json.dumps(CALL)
    blocks: list[tuple[Body, list[Body]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": THOUGHT},
                {"type": "signature_delta", "signature": SEAL},
            ],
        ),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in TEXT]),
    ]
    if call:
        halves = ("", arguments[:5], arguments[5:])
        deltas: list[Body] = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        blocks.append(({"type": "tool_use", "id": "toolu_01", "name": call, "input": {}}, deltas))
    for index, (block, deltas) in enumerate(blocks):
        place = {"index": index}
        start = {"type": "content_block_start", **place, "content_block": block}
        frames.append(named_frame("content_block_start", start))
        told = [{"type": "content_block_delta", **place, "delta": delta} for delta in deltas]
        frames += [named_frame("content_block_delta", each) for each in told]
        frames.append(named_frame("content_block_stop", {"type": "content_block_stop", **place}))
    ended = {"stop_reason": _anthropic_reason(fault, call), "stop_sequence": None}
    usage = {"output_tokens": USAGE["out"], "output_tokens_details": {"thinking_tokens": USAGE["thought"]}}
    frames.append(named_frame("message_delta", {"type": "message_delta", "delta": ended, "usage": usage}))
    frames.append(named_frame("message_stop", {"type": "message_stop"}))
    return frames


def _gemini_usage() -> Body:
    prompt = USAGE["fresh"] + USAGE["read"]
    written = USAGE["out"] - USAGE["thought"]
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": USAGE["read"],
        "candidatesTokenCount": written,
        "thoughtsTokenCount": USAGE["thought"],
        "totalTokenCount": prompt + USAGE["out"],
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    }


def _gemini_chunk(parts: list[Body], reason: str = "", usage: Body | None = None) -> Body:
    candidate: Body = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    told = usage or {"promptTokenCount": USAGE["fresh"] + USAGE["read"], "totalTokenCount": 42}
    return {
        "candidates": [candidate],
        "usageMetadata": told,
        "modelVersion": "gemini",
        "responseId": "rid",
    }


def _gemini_parts(call: str) -> list[Body]:
    if not call:
        return []
    return [{"functionCall": {"name": call, "args": CALL}, "thoughtSignature": SEAL}]


def _gemini_reason(fault: CloudFault) -> str:
    return {"refused": "SAFETY", "length": "MAX_TOKENS"}.get(fault, "STOP")


_GEMINI_BLOCKED: Body = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 42, "totalTokenCount": 42},
    "modelVersion": "gemini",
}


def _gemini_whole(fault: CloudFault, call: str) -> Body:
    if fault == "blocked":
        return _GEMINI_BLOCKED
    parts: list[Body] = [{"text": THOUGHT, "thought": True}, {"text": "".join(TEXT)}, *_gemini_parts(call)]
    return _gemini_chunk(parts, _gemini_reason(fault), _gemini_usage())


def _gemini_frames(fault: CloudFault, call: str) -> list[bytes]:
    if fault == "blocked":
        return [data_frame(_GEMINI_BLOCKED)]
    chunks = [_gemini_chunk([{"text": THOUGHT, "thought": True}])]
    chunks += [_gemini_chunk([{"text": word}]) for word in TEXT]
    last = _gemini_parts(call) or [{"text": ""}]
    chunks.append(_gemini_chunk(last, _gemini_reason(fault), _gemini_usage()))
    return [data_frame(chunk).replace(b"\n\n", b"\r\n\r\n") for chunk in chunks]


def _openai_usage() -> Body:
    prompt = USAGE["fresh"] + USAGE["read"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": USAGE["out"],
        "total_tokens": prompt + USAGE["out"],
        "prompt_tokens_details": {"cached_tokens": USAGE["read"]},
        "completion_tokens_details": {"reasoning_tokens": USAGE["thought"]},
    }


def _openai_reason(fault: CloudFault, call: str) -> str:
    if fault in ("refused", "blocked"):
        return "content_filter"
    return "length" if fault == "length" else "tool_calls" if call else "stop"


def _openai_whole(fault: CloudFault, call: str) -> Body:
    message: Body = {"role": "assistant", "content": "".join(TEXT), "refusal": None}
    if call:
        function = {"name": call, "arguments": json.dumps(CALL)}
        message["tool_calls"] = [{"id": "call_01", "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": _openai_reason(fault, call), "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt"}
    return head | {"choices": [choice], "usage": _openai_usage()}


def _openai_frames(fault: CloudFault, call: str) -> list[bytes]:
    deltas: list[Body] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": word} for word in TEXT]
    if call:
        arguments = json.dumps(CALL)
        opened = {"id": "call_01", "type": "function", "function": {"name": call, "arguments": ""}}
        deltas.append({"tool_calls": [{"index": 0} | opened]})
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": half}}]}
            for half in (arguments[:5], arguments[5:])
        ]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    frames = [
        data_frame(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None})
        for delta in deltas
    ]
    reason = {"index": 0, "delta": {}, "finish_reason": _openai_reason(fault, call)}
    frames.append(data_frame(head | {"choices": [reason], "usage": None}))
    frames.append(data_frame(head | {"choices": [], "usage": _openai_usage()}))
    return [*frames, b"data: [DONE]\n\n"]


FRAMES: dict[Vendor, Callable[[CloudFault, str], list[bytes]]] = {
    "anthropic": _anthropic_frames,
    "gemini": _gemini_frames,
    "openai": _openai_frames,
}
"""A streamed answer under a fault, with a call of the named tool or none."""
WHOLE: dict[Vendor, Callable[[CloudFault, str], Body]] = {
    "anthropic": _anthropic_whole,
    "gemini": _gemini_whole,
    "openai": _openai_whole,
}
"""The same answer in one piece."""
