"""The short way of plain requests gives what the long one gives: answers, errors, rows, money, routes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from inhouse.dialects import openai
from inhouse.dialects.openai_pass import PassedReply, read_plain, write_passed_request, write_plain_request
from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.prober import EngineSettings
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import BadRequest, EngineError, HomeUnusable
from inhouse.kernel.messages import ChatRequest, Failed, TextDelta, Wishes
from inhouse.kernel.ports import ChatStream
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import PATIENT, QUICK, House, configured, house
from tests.worlds.engines import USAGE, WORDS, FakeEngine, Fault

GRANT = Grant(key="k1", user="anna", team="joiners")
WAITED: tuple[Fault, ...] = ("hang", "hang_first", "keepalive", "stall")
SEEN: tuple[Fault, ...] = (
    "none",
    "close",
    "reset_first",
    "reset",
    "half",
    "garbage",
    "badjson",
    "429",
    "500",
    "no_usage",
    "twice_done",
    "whole",
    "mid_error",
)
FAULTS = [*SEEN, *(pytest.param(fault, marks=pytest.mark.slow) for fault in WAITED)]
Form = Literal["stream", "whole", "translated"]
UNLIKE = {"request_id", "started_at", "first_token_ms", "total_ms"}
"""What differs from one request to the next anyway."""


def body_of(more: dict[str, object] | None = None, *, stream: bool = False) -> bytes:
    """A plain chat completion, with more fields."""
    words = {"model": "m", "messages": [{"role": "user", "content": "How many days?"}], **(more or {})}
    return json.dumps({**words, "stream": True} if stream else words).encode()


@dataclass
class Outcome:
    """What a caller and the accounts saw."""

    text: str = ""
    engine: str = ""
    error: str = ""
    row: dict[str, object] | None = None
    failures: int = 0


async def by_short(express: Express, body: bytes, form: Form = "whole") -> tuple[str, str]:
    """Text and engine."""
    trip = express.carry(read_as(body, form), GRANT) if form == "translated" else express.trip(body, GRANT)
    assert trip is not None, "this request was to take the short way"
    if trip.stream:
        return await read(await trip.open("r1"))
    reply = await trip.whole("r1")
    if isinstance(reply, PassedReply):
        return json.loads(reply.body)["choices"][0]["message"]["content"], trip.used.engine
    if isinstance(reply, list):
        assert keeps_grammar(reply)
        return "".join(each.text for each in reply if isinstance(each, TextDelta)), trip.used.engine
    return await read(reply)


def read_as(body: bytes, form: Form) -> ChatRequest:
    """The request in the kernel's words; one to translate has no bytes of its own any more."""
    request = openai.read_chat(body, data="any")[0]
    return replace(request, original=None) if form == "translated" else request


async def by_long(gateway: House, body: bytes, form: Form) -> tuple[str, str]:
    """The same through `Dispatch.open`."""
    request = read_as(body, form)
    return await read(await gateway.dispatch.open(request, request_id="r1", user="anna", grant=GRANT))


async def read(answer: ChatStream) -> tuple[str, str]:
    """All text of an answer; a failure in the middle is told as text."""
    text = ""
    async for event in answer:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, Failed):
            text += f"<{event.code}: {event.message}>"
    return text, answer.used.engine


async def outcome(home: Path, fault: Fault, form: Form, *, short: bool, second: bool) -> Outcome:
    """One request to a house whose first engine has that fault."""
    limits = replace(QUICK, whole_timeout_s=0.2) if fault in WAITED else PATIENT
    async with (
        FakeEngine("mlx", fault).running() as first,
        FakeEngine("vllm").running() as good,
        house(home, configured(first, good) if second else configured(first), limits=limits) as gateway,
    ):
        found = Outcome()
        express, body = Express(gateway.dispatch, everything), body_of(stream=form == "stream")
        try:
            asked = by_short(express, body, form) if short else by_long(gateway, body, form)
            found.text, found.engine = await asked
        except EngineError as error:
            found.error = f"{type(error).__name__} {error.engine} {error.message} {error.hint}"
        assert first.fired == (fault != "none")
        (row,) = gateway.ledger.rows()
        found.row = {name: value for name, value in asdict(row).items() if name not in UNLIKE}
        engine = gateway.board.fleet.engine("mlx")
        found.failures = engine.failures if engine else -1
        assert gateway.dispatch.in_flight() == {}
        return found


@pytest.mark.parametrize("second", [True, False], ids=["second", "alone"])
@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("fault", FAULTS)
async def test_both_ways_end_alike(tmp_path: Path, fault: Fault, form: Form, *, second: bool) -> None:
    """Whatever an engine does, text, engine, error, row and rest are those of the long way."""
    long = await outcome(tmp_path / "long", fault, form, short=False, second=second)
    short = await outcome(tmp_path / "short", fault, form, short=True, second=second)
    assert short == long


