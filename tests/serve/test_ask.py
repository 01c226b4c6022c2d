"""`POST /app/ask`: the order of events, and what is kept however it ends."""

from __future__ import annotations

import asyncio
import json

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import EngineBroke, HomeUnusable
from inhouse.knowledge.ports import AnswerDelta, Message
from inhouse.serve.app import build_app
from tests.serve.client import call, read_events, running
from tests.serve.fakes import GOOD_SCRIPT, FakeAnswers, FakeHouse


def kept(house: FakeHouse, chat_id: str = "c1") -> tuple[Message, ...]:
    return house.chats.get(Caller(), chat_id).messages


async def test_events_come_in_order_and_end_with_done() -> None:
    """started, passages, deltas, sentences, receipt, done; done is the whole document with its ids."""
    house = FakeHouse()
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/ask", data={"question": "How long is vacation?"})
    assert reply.headers["content-type"].startswith("text/event-stream")
    names = [name for name, _data in reply.events()]
    assert names == ["started", "passages", "delta", "delta", "sentence", "receipt", "done"]
    done = reply.events()[-1][1]
    assert (done["chat_id"], done["message_id"]) == ("c1", "a1")
    assert done["receipt"]["ms"] == {"search": 1.0, "first_token": None, "total": 2.0}
    assert done["refused"] is False
    answer = kept(house)[1]
    assert (answer.status, answer.text) == ("done", "Vacation lasts 28 days.")


async def test_follow_ups_carry_the_history() -> None:
    """Finished turns of the chat are handed on, oldest first; a scope is handed on too."""
    house = FakeHouse()
    app = build_app(house.parts, stopping=asyncio.Event())
    await call(app, "POST", "/app/ask", data={"question": "first"})
    body = {"question": "second", "chat_id": "c1", "scope": {"sources": ["handbook"]}}
    await call(app, "POST", "/app/ask", data=body)
    request = house.answers.asked[1][1]
    assert [turn.question for turn in request.history] == ["first"]
    assert request.scope.sources == ("handbook",)
    again = {"chat_id": "c1", "regenerate": "a1"}
    await call(app, "POST", "/app/ask", data=again)
    assert house.answers.asked[2][1].question == "first"
    assert house.answers.asked[2][1].history == ()


async def test_a_question_can_leave_no_trace() -> None:
    """`keep: false` answers without a chat."""
    house = FakeHouse()
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/ask", data={"question": "vacation", "keep": False})
    assert reply.events()[-1][1]["chat_id"] is None
    assert house.chats.chats == {}


@pytest.mark.parametrize("question", ["", "  \n", "?!…", "x" * 100_000])
async def test_wrong_questions_are_refused_before_anything_is_kept(question: str) -> None:
    """Empty, only punctuation, 100 kB: a 400 in our shape, no chat."""
    house = FakeHouse()
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/ask", data={"question": question})
    assert (reply.status, reply.code) == (400, "bad_request")
    assert house.chats.chats == {}


async def test_unknown_chats_and_answers_are_not_found() -> None:
    """A chat or an answer that is not there is a 404 before the stream begins."""
    app = build_app(FakeHouse().parts, stopping=asyncio.Event())
    for body in ({"question": "a", "chat_id": "c9"}, {"question": "a", "regenerate": "a9"}):
        assert (await call(app, "POST", "/app/ask", data=body)).status == 404


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (EngineBroke("it broke", engine="e", hint="ask again"), "engine_broke"),
        (KeyError("k"), "internal_error"),
    ],
)
async def test_a_failure_is_the_last_event_and_the_text_is_kept(fault: Exception, code: str) -> None:
    """`error` ends the stream; what was written stays in the chat as failed; no stack trace leaves."""
    house = FakeHouse(answers=FakeAnswers([*GOOD_SCRIPT[:3], fault]))
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/ask", data={"question": "vacation"})
    name, data = reply.events()[-1]
    assert (name, data["code"]) == ("error", code)
    assert "KeyError" not in reply.body.decode()
    answer = kept(house)[1]
    assert (answer.status, answer.text) == ("failed", "Vacation lasts 28 days.")


async def test_leaving_cancels_and_keeps_the_partial_answer() -> None:
    """A closed connection closes the engine's stream; the text so far is kept as cancelled."""
    never, leave = asyncio.Event(), asyncio.Event()
    house = FakeHouse(answers=FakeAnswers([*GOOD_SCRIPT[:2], never, AnswerDelta("never")]))
    app = build_app(house.parts, stopping=asyncio.Event())
    request = asyncio.ensure_future(call(app, "POST", "/app/ask", data={"question": "vacation"}, leave=leave))
    await house.answers.waiting.wait()
    leave.set()
    reply = await request
    assert house.answers.closed == 1
    assert "done" not in [name for name, _data in reply.events()]
    answer = kept(house)[1]
    assert (answer.status, answer.text) == ("cancelled", "Vacation lasts ")
    part = json.loads(answer.answer_json or "")
    assert (part["answer"], part["sentences"]) == ("Vacation lasts ", [])
    assert [one["document"] for one in part["passages"]] == ["hr/leave.md"]


async def test_an_answer_that_cannot_be_kept_ends_with_an_error() -> None:
    """A full disk at the last moment: the person is told, the stream has its end."""
    house = FakeHouse()
    house.chats.full = HomeUnusable("The disk is full", hint="free some space")
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/ask", data={"question": "vacation"})
    names = [name for name, _data in reply.events()]
    assert (names[-2:], reply.events()[-1][1]["code"]) == (["receipt", "error"], "home_unusable")


async def test_a_real_client_that_closes_its_socket_cancels() -> None:
    """The same over a real connection."""
    house = FakeHouse(answers=FakeAnswers([*GOOD_SCRIPT[:2], asyncio.Event()]))
    async with running(house.parts, asyncio.Event()) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(post(port, b'{"question": "vacation"}'))
        await reader.readuntil(b"event: delta")
        writer.close()
        await house.answers.ended.wait()
    assert (kept(house)[1].status, house.answers.closed) == ("cancelled", 1)


async def test_stopping_ends_streams_cleanly() -> None:
    """A stop sends `error` shutting_down as the last event and keeps the text as interrupted."""
    stopping = asyncio.Event()
    house = FakeHouse(answers=FakeAnswers([*GOOD_SCRIPT[:2], asyncio.Event()]))
    async with running(house.parts, stopping) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(post(port, b'{"question": "vacation"}'))
        head = await reader.readuntil(b"event: delta")
        stopping.set()
        rest = await reader.read()
        writer.close()
    name, data = read_events(dechunked(head + rest))[-1]
    assert (name, data["code"]) == ("error", "shutting_down")
    assert rest.endswith(b"0\r\n\r\n")
    answer = kept(house)[1]
    assert (answer.status, answer.text) == ("interrupted", "Vacation lasts ")


def post(port: int, body: bytes) -> bytes:
    head = f"POST /app/ask HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def dechunked(stream: bytes) -> bytes:
    """The body of a chunked reply; good enough where no data holds a line of hexadecimal digits."""
    lines = stream.partition(b"\r\n\r\n")[2].split(b"\r\n")
    return b"".join(lines[1::2])
