"""The embedded engine: its child process, and once the real demo model."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import select
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.gateway.edge.prober import ProbeSettings
from inhouse.gateway.edge.providers.embedded import (
    EmbeddedEngine,
    EmbeddedModel,
    EmbeddedSettings,
    demo_model,
)
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.kernel.errors import EngineBroke, EngineRefused, EngineTimeout, EngineUnreachable, NoEngine
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    UsageSeen,
)
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import REQUEST, House, house
from tests.worlds.engines import WORDS

CHILD = Path(__file__).parents[1] / "worlds" / "child.py"
LIMITS = HttpLimits(first_event_timeout_s=10.0, idle_timeout_s=10.0)


@asynccontextmanager
async def engine_with(
    tmp_path: Path, mode: str, *, keep_alive_s: float = 60.0, ready_timeout_s: float = 20.0
) -> AsyncIterator[EmbeddedEngine]:
    """An embedded engine whose child is the stand-in."""
    model = EmbeddedModel("tiny", tmp_path / "tiny.gguf", demo=True)
    model.path.write_bytes(b"GGUF")
    settings = EmbeddedSettings(
        (model,),
        keep_alive_s=keep_alive_s,
        ready_timeout_s=ready_timeout_s,
        stop_timeout_s=0.5,
        trial_timeout_s=0.3,
    )
    http = HttpClient(LIMITS)
    engine = EmbeddedEngine(settings, http, command=(sys.executable, str(CHILD), mode))
    try:
        yield engine
    finally:
        await engine.stop()
        await http.close()


async def read(engine: EmbeddedEngine) -> list[ChatEvent]:
    """All events of one answer."""
    return [event async for event in engine.stream(REQUEST, "tiny")]


def process_of(engine: EmbeddedEngine) -> asyncio.subprocess.Process:
    """The child's process."""
    process = engine._seats.runners["tiny"].process._process
    assert process is not None
    return process


def command_of(process: asyncio.subprocess.Process) -> str:
    """What every user of the machine can see of a process."""
    return Path(f"/proc/{process.pid}/cmdline").read_text()