def everything(_model: str, _streamed: bool) -> bool:
    """Nobody before the dispatch has to look at any request."""
    return True


async def test_plain_answer_goes_through_as_it_is(tmp_path: Path) -> None:
    """The caller's model name goes in and comes back, all else is the engine's own; one row."""
    async with (
        FakeEngine("vllm", "whole", models=("m",)).running() as fake,
        house(tmp_path, configured(fake)) as gateway,
    ):
        express = Express(gateway.dispatch, everything)
        trip = express.trip(body_of({"model": "vllm/m", "temperature": 0.5}), GRANT)
        assert trip is not None
        reply = await trip.whole("r1")
        assert isinstance(reply, PassedReply)
        assert json.loads(reply.body)["choices"][0]["message"]["content"] == "".join(WORDS)
        assert fake.chats == [
            {"model": "m", "messages": [{"role": "user", "content": "How many days?"}], "temperature": 0.5}
        ]
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.engine, row.model, row.requested) == ("ok", "vllm", "m", "vllm/m")
        assert (row.key, row.team, row.user, row.input_tokens) == ("k1", "joiners", "anna", 21)
        assert (trip.used.where, trip.tokens) == ("local", 21)


async def test_engine_of_another_form_is_understood(tmp_path: Path) -> None:
    """One that streams although it was asked for a document is asked once, and read to its end."""
    async with FakeEngine("vllm").running() as fake, house(tmp_path, configured(fake)) as gateway:
        express = Express(gateway.dispatch, everything)
        assert await by_short(express, body_of()) == ("".join(WORDS), "vllm")
        assert len(fake.chats) == 1
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.output_tokens) == ("ok", USAGE.output_tokens)


async def test_way_changes_with_the_fleet(tmp_path: Path) -> None:
    """After a failure the next request goes straight to the other engine: what was decided is forgotten."""
    async with (
        FakeEngine("mlx", "500").running() as bad,
        FakeEngine("vllm", "whole").running() as good,
        house(tmp_path, configured(bad, good)) as gateway,
    ):
        express = Express(gateway.dispatch, everything)
        for _ in range(3):
            assert (await by_short(express, body_of()))[1] == "vllm"
        assert (len(bad.chats), len(good.chats)) == (1, 3)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_cancelled_request_lets_go_of_its_engine(tmp_path: Path, *, stream: bool) -> None:
    """The connection is cut, the row says cancelled with an estimate, and the engine is not blamed."""
    async with FakeEngine("vllm", "hang").running() as fake, house(tmp_path, configured(fake)) as gateway:
        express = Express(gateway.dispatch, everything)
        task = asyncio.ensure_future(
            by_short(express, body_of(stream=stream), "stream" if stream else "whole")
        )
        await fake.met.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(fake.left.wait(), 5)
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.engine, row.estimated) == ("cancelled", "vllm", True)
        assert row.input_tokens > 0
        assert gateway.dispatch.in_flight() == {}
        engine = gateway.board.fleet.engine("vllm")
        assert engine is not None
        assert (engine.failures, fake.fired) == (0, 1)


@pytest.mark.parametrize(
    "more",
    [
        {"tools": []},
        {"response_format": {"type": "json_object"}},
        {"logprobs": True},
        {"n": 2},
        {"temperature": 3},
        {"max_tokens": 0},
        {"unheard": 1},
        {"model": ""},
        {"messages": []},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}]}]},
        {"messages": [{"role": "tool", "content": "28", "tool_call_id": "c"}]},
        {"messages": [{"role": "user", "content": "?", "Model": "other"}]},
    ],
    ids=lambda more: next(iter(more)) if isinstance(more, dict) else "",
)
async def test_anything_more_takes_the_long_way(tmp_path: Path, more: dict[str, object]) -> None:
    """Whatever has a field of its own, or a wrong one, is left to the reader that knows them all."""
    async with FakeEngine("vllm", "whole").running() as fake, house(tmp_path, configured(fake)) as gateway:
        express = Express(gateway.dispatch, everything)
        assert express.trip(body_of(more), GRANT) is None
        assert express.trip(body_of(), GRANT) is not None


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"json_schema": "{}"},
        {"json_object": True},
        {"runs_as": "other"},
        {"wishes": Wishes(prefer="local")},
    ],
    ids=lambda more: next(iter(more)) if isinstance(more, dict) else "",
)
async def test_what_must_be_looked_at_is_not_carried(
    tmp_path: Path, more: dict[str, Any]
) -> None:  # Any: fields of a request
    """Streams, prescribed forms, roll-outs and wishes take the long way; the same without them does not."""
    async with FakeEngine("vllm", "whole").running() as fake, house(tmp_path, configured(fake)) as gateway:
        express, plain = Express(gateway.dispatch, everything), read_as(body_of(), "translated")
        assert express.carry(replace(plain, **more), GRANT) is None
        assert express.carry(plain, GRANT) is not None


