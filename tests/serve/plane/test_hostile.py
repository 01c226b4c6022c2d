"""Engines and callers that mean harm to the wire surfaces, or are merely odd: what they cannot do."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.kernel.caller import Grant
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.asked import used_headers
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import FakeGate, open_plane

EVIL = "m\r\nSet-Cookie: a=b\r\n\r\n<script>\x00\x7f"


@pytest.mark.parametrize(
    "used",
    [
        EngineUsed(EVIL, "m", "local", "r"),
        EngineUsed("e", EVIL, "local", "r"),
        EngineUsed("e", "m", "local", EVIL),
    ],
)
def test_no_name_of_an_engine_ends_a_header(used: EngineUsed) -> None:
    """A listed model may have any name; no control character of it reaches the head of a reply."""
    for _name, value in used_headers(used):
        assert all(0x20 <= byte < 0x7F for byte in value)
    assert any(b"Set-Cookie" in value for _, value in used_headers(used)), "control: the name is in there"


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (("any", "local_only"), "local_only"),
        (("local_only", "any"), "local_only"),
        (("any, local_only",), "local_only"),
        (("any",), "any"),
        (("ANY", "any"), "any"),
    ],
)
async def test_the_strictest_of_several_words_on_data_counts(given: tuple[str, ...], data: str) -> None:
    """A proxy that adds `local_only` behind a caller's own `any` is obeyed; one word alone is the control."""
    async with open_plane(OpenAISurface()) as plane:
        lines = "".join(f"x-inhouse-data: {word}\r\n" for word in given)
        assert b" 200 " in await raw_chat(plane.port, lines)
        assert plane.request.data == data


async def test_a_word_on_data_that_is_none_is_refused() -> None:
    """Also behind a good one: a typing mistake must not send words out."""
    async with open_plane(OpenAISurface()) as plane:
        assert b" 400 " in await raw_chat(plane.port, "x-inhouse-data: any\r\nx-inhouse-data: localonly\r\n")
        assert plane.seen == []


async def raw_chat(port: int, lines: str) -> bytes:
    """The first line of the reply to a chat with these header lines."""
    body = b'{"messages":[{"role":"user","content":"x"}]}'
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


@pytest.mark.parametrize(
    "mark", ["X-Forwarded-For: 1.2.3.4", "Via: 1.1 squid", "X-Forwarded-Proto: https", "Forwarded: for=x"]
)
async def test_what_a_proxy_passes_on_is_not_from_this_machine(mark: str) -> None:
    """A proxy beside us asks for somebody else: its marks take the rights of callers without a key away."""
    gate = FromHere()
    async with open_plane(OpenAISurface(), gate=gate) as plane:
        await raw_chat(plane.port, "")
        await raw_chat(plane.port, f"{mark}\r\n")
    assert gate.loopback == [True, False]


class FromHere(FakeGate):
    """Remembers who came from this machine."""

    def __init__(self) -> None:
        super().__init__()
        self.loopback: list[bool] = []

    def grant(self, secret: str, *, user: str, loopback: bool) -> Grant:
        """See `Gatekeeper.grant`."""
        self.loopback.append(loopback)
        return super().grant(secret, user=user, loopback=loopback)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", '{"model":"%s","messages":[{"role":"user","content":"x"}]}'),
        ("/v1/completions", '{"model":"%s","prompt":"x"}'),
        ("/v1/responses", '{"model":"%s","input":"x"}'),
        ("/v1/embeddings", '{"model":"%s","input":"x"}'),
        ("/v1/messages", '{"model":"%s","max_tokens":9,"messages":[{"role":"user","content":"x"}]}'),
        ("/api/chat", '{"model":"%s","messages":[{"role":"user","content":"x"}]}'),
        ("/api/generate", '{"model":"%s","prompt":"x"}'),
        ("/api/embed", '{"model":"%s","input":"x"}'),
        ("/api/show", '{"model":"%s"}'),
    ],
)
async def test_a_name_of_a_megabyte_is_none_of_a_model(path: str, body: str) -> None:
    """400 before it is compared, remembered or written down; one of 1000 characters is looked for."""
    async with open_plane(OpenAISurface(), AnthropicSurface(), OllamaSurface(), max_body_bytes=2 << 20) as it:
        for size, status in ((1001, 400), (1_000_000, 400)):
            head = await raw_post(it.port, path, (body % ("q" * size)).encode())
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert it.shelf.rows == []
        assert not it.embedder.seen
        fits = await raw_post(it.port, path, (body % ("q" * 1000)).encode())
        assert not fits.startswith(b"HTTP/1.1 400 ")


async def raw_post(port: int, path: str, body: bytes) -> bytes:
    """The first line of the reply to this body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line
