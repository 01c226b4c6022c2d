"""U20: words that may not leave the house stay in it, also when no engine of the house is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.providers.scripted import ScriptedProvider
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import EngineUnreachable, InhouseError
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
