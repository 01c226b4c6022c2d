"""U19: an engine's certificate that is not trusted, too old, or of another address."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest

from inhouse.gateway.edge.prober import EngineSettings
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost
from inhouse.kernel.errors import EngineUnreachable
from inhouse.kernel.messages import Finished
from tests.gateway.house import PATIENT, configured, house
from tests.worlds.engines import FakeEngine
from tests.worlds.tls import TlsFront, certificate

PATH = "/v1/models"


@pytest.mark.parametrize(
    ("made", "says", "way_out"),
    [
        ({}, "self-signed certificate", "engines.ca_file"),
        ({"expired": True}, "certificate has expired", "renew it"),
        ({"address": "127.0.0.2"}, "not valid for '127.0.0.1'", "the name that it is for"),
    ],
    ids=["stranger", "expired", "other_address"],
)
async def test_a_wrong_certificate_is_refused(
    tmp_path: Path, made: dict[str, object], says: str, way_out: str
) -> None:
    """No byte of the request leaves; the message says what is wrong with it, the hint what to do.

    An expired one and one of another address are refused although their authority is trusted. Control: a
    client that checks nothing gets through, so nothing else was in the way.
    """
    pem = certificate(tmp_path, "engine", **made)  # type: ignore[arg-type]
    http = HttpClient(PATIENT, ca_file=pem if made else None)
    async with FakeEngine("vllm").running() as fake, TlsFront(fake.port, pem).running() as front:
        with pytest.raises(EngineUnreachable) as refused:
            await http.page(HttpPost("gpu", front.url + PATH, b"", {"Authorization": "Bearer secret"}))
        assert (front.hellos, fake.pages, fake.chats) == (1, [], []), "the fault fired, nothing was said"
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as careless,
            careless.get(front.url + PATH) as reply,
        ):
            assert reply.status == 200, "control"
        await http.close()
    assert refused.value.message.startswith("`gpu`: its certificate is not trusted: ")
    assert says in refused.value.message
    assert way_out in refused.value.hint


async def test_the_right_authority_is_trusted(tmp_path: Path) -> None:
    """Control: with `engines.ca_file` the same engine answers; the file of another one does not help."""
    pem = certificate(tmp_path, "engine")
    other = certificate(tmp_path, "other")
    async with FakeEngine("vllm").running() as fake, TlsFront(fake.port, pem).running() as front:
        right, wrong = HttpClient(PATIENT, ca_file=pem), HttpClient(PATIENT, ca_file=other)
        assert (await right.get(front.url + PATH, headers={}, timeout_s=5)).status == 200
        with pytest.raises(EngineUnreachable, match="certificate"):
            await wrong.get(front.url + PATH, headers={}, timeout_s=5)
        assert (front.hellos, fake.pages) == (2, [PATH])
        await right.close()
        await wrong.close()


@pytest.mark.parametrize("lean", [True, False])
async def test_the_next_engine_answers(tmp_path: Path, *, lean: bool) -> None:
    """A certificate that goes wrong while the house runs: the next engine takes over, the row says why; alone
    it is a typed error with its way out."""
    pem, other = certificate(tmp_path, "engine"), certificate(tmp_path, "other")
    async with (
        FakeEngine("vllm").running() as secured,
        FakeEngine("llama.cpp").running() as good,
        TlsFront(secured.port, pem).running() as front,
    ):
        tls = EngineSettings("tls", front.url, "vllm")
        http = HttpClient(PATIENT, ca_file=pem, lean=lean)
        async with house(tmp_path, (tls, *configured(good)), http=http) as gateway:
            engine, events = await gateway.ask()
            assert (engine, events[-1], len(secured.chats)) == ("tls", Finished(), 1), "control: it is first"
            front.show(other)
            before = front.hellos
            engine, events = await gateway.ask()
            assert (engine, events[-1]) == ("llama.cpp", Finished())
            assert (front.hellos, len(secured.chats), len(good.chats)) == (before + 1, 1, 1)
            row = gateway.ledger.rows()[0]
            assert (row.outcome, row.engine) == ("ok", "llama.cpp")
            assert "before it failed `tls`: its certificate is not trusted: self-signed" in row.reason


async def test_an_engine_with_a_wrong_certificate_is_down_and_says_why(tmp_path: Path) -> None:
    """In the list of engines, which asks it for nothing."""
    pem = certificate(tmp_path, "engine")
    async with FakeEngine("vllm").running() as fake, TlsFront(fake.port, pem).running() as front:
        async with house(tmp_path, (EngineSettings("tls", front.url, "vllm"),)) as gateway:
            (engine,) = gateway.board.fleet.engines
        assert front.hellos
    assert (engine.state, fake.pages) == ("down", [])
    assert "its certificate is not trusted: self-signed certificate" in engine.reason


def test_the_test_certificates_are_good(tmp_path: Path) -> None:
    """Control: a strict reader loads them as an authority."""
    context = ssl.create_default_context(cafile=certificate(tmp_path, "engine"))
    assert context.cert_store_stats()["x509_ca"] == 1