@pytest.mark.slow
async def test_model_is_loaded_when_first_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process before the first request, one for all that follow, none after the stop; no key leaks."""
    monkeypatch.setenv("OPENAI_API_KEY", "not for children")
    async with engine_with(tmp_path, "serve") as engine:
        assert [each.loaded for each in engine.models()] == [False]
        for _ in range(2):
            events = await read(engine)
            assert [each.text for each in events if isinstance(each, TextDelta)] == list(WORDS)
            assert keeps_grammar(events)
        process = process_of(engine)
        assert [each.loaded for each in engine.models()] == [True]
        assert engine._seats.runners["tiny"].key not in command_of(process)
        await engine.stop()
        assert process.returncode == 0
        assert [each.loaded for each in engine.models()] == [False]
        assert (await read(engine))[-1] == Finished()


@pytest.mark.slow
async def test_requests_at_once_share_one_process(tmp_path: Path) -> None:
    """Requests that arrive while the model loads wait for the same process."""
    async with engine_with(tmp_path, "serve") as engine:
        answers = await asyncio.gather(*(read(engine) for _ in range(4)))
        assert all(events[-1] == Finished() for events in answers)


@pytest.mark.slow
async def test_failed_load_says_why(tmp_path: Path) -> None:
    """The first error line of the child stands in the message; the next request tries again."""
    async with engine_with(tmp_path, "fail") as engine:
        for _ in range(2):
            with pytest.raises(
                EngineBroke, match=r"`tiny` could not be loaded: gguf: not a model \(exit code 1"
            ):
                await read(engine)


@pytest.mark.slow
async def test_slow_load_is_given_up(tmp_path: Path) -> None:
    """A model that is not ready in time is an error that names the limit; its process is gone."""
    async with engine_with(tmp_path, "hang", ready_timeout_s=0.3) as engine:
        with pytest.raises(EngineTimeout, match=r"within 0\.3 s"):
            await read(engine)
        assert [each.loaded for each in engine.models()] == [False]


@pytest.mark.slow
async def test_crash_in_the_middle_is_a_failure_and_the_next_request_restarts(tmp_path: Path) -> None:
    """The answer under way fails after what it gave; then a new process answers."""
    async with engine_with(tmp_path, "stall") as engine:
        for _ in range(2):
            answer = engine.stream(REQUEST, "tiny")
            assert await anext(answer) == TextDelta(WORDS[0])
            process = process_of(engine)
            process.kill()
            rest = [event async for event in answer]
            assert isinstance(rest[-1], Failed)
            assert rest[-1].code == "engine_broke"
            assert await process.wait() == -9


@pytest.mark.slow
async def test_idle_model_is_unloaded(tmp_path: Path) -> None:
    """After the keep-alive the process ends by itself; the next request loads again."""
    async with engine_with(tmp_path, "serve", keep_alive_s=0.0) as engine:
        await read(engine)
        process = process_of(engine)
        assert await asyncio.wait_for(process.wait(), 5.0) == 0
        assert (await read(engine))[-1] == Finished()


@pytest.mark.slow
async def test_deaf_child_is_killed(tmp_path: Path) -> None:
    """A child that ignores the end of its stdin is killed after a while."""
    async with engine_with(tmp_path, "deaf") as engine:
        await read(engine)
        process = process_of(engine)
        await engine.stop()
        assert process.returncode == -9


async def test_unknown_model_is_refused(tmp_path: Path) -> None:
    """A name it does not have starts no process."""
    async with engine_with(tmp_path, "serve") as engine:
        with pytest.raises(EngineRefused, match="no model `other`"):
            await anext(engine.stream(REQUEST, "other"))
        assert [each.loaded for each in engine.models()] == [False]


async def test_program_that_cannot_be_started(tmp_path: Path) -> None:
    """A missing program is an engine that cannot be reached."""
    settings = EmbeddedSettings((EmbeddedModel("tiny", tmp_path / "m.gguf"),))
    engine = EmbeddedEngine(settings, HttpClient(LIMITS), command=(str(tmp_path / "nothing"),))
    with pytest.raises(EngineUnreachable, match="cannot be started"):
        await read(engine)


@pytest.mark.parametrize(
    ("models", "installed", "lack"),
    [
        ((), True, "no model file is configured"),
        ((EmbeddedModel("m", Path("/nowhere/m.gguf")),), True, "no such file: /nowhere/m.gguf"),
        ((EmbeddedModel("m", Path(__file__)),), False, "pip install 'inhouse[local]'"),
        ((EmbeddedModel("m", Path(__file__)),), True, ""),
    ],
)
def test_lacks_are_named(
    models: tuple[EmbeddedModel, ...], installed: bool, lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, a missing file and a missing extra are told apart, with the way out."""
    if not installed:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    engine = EmbeddedEngine(EmbeddedSettings(models), HttpClient(LIMITS))
    assert lack in engine.lack()
    assert bool(lack) == bool(engine.lack())


CHILD_COMMAND = [sys.executable, "-P", "-m", "inhouse.gateway.edge.providers.embedded_child"]


def order_for(path: Path, parent: int) -> str:
    """The first line that a child reads."""
    order = {"path": str(path), "alias": "m", "key": "k", "context_tokens": 256, "threads": 1}
    return json.dumps(order | {"parent": parent}) + "\n"


