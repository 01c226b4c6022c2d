"""Loopback servers that speak the real wire of Anthropic, Gemini and OpenAI, well or badly.

What they send is written out by hand after the vendors' documentation, and judged by the vendors' own
clients (`tests/gateway/test_clouds_judged.py`): nothing here uses our dialects, so a mistake of ours cannot
agree with itself. They refuse what the real ones refuse: a missing or wrong key, a missing version header,
turns that do not alternate, parameters that a model does not take.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.worlds.cloud_wires import FRAMES, SEAL, WHOLE, CloudFault, Vendor, data_frame, named_frame

KEYS: dict[Vendor, str] = {"anthropic": "sk-ant-secret", "gemini": "AIza-secret", "openai": "sk-secret"}
MODELS: dict[Vendor, tuple[str, ...]] = {
    "anthropic": ("claude-sonnet-4-5", "claude-opus-5-5"),
    "gemini": ("gemini-3-pro", "gemini-2.5-flash", "gemini-embedding-001"),
    "openai": ("gpt-4.1", "text-embedding-3-small"),
}
# Any: request bodies are open-ended JSON.
_Body = dict[str, Any]


@dataclass
class FakeCloud:
    """One fake vendor. `fault` applies to answers; lists of models always work.

    With tools in the request it calls the first one, until a result of it is there.
    """

    vendor: Vendor
    fault: CloudFault = "none"
    fired: int = 0
    requests: list[tuple[str, _Body]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were answered with 400."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens, as the vendor's own client wants it."""
        return f"http://127.0.0.1:{self.port}" + ("/v1" if self.vendor == "openai" else "")

    @property
    def key(self) -> str:
        """The only key it takes."""
        return KEYS[self.vendor]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeCloud]:
        """Listen for the length of the block."""
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            fields = {name.lower(): value for name, value in fields.items()}
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            await self._answer(writer, method, target, fields, json.loads(body) if body else {})
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, method: str, target: str, fields: dict[str, str], body: _Body
    ) -> None:
        path = unquote(urlsplit(target).path)
        if self._secret(target, fields) != self.key:
            await self._send(writer, *self._wrong_key())
        elif method == "GET":
            self.pages.append(path)
            await self._send(writer, 200, self._models())
        else:
            self.requests.append((path, body))
            if wrong := self._wrong(path, fields, body):
                self.refused.append(wrong)
                await self._send(writer, 400, self._error(400, wrong))
                return
            if self.fault != "none":
                self.fired += 1
            if "mbed" in path:
                await self._send(writer, 200, self._vectors(body))
            elif failure := self._failure():
                await self._send(writer, *failure)
            elif self._streams(target, body):
                await self._stream(writer, self._frames(body))
            else:
                await self._send(writer, 200, self._whole(body))

    def _secret(self, target: str, fields: dict[str, str]) -> str:
        if self.vendor == "anthropic" and "x-api-key" in fields:
            return fields["x-api-key"]
        if self.vendor == "gemini":
            return fields.get("x-goog-api-key") or "".join(parse_qs(urlsplit(target).query).get("key", []))
        return fields.get("authorization", "").removeprefix("Bearer ")

    def _streams(self, target: str, body: _Body) -> bool:
        if self.vendor == "gemini":
            return ":streamGenerateContent" in target and "alt=sse" in target
        return bool(body.get("stream"))

    async def _send(self, writer: asyncio.StreamWriter, status: int, document: object, *more: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
        kind = "text/html" if isinstance(document, bytes) else "application/json"
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
        writer.write(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode() + body)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
        writer.write((head + "Connection: close\r\n\r\n").encode())
        stop = len(frames) // 2 if self.fault in ("cut", "hang", "mid_error") else len(frames)
        for frame in frames[:stop]:
            writer.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
            await writer.drain()
        if self.fault == "hang":
            await asyncio.Event().wait()
        if self.fault == "cut":
            return
        if self.fault == "mid_error":
            frame = self._error_frame()
            writer.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    # What differs between the vendors.

    def _wrong_key(self) -> tuple[int, object]:
        if self.vendor == "gemini":
            reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            return 400, self._error(400, "API key not valid.", [reason])
        return 401, self._error(401, "invalid key")

    def _error(self, status: int, message: str, details: list[_Body] | None = None) -> _Body:
        if self.vendor == "gemini":
            names = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
            told: _Body = {"code": status, "message": message, "status": names.get(status, "INTERNAL")}
            return {"error": told | ({"details": details} if details else {})}
        if self.vendor == "anthropic":
            kinds = {
                400: "invalid_request_error",
                401: "authentication_error",
                429: "rate_limit_error",
                529: "overloaded_error",
            }
            error: _Body = {"type": kinds.get(status, "api_error"), "message": message}
            if details:
                error["details"] = details[0]
            return {"type": "error", "error": error, "request_id": "req_1"}
        kind = "invalid_request_error" if status < 429 else "server_error" if status >= 500 else "requests"
        code = details[0]["code"] if details else None
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def _failure(self) -> tuple[Any, ...] | None:
        busy = 529 if self.vendor == "anthropic" else 503
        match self.fault:
            case "rate":
                info = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
                if self.vendor == "gemini":
                    return 429, self._error(429, "slow down", info)
                return 429, self._error(429, "slow down"), "retry-after: 7"
            case "quota":
                details: dict[Vendor, _Body] = {
                    "anthropic": {"error_code": "enforced_spend_limit_reached"},
                    "openai": {"code": "insufficient_quota"},
                    "gemini": {
                        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
                    },
                }
                return 429, self._error(429, "used up", [details[self.vendor]])
            case "overloaded":
                return busy, self._error(busy, "Overloaded")
            case "broken":
                return 200, b"<html>It works!</html>"
        return None

    def _error_frame(self) -> bytes:
        if self.vendor == "anthropic":
            return named_frame("error", self._error(529, "Overloaded"))
        return data_frame(self._error(503, "Overloaded"))

    def _models(self) -> _Body:
        names = MODELS[self.vendor]
        if self.vendor == "anthropic":
            listed = [
                {
                    "type": "model",
                    "id": name,
                    "display_name": name,
                    "created_at": "2026-01-01T00:00:00Z",
                    "lifecycle": "active",
                    "max_input_tokens": 200_000,
                    "max_tokens": 64_000,
                }
                for name in names
            ]
            return {"data": listed, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        if self.vendor == "gemini":
            return {
                "models": [
                    {
                        "name": f"models/{name}",
                        "version": "1",
                        "displayName": name,
                        "inputTokenLimit": 1_048_576,
                        "outputTokenLimit": 65_536,
                        "supportedGenerationMethods": ["embedContent"]
                        if "embedding" in name
                        else ["generateContent", "countTokens"],
                    }
                    for name in names
                ]
            }
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in names]
        return {"object": "list", "data": data}

    def _wrong(self, path: str, fields: dict[str, str], body: _Body) -> str:
        if "mbed" in path:
            return ""
        if self.vendor == "anthropic":
            if "anthropic-version" not in fields:
                return "anthropic-version: header is required"
            return _wrong_for_anthropic(body)
        if self.vendor == "gemini":
            return _wrong_for_gemini(body, path)
        return "" if body.get("messages") else "messages is required"

    def _calls(self, body: _Body) -> str:
        """The tool to call, empty when there is none or its result is there."""
        text = json.dumps(body.get("messages") or body.get("contents"))
        if '"tool_result"' in text or '"functionResponse"' in text or '"role": "tool"' in text:
            return ""
        if self.vendor == "gemini":
            return next((each["functionDeclarations"][0]["name"] for each in body.get("tools", ())), "")
        if self.vendor == "openai":
            return next((each["function"]["name"] for each in body.get("tools", ())), "")
        return next((each["name"] for each in body.get("tools", ())), "")

    def _frames(self, body: _Body) -> list[bytes]:
        return FRAMES[self.vendor](self.fault, self._calls(body))

    def _whole(self, body: _Body) -> _Body:
        return WHOLE[self.vendor](self.fault, self._calls(body))

    def _vectors(self, body: _Body) -> _Body:
        if self.vendor == "gemini":
            return {"embeddings": [{"values": [0.5, 0.25]} for _ in body["requests"]]}
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": place, "embedding": [0.5, 0.25]} for place in range(len(inputs))
        ]
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _wrong_for_anthropic(body: _Body) -> str:
    """The rules of the Messages API that a translation is most likely to break."""
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    roles = [message["role"] for message in body["messages"]]
    if "system" in roles:
        return "messages: system goes into its own field"
    blocks = [block for message in body["messages"] for block in _listed(message["content"])]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    if any(not re.fullmatch(r"[a-zA-Z0-9_-]+", each) for each in calls):
        return "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    if len(set(calls)) != len(calls) or any(each not in calls for each in results):
        return "unexpected `tool_use_id` found in `tool_result` blocks"
    if any(block["type"] == "thinking" and block["signature"] != SEAL for block in blocks):
        return "Invalid `signature` in `thinking` block"
    newest = "5-5" in body["model"]
    if newest and any(name in body for name in ("temperature", "top_p", "top_k")):
        return "`temperature` is deprecated for this model."
    if newest and body.get("tool_choice", {}).get("type") in ("any", "tool"):
        return "tool_choice: forced tool use is not supported for this model"
    if newest and body.get("thinking", {}).get("type") in ("enabled", "disabled"):
        return '"thinking.type.enabled" is not supported for this model.'
    schema = body.get("output_config", {}).get("format", {}).get("schema", {})
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "output_config.format.schema: additionalProperties must be false"
    return ""


def _wrong_for_gemini(body: _Body, path: str) -> str:
    """The rules of Gemini that a translation is most likely to break."""
    if "model" in body or "messages" in body:
        return 'Invalid JSON payload received. Unknown name "messages"'
    if any(content.get("role") not in (None, "user", "model") for content in body.get("contents", ())):
        return "Please use a valid role: user, model."
    if "gemini-3" not in path:
        return ""
    for content in body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and not calls[0].get("thoughtSignature"):
            return "Function call is missing a thought_signature in functionCall parts."
    return ""


def _listed(content: Any) -> list[_Body]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]