async def test_who_must_look_first_is_asked(tmp_path: Path) -> None:
    """A name of a roll-out or of several models, an engine outside, a key without that name: the long way."""
    asked: list[tuple[str, bool]] = []

    def passes(model: str, streamed: bool) -> bool:
        asked.append((model, streamed))
        return False

    async with FakeEngine("vllm", "whole").running() as fake:
        async with house(tmp_path / "a", configured(fake)) as gateway:
            assert Express(gateway.dispatch, passes).trip(body_of(stream=True), GRANT) is None
            assert asked == [("m", True)]
            express = Express(gateway.dispatch, everything)
            assert express.trip(body_of(), Grant(models=("other*",))) is None
            assert express.trip(body_of(), GRANT) is not None
        outside = (EngineSettings("far", fake.url, "vllm", where="cloud"),)
        async with house(tmp_path / "b", outside) as gateway:
            assert Express(gateway.dispatch, everything).trip(body_of(), GRANT) is None


async def test_nothing_is_asked_that_cannot_be_written_down(tmp_path: Path) -> None:
    """A journal that refuses ends the request before its engine hears of it."""
    async with FakeEngine("vllm", "whole").running() as fake, house(tmp_path, configured(fake)) as gateway:
        trip = Express(gateway.dispatch, everything).trip(body_of(), GRANT)
        assert trip is not None
        gateway.journal._trouble = "the disk is gone"
        with pytest.raises(HomeUnusable):
            await trip.whole("r1")
        assert fake.chats == []
        gateway.journal._trouble = ""


texts = st.text(max_size=60)
turns = st.lists(
    st.tuples(st.sampled_from(["system", "developer", "user", "assistant"]), texts), min_size=1, max_size=4
)


@given(
    turns,
    st.sampled_from(["m", "Model", "a/b:c", "модель"]),
    st.sampled_from([{}, {"max_tokens": 7}, {"max_tokens": 7, "max_completion_tokens": 9}, {"stop": "x"}]),
    st.booleans(),
    st.booleans(),
)
def test_same_reading(
    asked: list[tuple[str, str]], model: str, more: dict[str, object], ascii_only: bool, stream: bool
) -> None:
    """What is read of a plain request, and sent for it, is what the long way reads and sends."""
    messages = [{"role": role, "content": text} for role, text in asked]
    document = {"messages": messages, "model": model, "stream": stream, **more}
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    plain = read_plain(body)
    try:
        request = openai.read_chat(body)[0]
    except BadRequest:
        assert plain is None
        return
    assert plain is not None
    assert (plain.model, plain.stream, plain.reply_tokens) == (model, stream, request.max_tokens)
    assert [turn.content for turn in plain.messages] == [turn.content for turn in request.messages]
    sent = write_plain_request(body, plain, model="other", ask_usage=stream)
    long = write_passed_request(body, model="other", ask_usage=stream)
    # A prompt that is the very word takes the long way there; both may also refuse to pass.
    assert long is None or sent == long[0]


@pytest.mark.parametrize("form", get_args(Form))
async def test_first_word_is_timed_from_the_beginning(tmp_path: Path, form: Form) -> None:
    """What the first engine wasted before it failed counts for the row of the second, on both ways."""
    found: list[float | None] = []
    for short in (False, True):
        seconds = [100.0]

        class Slow(FakeEngine):
            """Takes five seconds to fail."""

            async def _chat(self, writer: asyncio.StreamWriter) -> None:
                seconds[0] += 5.0  # noqa: B023 the list of this turn is meant
                await super()._chat(writer)

        async with (
            Slow("mlx", "500").running() as first,
            FakeEngine("vllm", "none").running() as good,
            house(tmp_path / str(short), configured(first, good)) as gateway,
        ):
            gateway.dispatch.stopwatch = gateway.dispatch.attempts._stopwatch = lambda: seconds[0]  # noqa: B023
            body = body_of(stream=form == "stream")
            if short:
                text, _ = await by_short(Express(gateway.dispatch, everything), body, form)
            else:
                text, _ = await by_long(gateway, body, form)
            assert text == "".join(WORDS)
            assert first.fired == 1
            (row,) = gateway.ledger.rows()
            found.append(row.first_token_ms)
    assert found == [5000.0, 5000.0]
