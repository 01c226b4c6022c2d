"""What an engine sent together goes out together: the same bytes, in fewer pieces, and nothing held back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.front import Surface
from inhouse.serve.plane.gemini import GeminiSurface
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import open_plane
from tests.serve.plane.test_faults import asking
from tests.worlds.engines import FakeEngine

WORDS: tuple[ChatEvent, ...] = (
    ReasoningDelta("hm"),
    TextDelta("Leave "),
    TextDelta("is\n"),
    TextDelta('"28" '),
    TextDelta("d\u00e4ys."),
)
ENDS: dict[str, tuple[ChatEvent, ...]] = {
    "finished": (UsageSeen(Usage(21, 4)), Finished()),
    "call": (ToolDelta(0, "c", "f", '{"a":'), ToolDelta(0, "", "", "1}"), Finished("tool_calls")),
    "failed": (UsageSeen(Usage(21, 4)), Failed("engine_broke", "it fell over")),
}
SURFACES: dict[str, Surface] = {
    "/v1/chat/completions": OpenAISurface(),
    "/v1/messages": AnthropicSurface(),
    "/v1beta/models/m:streamGenerateContent?alt=sse": GeminiSurface(),
    "/api/chat": OllamaSurface(),
}
MORE: dict[str, dict[str, object]] = {
    "/v1/messages": {"max_tokens": 9},
    "/v1beta/models/m:streamGenerateContent?alt=sse": {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}]
    },
}


class Grouped:
    """A provider that gives these groups of events, the next one when `go` allows it."""

    def __init__(self, *groups: Sequence[ChatEvent]) -> None:
        self._groups = groups
        self.go = asyncio.Semaphore(len(groups))

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """Never asked, as there is `batches`."""
        raise AssertionError

    async def batches(self, _request: ChatRequest, _model: str) -> AsyncGenerator[Sequence[ChatEvent]]:
        """One group after the other."""
        for group in self._groups:
            await self.go.acquire()
            yield group

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """Makes none."""
        raise EngineRefused("no")


async def asked(surface: str, provider: Grouped | OpenAIProvider) -> tuple[list[bytes], str]:
    """The pieces of a streamed answer, as the server sent them, and how the row ended."""
    async with open_plane(SURFACES[surface], provider=provider) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        request = asking(surface, stream=True, **MORE.get(surface, {}))
        # An error names its request, which is to be the same one in both answers.
        writer.write(request.replace(b"\r\nHost", b"\r\nX-Inhouse-Request-Id: one\r\nHost", 1))
        pieces = await pieces_of(reader)
        writer.close()
        return pieces, plane.row.outcome or ""


async def pieces_of(reader: asyncio.StreamReader) -> list[bytes]:
    """The chunks of a chunked body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 200"), head
    pieces = []
    while size := int(await asyncio.wait_for(reader.readuntil(b"\r\n"), 5), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    return pieces


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("surface", SURFACES)
async def test_a_group_is_sent_in_one_piece_with_the_same_bytes(surface: str, end: str) -> None:
    """Events that came together make one piece, in each dialect; its bytes are those of the events one by
    one (control: these are more pieces), and the row ends the same."""
    events = (*WORDS, *ENDS[end])
    together, outcome = await asked(surface, Grouped(events))
    alone, control = await asked(surface, Grouped(*[(event,) for event in events]))
    assert len(alone) > 2, "control"
    assert len(together) == 1
    assert b"".join(together) == b"".join(alone)
    assert outcome == control == ("partial" if end == "failed" else "ok")


async def test_nothing_is_held_back_for_what_may_come() -> None:
    """A group goes out while the engine still owes the next one."""
    provider = Grouped(WORDS[:3], (*WORDS[3:], *ENDS["finished"]))
    provider.go = asyncio.Semaphore(1)
    async with open_plane(OllamaSurface(), provider=provider) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        writer.write(asking("/api/chat", stream=True))
        await asyncio.wait_for(reader.readuntil(b'"content":"is\\n"'), 5)
        assert plane.row.outcome is None, "control: the answer is not over"
        provider.go.release()
        await asyncio.wait_for(reader.readuntil(b'"done":true'), 5)
        writer.close()


async def test_a_stream_of_an_engine_is_the_same_for_those_who_read_it_one_by_one() -> None:
    """`stream` of a provider gives the events of `batches`, in their order; no batch is empty."""
    async with FakeEngine("vllm").running() as engine:
        http = HttpClient(HttpLimits())
        provider = OpenAIProvider("vllm", engine.url, PROFILES["vllm"], http)
        request = ChatRequest((), model="m")
        single = [event async for event in provider.stream(request, "m")]
        batches = [list(batch) async for batch in provider.batches(request, "m")]
        await http.close()
    assert all(batches)
    assert [event for batch in batches for event in batch if not isinstance(event, TextDelta)] == [
        event for event in single if not isinstance(event, TextDelta)
    ]
    assert "".join(event.text for event in single if isinstance(event, TextDelta)) == "Leave is 28 days."
