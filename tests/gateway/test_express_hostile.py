"""What engines should never send ends alike on the short way and on the long one, and breaks nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from msgspec import structs

from inhouse.dialects import openai
from inhouse.dialects.openai_pass import PassedReply
from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.prober import EngineSettings
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError
from inhouse.kernel.messages import EmbedRequest, Passed, PassedEnd, Usage
from tests.gateway.house import House, house
from tests.gateway.test_http_lean import World

GRANT = Grant(key="k1", user="anna")
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Where is the key?"}]}).encode()
UNLIKE = {"request_id", "started_at", "first_token_ms", "total_ms"}
GOOD = b'{"model":"m","choices":[{"message":{"role":"assistant","content":"It hangs there"}}]%s}'


@asynccontextmanager
async def gateway_of(home: Path, reply: bytes, *, status: int = 200) -> AsyncIterator[House]:
    """A house with one engine, which answers every chat with that document."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = 0
            if b"POST " in head:
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(size)
            body = reply if size else b'{"object":"list","data":[{"id":"m"},{"id":"bge-m3"}]}'
            writer.write(b"HTTP/1.1 %d So\r\nContent-Type: application/json\r\n" % (status if size else 200))
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    world = World(talk)
    async with world.running():
        engines = (EngineSettings("e", world.url.partition("/v1")[0], "vllm"),)
        async with house(home, engines) as gateway:
            yield gateway


async def seen(home: Path, reply: bytes, *, short: bool) -> tuple[object, dict[str, object]]:
    """The bytes for the caller or the error, and the one row."""
    async with gateway_of(home, reply) as gateway:
        found: object
        try:
            if short:
                trip = Express(gateway.dispatch, lambda _model, _streamed: True).trip(BODY, GRANT)
                assert trip is not None
                answer = await trip.whole("r1")
                assert isinstance(answer, PassedReply)
                found = answer.body
            else:
                request = openai.read_chat(BODY, data="any")[0]
                stream = await gateway.dispatch.open(request, request_id="r1", user="anna", grant=GRANT)
                events = [each async for each in stream]
                found = b"".join(each.data for each in events if isinstance(each, Passed | PassedEnd))
        except EngineError as error:
            found = f"{type(error).__name__} {error.message}"
        (row,) = gateway.ledger.rows()
        assert gateway.dispatch.in_flight() == {}
        return found, {name: value for name, value in structs.asdict(row).items() if name not in UNLIKE}


REPLIES = [
    *(
        GOOD % b',"usage":%s' % usage
        for usage in (
            b"null",
            b"{}",
            b'{"prompt_tokens":-5,"completion_tokens":7}',
            b'{"prompt_tokens":5,"completion_tokens":9223372036854775808}',
            b'{"prompt_tokens":1000000000000000000000000000000}',
            b'{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":-9}}',
            b'{"prompt_tokens":1.5}',
            b'"many"',
            b"NaN",
        )
    ),
    GOOD % b',"x":1e400,"y":{"model":"m"}',
    GOOD.replace(b'"m"', b'"other"') % b',"x":1e400,"y":{"model":"other"}',
    GOOD % b',"model":"other"',
    GOOD % b',"choices":[]',
    GOOD.replace(b"hangs", b"\xff\xfe") % b"",
    b'{"error":{"message":"Where is the key? is no question"}}',
    b'{"choices":[]}',
    b'{"choices":null}',
    b'{"choices":[{}]}',
    b"",
    b"null",
    b"[" * 100_000,
    GOOD.replace(b"hangs", b"h" * (8 << 20)) % b"",
]


@pytest.mark.parametrize("reply", REPLIES, ids=range(len(REPLIES)))
async def test_strange_replies_end_alike(tmp_path: Path, reply: bytes) -> None:
    """Bytes, errors and rows are those of the long way; no word of anybody is kept, no count is absurd."""
    long = await seen(tmp_path / "long", reply, short=False)
    short = await seen(tmp_path / "short", reply, short=True)
    assert short == long
    row = short[1]
    assert "key?" not in str(row)
    assert "hangs" not in str(row)
    tokens = [value for name, value in row.items() if name.endswith("_tokens") and isinstance(value, int)]
    assert all(0 <= each < 1000 for each in tokens)


async def test_absurd_count_does_not_stop_the_ledger(tmp_path: Path) -> None:
    """After an engine told of more tokens than the database can hold, later rows are written as ever."""
    huge = GOOD % b',"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":1}'
    async with gateway_of(tmp_path, huge) as gateway:
        express = Express(gateway.dispatch, lambda _model, _streamed: True)
        for number in range(2):
            trip = express.trip(BODY, GRANT)
            assert trip is not None
            await trip.whole(f"r{number}")
            assert 0 < trip.tokens < 100
        rows = gateway.ledger.rows()
        assert [(each.outcome, each.estimated) for each in rows] == [("ok", True)] * 2


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("form", ["stream", "whole", "carried"])
async def test_engine_that_quotes_the_prompt_is_not_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int, form: str
) -> None:
    """The words of a request stand in an engine's refusal, and then in no row, no log and no memory of it."""
    quoting = json.dumps({"error": {"message": "cannot answer `Where is the key?`, dear"}}).encode()
    async with gateway_of(tmp_path, quoting, status=status) as gateway:
        express = Express(gateway.dispatch, lambda _model, _streamed: True)
        body = BODY[:-1] + b',"stream":true}' if form == "stream" else BODY
        if form == "carried":
            trip = express.carry(replace(openai.read_chat(body, data="any")[0], original=None), GRANT)
        else:
            trip = express.trip(body, GRANT)
        assert trip is not None
        with pytest.raises(EngineError, match="cannot answer"):
            await (trip.open("r1") if trip.stream else trip.whole("r1"))
        (row,) = gateway.ledger.rows()
        engine = gateway.board.fleet.engine("e")
        assert engine is not None
        kept = f"{row} {engine} {capsys.readouterr()}"
        assert "cannot answer" in row.reason, "control: the rest of what it said is kept"
        assert "Where is" not in kept
        assert "key?" not in kept


@pytest.mark.parametrize("count", [-(1 << 70), -1, 1 << 31, 1 << 63, 1 << 70])
@pytest.mark.parametrize("name", ["input", "output", "cached", "cache_write", "reasoning"])
def test_counts_that_cannot_be(name: str, count: int) -> None:
    """One count out of range makes the usage impossible, whichever it is; the largest possible do not."""
    usage = Usage((1 << 31) - 1, 0, 5, cache_write_tokens=7, reasoning_tokens=(1 << 31) - 1)
    assert usage.possible
    wrong = {**asdict(usage), f"{name}_tokens": count}
    assert not Usage(**wrong).possible


async def test_absurd_count_of_vectors_does_not_stop_the_ledger(tmp_path: Path) -> None:
    """Vectors whose engine counts what cannot be are given, and their row holds the estimate."""
    vectors = b'{"data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":18446744073709551615}}'
    async with gateway_of(tmp_path, vectors) as gateway:
        asked = EmbedRequest(("Where is the key?",), model="bge-m3")
        found = await gateway.dispatch.embed(asked, request_id="r1", user="anna")
        assert found.embeddings.vectors == ((1.0,),), "made one long"
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.estimated) == ("ok", True)
        assert 0 < row.input_tokens < 100
