"""U20: words that may not leave the house stay in it, also when no engine of the house is left."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Literal

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.providers.scripted import ScriptedProvider
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import EngineError, EngineUnreachable, InhouseError
from inhouse.kernel.messages import ChatEvent, ChatRequest
from tests.gateway.test_dispatch import HELLO, REQUEST, Book, read, text_of


@pytest.mark.parametrize("state", ["up", "down"])
@pytest.mark.parametrize("data", ["local_only", "any"])
async def test_documents_never_fall_back_to_the_cloud(
    data: Literal["local_only", "any"], state: Literal["up", "down"]
) -> None:
    """The only local engine fails: the cloud answers where it may, and else sees no byte of the request."""
    local = ScriptedProvider((EngineUnreachable("died", engine="local"),))
    cloud = ScriptedProvider(HELLO)
    board = FleetBoard(lambda: 1000.0)
    board.show(
        [
            Engine("local", "scripted", "local", "", state, (Model("m"),)),
            Engine("cloud", "scripted", "cloud", "https://x", "up", (Model("m"),), default_model="m"),
        ]
    )
    book = Book()
    dispatch = Dispatch(
        board,
        lambda engine: local if engine.name == "local" else cloud,
        book,
        lambda: Rules(cloud_allowed=True),
        clock=lambda: 1000.0,
        stopwatch=lambda: 1000.0,
    )
    request = replace(REQUEST, data=data)
    if data == "any":
        answer = await dispatch.open(request, request_id="r", user="u")
        assert text_of(await read(answer)) == "Hello"
        assert (answer.used.where, len(cloud.seen)) == ("cloud", 1)
    else:
        with pytest.raises(InhouseError) as caught:
            await dispatch.open(request, request_id="r", user="u")
        assert "died" in caught.value.message or "may not leave the house" in caught.value.message
        assert cloud.seen == []
    assert len(local.seen) == (state == "up"), "the fault fired"
    assert len(book.rows) == 1


@pytest.mark.parametrize("how", ["relay", "model", "consent", "nothing"])
async def test_place_is_looked_at_again_before_another_engine_is_asked(how: str) -> None:
    """While the first engine failed, the second turned out to send words outside: it never hears of these."""
    board = FleetBoard(lambda: 1000.0)
    first = Engine("first", "scripted", "local", "", "up", (Model("m"),), default_model="m")
    second = replace(first, name="second", where="cloud" if how == "consent" else "local")
    changed = {
        "relay": replace(second, where="cloud"),
        "model": replace(second, models=(Model("m", remote=True),)),
        "consent": replace(second, state="found_not_allowed"),
        "nothing": second,
    }[how]

    class Failing(ScriptedProvider):
        """Fails after a look at all engines."""

        async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
            board.show([first, changed])
            async for event in super().stream(request, model):
                yield event

    failing, other = Failing((EngineUnreachable("died", engine="first"),)), ScriptedProvider(HELLO)
    book = Book()
    board.show([first, second])
    dispatch = Dispatch(
        board,
        lambda engine: failing if engine.name == "first" else other,
        book,
        lambda: Rules(cloud_allowed=True),
        clock=lambda: 1000.0,
        stopwatch=lambda: 1000.0,
    )
    request = replace(REQUEST, data="any" if how == "consent" else "local_only")
    if how == "nothing":
        answer = await dispatch.open(request, request_id="r", user="u")
        assert text_of(await read(answer)) == "Hello"
    else:
        with pytest.raises(EngineError, match="died"):
            await dispatch.open(request, request_id="r", user="u")
        assert other.seen == []
        engine = board.fleet.engine("second")
        assert engine is not None
        assert engine.failures == 0, "it is not at fault"
    assert len(failing.seen) == 1, "the fault fired"
    assert len(book.rows) == 1
