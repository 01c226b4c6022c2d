"""A request to a wire surface as every surface needs it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from inhouse.kernel.messages import NO_WISHES
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.asked import Asked, Left, read_asked, used_headers
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.watch import Patience, Watch
from inhouse.serve.wire import Message, Scope
from tests.serve.plane.house import open_plane

USED = EngineUsed("house", "m", "local", "the only engine")


async def asked(headers: list[tuple[bytes, bytes]], *messages: Message, method: str = "POST") -> Asked:
    """What is read from a request with these headers."""
    waiting = list(messages or [{"type": "http.request", "body": b"{}", "more_body": False}])

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is sent while a request is read")

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "state": {"request_id": "r"},
    }
    async with open_plane(OpenAISurface()) as plane:
        return await read_asked(scope, receive, send, plane.parts, Watch(asyncio.Event(), Patience()))


async def test_of_several_headers_the_first_counts() -> None:
    """And the strictest of all words on data; other headers change nothing."""
    found = await asked(
        [
            (b"x-inhouse-task", b"sum"),
            (b"x-inhouse-task", b"chat"),
            (b"x-inhouse-data", b"any"),
            (b"x-inhouse-data", b"local_only"),
        ]
    )
    assert (found.header(b"x-inhouse-task"), found.task, found.data) == ("sum", "sum", "local_only")
    plain = await asked([(b"x-inhouse-user", b"eva"), (b"x-inhouse-other", b"1"), (b"accept", b"*/*")])
    assert (plain.task, plain.data) == ("chat", "any")
    assert plain.wishes is NO_WISHES


@pytest.mark.parametrize(
    ("name", "word", "field"),
    [
        (b"priority", b"batch", "priority"),
        (b"role", b"L2", "role"),
        (b"prefer", b"local", "prefer"),
        (b"force", b"local", "force"),
        (b"max-cost-micros", b"5", "max_cost_micros"),
        (b"cache", b"off", "cache"),
    ],
)
async def test_each_wish_alone_is_heard(name: bytes, word: bytes, field: str) -> None:
    """A single header of ours changes its own wish and no other."""
    found = await asked([(b"x-inhouse-" + name, word)])
    assert getattr(found.wishes, field) != getattr(NO_WISHES, field)
    assert replace(found.wishes, **{field: getattr(NO_WISHES, field)}) == NO_WISHES


async def test_a_body_in_pieces_is_one() -> None:
    """However it comes; the control of the next test."""
    first: Message = {"type": "http.request", "body": b"ab", "more_body": True}
    found = await asked([], first, {"type": "http.request", "body": b"c", "more_body": False})
    assert found.body == b"abc"


async def test_half_a_request_is_none() -> None:
    """Who left before all of the body came asked for nothing: what came is not taken for the whole."""
    first: Message = {"type": "http.request", "body": b"{}", "more_body": True}
    for came in ([], [first]):
        with pytest.raises(Left):
            await asked([], *came, {"type": "http.disconnect"})


def test_headers_of_an_answer_are_written_once() -> None:
    """The same ones for the same answer, others when one word differs."""
    again = replace(USED, steps=())
    assert used_headers(again) is used_headers(USED)
    for other in (replace(USED, engine="b"), replace(USED, model=None), replace(USED, reason="x")):
        assert used_headers(other) != used_headers(USED)
    assert dict(used_headers(replace(USED, where="cloud")))[b"x-inhouse-where"] == b"cloud"


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND", "GET"])
async def test_bodies_that_the_door_does_not_limit_are_not_read(method: str) -> None:
    """A body of any length may come with any method; the control is one that the door has read."""
    piece: Message = {"type": "http.request", "body": b"x", "more_body": True}
    assert (await asked([], piece, method=method)).body == b""
    last: Message = {"type": "http.request", "body": b"y", "more_body": False}
    assert (await asked([], piece, last, method="PUT")).body == b"xy"
