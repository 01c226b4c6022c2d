"""C06: one upstream call for requests with one Idempotency-Key, whether the first is under way or over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest

from inhouse.gateway.ports import ModelStore
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineBroke, InhouseError
from inhouse.kernel.messages import ChatEvent, ChatMessage, ChatRequest, Finished, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import Embedder, EngineUsed
from inhouse.serve.plane.asked import Asked
from inhouse.serve.plane.exchange import answer_stream
from inhouse.serve.plane.front import Front, Route, WireError
from inhouse.serve.plane.idempotency import REPLAYED, Repeats
from inhouse.serve.plane.parts import Catalogue, PlaneParts
from inhouse.serve.wire import Message, send_reply
from tests.serve.plane.house import FakeGate, Shelf

EVENTS: tuple[ChatEvent, ...] = (
    TextDelta("Leave is "),
    TextDelta("28 days."),
    UsageSeen(Usage(5, 3)),
    Finished(),
)
PATH = "/v1/chat/completions"


@dataclass
class Engine:
    """A chat model that counts its calls, and waits before its second event while `hold` is set."""

    calls: int = 0
    left: int = 0
    hold: asyncio.Event | None = None
    before: asyncio.Event | None = None
    """What is waited for before the first."""
    fails: bool = False

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Stream:
        """One call."""
        self.calls += 1
        if self.before is not None:
            await self.before.wait()
        if self.fails:
            raise EngineBroke("broke", engine="e")
        return Stream(self)

    def ready(self, request: ChatRequest) -> bool:
        """Always."""
        return True


class Stream:
    """The answer of that engine."""

    used = EngineUsed("e", "m", "local", "only one")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._events = self._play()

    async def _play(self) -> AsyncIterator[ChatEvent]:
        for number, event in enumerate(EVENTS):
            if number == 1 and self._engine.hold is not None:
                await self._engine.hold.wait()
            yield event

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self._events

    async def aclose(self) -> None:
        """Count who left early."""
        self._engine.left += 1


class Plain:
    """Writes the text of events."""

    def write(self, event: ChatEvent) -> bytes:
        """Only words."""
        return event.text.encode() if isinstance(event, TextDelta) else b""


class Surface:
    """The smallest wire surface: a POST is a chat."""

    def route(self, method: str, path: str) -> Route | None:
        """Uploads are given back, everything else is a chat."""
        return self._upload if path.startswith("/api/blobs/") else self._chat

    async def _upload(self, asked: Asked) -> None:
        message = await asked.receive()
        await send_reply(asked.send, 200, message["body"], "text/plain")

    async def _chat(self, asked: Asked) -> None:
        request = ChatRequest((ChatMessage("user", asked.body.decode()),))
        await answer_stream(asked, request, lambda _used: Plain(), "text/plain")

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """The code."""
        return error.status, error.code.encode(), ()


@dataclass
class Heard:
    """What one client got; `leave` is when it goes away."""

    messages: list[Message] = field(default_factory=list)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def reply(self) -> tuple[int, bytes, bool]:
        """Status, body, and whether it was said to be a repetition."""
        names = [name for name, _value in self.messages[0]["headers"]]
        body = b"".join(each.get("body", b"") for each in self.messages[1:])
        return self.messages[0]["status"], body, b"idempotent-replayed" in names


class World:
    """A front over the engine, with or without the protection."""

    def __init__(self, *, protected: bool = True, keep_s: float = 600.0, max_bytes: int = 10_000) -> None:
        self.engine = Engine()
        self.now = 0.0
        self.shelf = Shelf()
        self.repeats = Repeats(keep_s=keep_s, max_bytes=max_bytes, stopwatch=lambda: self.now)
        # None of these is asked by a chat.
        parts = PlaneParts(
            version="1",
            chat=self.engine,
            embedder=cast("Embedder", None),
            accounts=self.shelf,
            catalogue=cast("Catalogue", None),
            gate=FakeGate(keys={"a": Grant(key="a", user="a"), "b": Grant(key="b", user="b")}),
            models=cast("ModelStore", None),
            stopping=asyncio.Event(),
            clock=lambda: 0.0,
            new_id=lambda: "id",
        )
        self.front = Front(parts, (Surface(),), repeats=self.repeats if protected else None)

    def start(
        self,
        body: bytes = b"How long?",
        *,
        key: str = "k1",
        bearer: str = "a",
        path: str = PATH,
        **headers: str,
    ) -> tuple[Heard, asyncio.Task[bool]]:
        """Send a request, do not wait for its reply."""
        heard = Heard()
        given: Mapping[str, str] = {"idempotency-key": key, "authorization": f"Bearer {bearer}", **headers}
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), text.encode()) for name, text in given.items()],
            "client": ("127.0.0.1", 1),
            "state": {"request_id": "r"},
        }
        waiting = [body]

        async def receive() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            await heard.leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            heard.messages.append(message)
            if message.get("body"):
                heard.some.set()

        return heard, asyncio.ensure_future(self.front(scope, receive, send))

    async def ask(self, body: bytes = b"How long?", **more: str) -> tuple[int, bytes, bool]:
        """Send a request and wait for its reply."""
        heard, task = self.start(body, **more)
        await asyncio.wait_for(task, 5)
        return heard.reply


WHOLE = b"Leave is 28 days."


async def test_a_second_request_gets_the_first_ones_reply() -> None:
    """Finished: given again, marked as such, with one upstream call."""
    world = World()
    assert await world.ask() == (200, WHOLE, False)
    assert await world.ask() == (200, WHOLE, True)
    assert world.engine.calls == 1


async def test_a_second_request_shares_one_under_way() -> None:
    """It hears what was said before it came and the rest as it comes."""
    world = World()
    world.engine.hold = asyncio.Event()
    first, one = world.start()
    await asyncio.wait_for(first.some.wait(), 5)
    second, two = world.start()
    await asyncio.wait_for(second.some.wait(), 5)
    assert not one.done()
    world.engine.hold.set()
    await asyncio.wait_for(asyncio.gather(one, two), 5)
    assert (first.reply, second.reply) == ((200, WHOLE, False), (200, WHOLE, True))
    assert world.engine.calls == 1


async def test_control_without_the_protection_both_are_paid_for() -> None:
    """The same two requests reach the engine twice."""
    world = World(protected=False)
    for _ in range(2):
        assert await world.ask() == (200, WHOLE, False)
    assert world.engine.calls == 2


async def test_a_lost_connection_is_rescued_by_the_second() -> None:
    """The first client leaves in the middle, the second gets all of it from the same call."""
    world = World()
    world.engine.hold = asyncio.Event()
    first, one = world.start()
    await asyncio.wait_for(first.some.wait(), 5)
    second, two = world.start()
    await asyncio.wait_for(second.some.wait(), 5)
    first.leave.set()
    await asyncio.wait_for(one, 5)
    assert world.engine.left == 0
    world.engine.hold.set()
    await asyncio.wait_for(two, 5)
    assert (second.reply, world.engine.calls) == ((200, WHOLE, True), 1)


async def test_when_nobody_listens_the_engine_is_left() -> None:
    """A client that leaves alone ends the work, and its repetition is a new call."""
    world = World()
    world.engine.hold = asyncio.Event()
    first, one = world.start()
    await asyncio.wait_for(first.some.wait(), 5)
    first.leave.set()
    await asyncio.wait_for(one, 5)
    assert world.engine.left == 1
    world.engine.hold.set()
    assert await world.ask() == (200, WHOLE, False)
    assert world.engine.calls == 2


async def test_who_comes_while_the_first_one_is_being_left_gets_a_whole_reply() -> None:
    """The first sender left and its work is about to end: a second one must not get the torn half."""
    world = World()
    world.engine.hold = asyncio.Event()
    first, task = world.start()
    await asyncio.wait_for(first.some.wait(), 5)
    first.leave.set()
    (work,) = world.repeats._works.values()
    await asyncio.wait_for(work.left.wait(), 5)
    assert work.ended_at is None, "control: the work is still under way"
    second, again = world.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(task, 5)
    world.engine.hold.set()
    await asyncio.wait_for(again, 5)
    assert second.reply == (200, WHOLE, False)
    assert world.engine.calls == 2


async def test_an_upload_is_not_shared() -> None:
    """A body that is larger than memory is read by its route, key or no key; control: other paths share."""
    world = World()
    heard, task = world.start(b"GGUF", path="/api/blobs/sha256:0")
    await asyncio.wait_for(task, 5)
    assert (heard.reply[1], len(world.repeats._works)) == (b"GGUF", 0)
    await world.ask()
    assert len(world.repeats._works) == 1, "control"


@pytest.mark.parametrize(
    ("body", "headers"), [(b"How short?", {}), (b"How long?", {"x_inhouse_force": "cloud"})]
)
async def test_another_request_with_the_same_key_is_refused(body: bytes, headers: dict[str, str]) -> None:
    """422 for another body or other wishes; a new request id is no difference."""
    world = World()
    await world.ask()
    assert (await world.ask(body, **headers))[:2] == (422, b"idempotency_key_reused")
    assert (await world.ask(x_inhouse_request_id="r2"))[2]
    assert world.engine.calls == 1


async def test_callers_do_not_hear_each_other() -> None:
    """The same key of another bearer is another request; no key is no repetition; a huge key is refused."""
    world = World()
    for bearer, key in (("a", "k1"), ("b", "k1"), ("a", "k2"), ("a", ""), ("a", "")):
        assert await world.ask(bearer=bearer, key=key) == (200, WHOLE, False)
    assert world.engine.calls == 5
    assert (await world.ask(key="k" * 256))[:2] == (400, b"bad_request")


async def test_failures_are_not_kept() -> None:
    """Whoever repeats a request that failed means it."""
    world = World()
    world.engine.fails = True
    assert (await world.ask())[0] == 502
    world.engine.fails = False
    assert await world.ask() == (200, WHOLE, False)
    assert world.engine.calls == 2


async def test_replies_are_kept_for_the_stated_time() -> None:
    """The last second yes, the next no, on the monotonic clock."""
    world = World(keep_s=600.0)
    await world.ask()
    world.now = 599.0
    assert (await world.ask())[2]
    world.now = 600.0
    assert not (await world.ask())[2]


async def test_memory_is_bounded() -> None:
    """A thousand replies weigh no more than allowed, the newest are there; one that is too large is not."""
    world = World(max_bytes=10 * len(WHOLE))
    for number in range(1000):
        await world.ask(key=f"k{number}")
    assert world.repeats.size_bytes <= 10 * len(WHOLE)
    assert (await world.ask(key="k999"))[2]
    assert not (await world.ask(key="k0"))[2]
    small = World(max_bytes=len(WHOLE))
    await small.ask()
    assert not (await small.ask())[2]
    assert small.repeats.size_bytes == 0


def ends(world: World) -> list[tuple[str | None, str | None, str]]:
    """Outcome, code and reason of every row."""
    return [(row.outcome, row.code, row.used.reason if row.used else "") for row in world.shelf.rows]


async def test_a_reply_that_is_given_again_has_a_row() -> None:
    """Outcome ok, no engine, no tokens; key, user and model. The first one's row is the gateway's."""
    world = World()
    body = b'{"model":"m"}'
    await world.ask(body)
    assert world.shelf.rows == []
    await world.ask(body, x_inhouse_request_id="r2")
    (row,) = world.shelf.rows
    assert (row.outcome, row.code, row.user, row.key, row.task) == ("ok", None, "a", "a", "chat")
    assert (row.requested, row.usage) == ("m", Usage(0, 0))
    assert row.used == EngineUsed("none", None, "none", "replayed: Idempotency-Key")


async def test_who_shares_one_under_way_has_a_row_of_its_own() -> None:
    """`ok` for who heard all of it, `cancelled` for who left before."""
    world = World()
    world.engine.hold = asyncio.Event()
    first, one = world.start()
    await asyncio.wait_for(first.some.wait(), 5)
    second, two = world.start()
    third, three = world.start()
    await asyncio.wait_for(second.some.wait(), 5)
    await asyncio.wait_for(third.some.wait(), 5)
    third.leave.set()
    await asyncio.wait_for(three, 5)
    assert ends(world) == [("cancelled", None, REPLAYED.reason)]
    world.engine.hold.set()
    await asyncio.wait_for(asyncio.gather(one, two), 5)
    assert ends(world)[1:] == [("ok", None, REPLAYED.reason)]


async def test_another_request_with_the_same_key_has_a_row() -> None:
    """It was refused before any engine was asked."""
    world = World()
    await world.ask(b"one")
    assert (await world.ask(b"two"))[0] == 422
    ((outcome, code, reason),) = ends(world)
    assert (outcome, code) == ("refused", "idempotency_key_reused")
    assert "came with another request before" in reason


async def test_who_shared_a_failure_has_a_row() -> None:
    """Two wait for one answer that fails before its first word: a row from the gateway, one from here."""
    world = World()
    world.engine.before = asyncio.Event()
    _first, one = world.start()
    await asyncio.sleep(0)
    second, two = world.start()
    await asyncio.sleep(0)
    world.engine.fails = True
    world.engine.before.set()
    await asyncio.wait_for(asyncio.gather(one, two), 5)
    assert (second.reply[0], world.engine.calls) == (502, 1)
    assert ends(world) == [("failed", "engine_broke", REPLAYED.reason)]


async def test_what_asks_no_model_has_no_row_when_it_is_repeated() -> None:
    """A list is given again as it is."""
    world = World()
    for _ in range(2):
        assert (await world.ask(path="/api/show"))[0] == 200
    assert world.engine.calls == 1
    assert world.shelf.rows == []