@pytest.mark.slow
def test_child_without_a_model_says_why(tmp_path: Path) -> None:
    """The real child, given a file that is no model, ends with an error line and no address."""
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    pipe = subprocess.PIPE
    with subprocess.Popen(CHILD_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(order_for(tmp_path / "bad.gguf", os.getpid()))
        child.stdin.flush()
        assert child.stdout.read() == ""
        assert "bad.gguf" in child.stderr.read()
    assert child.returncode == 1


@pytest.mark.slow
@pytest.mark.model
def test_child_dies_with_its_parent() -> None:
    """A parent that is killed takes the child along, also when somebody else holds the child's stdin."""
    model = demo_model()
    assert model is not None
    read_end, write_end = os.pipe()
    # The parent prints the child's id and passes the order on; the test keeps the stdin open.
    parent_code = (
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen({CHILD_COMMAND!r}, stdin={read_end}, stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, flush=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True, pass_fds=[read_end]
    ) as parent:
        assert parent.stdout is not None
        os.write(write_end, order_for(model.path, parent.pid).encode())
        watch = os.pidfd_open(int(parent.stdout.readline()))
        assert "http://127.0.0.1:" in parent.stdout.readline()
        assert select.select([watch], [], [], 0)[0] == []
        parent.kill()
        assert select.select([watch], [], [], 10)[0] == [watch]
    for descriptor in (read_end, write_end, watch):
        os.close(descriptor)


@asynccontextmanager
async def demo_house(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway whose only engine is the real demo model, on one thread."""
    model = demo_model()
    assert model is not None, "the demo model is not installed: make test installs it"
    limits = replace(LIMITS, first_event_timeout_s=60.0)
    http = HttpClient(limits)
    embedded = EmbeddedEngine(EmbeddedSettings((model,), threads=1), http)
    probe = ProbeSettings(discover=False)
    async with house(tmp_path, probe=probe, embedded=embedded, http=http) as gateway:
        yield gateway


@pytest.mark.slow
@pytest.mark.model
async def test_demo_model_answers_with_real_tokens(tmp_path: Path) -> None:
    """Real tokens through dispatch: grammar, the engine's own usage, an ok row; a seed repeats itself."""
    async with demo_house(tmp_path) as gateway:
        (view,) = gateway.prober.engines()
        assert (view.state, view.where, view.models[0].loaded) == ("up", "local", False)
        request = ChatRequest(
            (ChatMessage("user", "Name three colours."),), max_tokens=24, temperature=0.0, seed=1
        )
        texts = []
        for _ in range(2):
            engine, events = await gateway.ask(request)
            assert engine == "embedded"
            assert keeps_grammar(events)
            texts.append("".join(each.text for each in events if isinstance(each, TextDelta)))
            usage = next(each.usage for each in events if isinstance(each, UsageSeen))
            assert 0 < usage.output_tokens <= 24
            assert not usage.estimated
        assert texts[0] == texts[1]
        assert texts[0].strip()
        rows = gateway.ledger.rows()
        assert [(row.outcome, row.model) for row in rows] == [("ok", view.models[0].name)] * 2
        words, seconds = await gateway.prober.test_prompt("embedded")
        assert words
        assert seconds > 0


@pytest.mark.slow
@pytest.mark.model
async def test_demo_model_keeps_to_a_schema_and_to_its_limits(tmp_path: Path) -> None:
    """A required format is kept; a prompt that is too long is refused; leaving frees the slot."""
    async with demo_house(tmp_path) as gateway:
        schema = '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'
        strict = ChatRequest((ChatMessage("user", "Is it ok?"),), max_tokens=32, json_schema=schema, seed=1)
        _, events = await gateway.ask(strict)
        text = "".join(each.text for each in events if isinstance(each, TextDelta))
        assert "".join(text.split()).startswith('{"ok":')
        endless = ChatRequest((ChatMessage("user", "Count to a million."),), max_tokens=1500)
        answer = await gateway.dispatch.open(endless, request_id="r", user="u")
        await answer.aclose()
        assert not isinstance((await gateway.ask(strict))[1][-1], Failed)
        with pytest.raises(NoEngine, match="context of 2048 tokens is too short"):
            await gateway.ask(ChatRequest((ChatMessage("user", "x" * 20_000),)))
        with pytest.raises(NoEngine, match="does not answer from documents"):
            await gateway.ask(replace(strict, task="answer"))
