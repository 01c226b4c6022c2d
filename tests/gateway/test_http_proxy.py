"""Which way a request takes: through the configured proxy when it leaves the house, and never otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits, HttpPost
from inhouse.kernel.errors import BadRequest, EngineUnreachable
from tests.worlds.engines import FakeEngine

LIMITS = HttpLimits(connect_timeout_s=2.0, first_event_timeout_s=5.0)


async def test_proxy_is_for_outside_only() -> None:
    """U19: a cloud address is asked of the proxy, an engine of this machine is asked itself."""
    heads: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = HttpClient(LIMITS, proxy=f"http://127.0.0.1:{port}")
    async with FakeEngine("vllm").running() as fake, server:
        page = await http.get("http://api.example.com/v1/models", headers={}, timeout_s=5)
        assert page.status == 200
        assert heads[0].startswith(b"GET http://api.example.com/v1/models")
        assert (await http.get(f"{fake.url}/v1/models", headers={}, timeout_s=5)).status == 200
        assert (len(heads), fake.pages) == (1, ["/v1/models"])
        await http.close()


async def test_proxy_that_is_not_there_says_so() -> None:
    """U19: a proxy that refuses is named as the reason."""
    http = HttpClient(LIMITS, proxy="http://127.0.0.1:1")
    with pytest.raises(EngineUnreachable, match="proxy"):
        await http.page(HttpPost("openai", "https://api.example.com/v1", b"{}"))
    await http.close()


async def test_name_that_nobody_knows_says_so() -> None:
    """U19: a name without an address is `no connection`, on both transports."""
    for lean in (True, False):
        http = HttpClient(LIMITS, lean=lean)
        with pytest.raises(EngineUnreachable, match="no connection"):
            await http.page(HttpPost("e", "http://engine.invalid/v1", b"{}"))
        await http.close()


def test_authorities_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A file without certificates is refused at start, with its setting's name."""
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(BadRequest, match=r"engines\.ca_file"):
        HttpClient(LIMITS, ca_file=file)
