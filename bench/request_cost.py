"""CPU of one request through the gateway's application, without a server in front of it.

    python -m bench.request_cost [ROUNDS]

The application of `serve --role gateway` is called in this process, as a server calls it; the engine
(`bench.mock_engine`, 64 tokens) is another process, over loopback. Kinds of requests take turns in rounds of
100, and each round is divided by what a fixed loop took beside it, so that a machine that is busy or slows
its clock changes little. `nothing` is the same driver around an application that only replies.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.mock_engine import MODEL
from inhouse.compose.role import open_role
from inhouse.config import load, open_home
from inhouse.serve.role import build_gateway_app
from inhouse.serve.wire import App, Message, Receive, Scope, Send

REQUESTS = 100
TEXT = "The quick brown fox jumps over the lazy dog. " * 24
TURNS = [{"role": "user", "content": TEXT}]
CHAT = "/v1/chat/completions"
Kind = tuple[str, dict[str, object], tuple[tuple[bytes, bytes], ...]]
KINDS: dict[str, Kind] = {
    "nothing": ("", {}, ()),
    "plain": (CHAT, {"model": MODEL, "messages": TURNS}, ()),
    "plain, the long way": (
        CHAT,
        {"model": MODEL, "messages": TURNS},
        ((b"x-inhouse-priority", b"medium"),),
    ),
    "plain stream": (CHAT, {"model": MODEL, "messages": TURNS, "stream": True}, ()),
    "Ollama": ("/api/chat", {"model": MODEL, "messages": TURNS, "stream": False}, ()),
    "Ollama stream": ("/api/chat", {"model": MODEL, "messages": TURNS}, ()),
    "Anthropic": ("/v1/messages", {"model": MODEL, "messages": TURNS, "max_tokens": 100}, ()),
    "Gemini": (
        f"/v1beta/models/{MODEL}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": TEXT}]}]},
        (),
    ),
}
LOOP = 30_000
LOOP_S = 0.0015
"""What the loop takes on the machine whose microseconds these are, more or less."""


async def call(app: App, kind: Kind) -> int:
    """The status of one request."""
    path, document, more = kind
    body = json.dumps(document).encode()
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    status = 0

    async def receive() -> Message:
        return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 5),
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    return status


async def nothing(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads and replies."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def loop_s() -> float:
    """CPU seconds of a fixed piece of work."""
    started, total = time.thread_time(), 0
    for number in range(LOOP):
        total += number
    return time.thread_time() - started


async def measure(home: Path, rounds: int) -> None:
    """Ask in turns, print."""
    opened = open_home(home)
    loaded = load(home, environment=os.environ, folder=home)
    async with open_role(loaded, opened, command="bench", stopping=asyncio.Event()) as gateway:
        app = build_gateway_app(gateway.role)
        end = time.monotonic() + 20
        while await call(app, KINDS["plain"]) != 200:
            if time.monotonic() > end:
                raise TimeoutError("the engine was not found")
            await asyncio.sleep(0.1)
        gc.collect()
        gc.freeze()
        found: dict[str, list[float]] = {name: [] for name in KINDS}
        for _ in range(rounds):
            for name, kind in KINDS.items():
                target = nothing if name == "nothing" else app
                before, started = loop_s(), time.thread_time()
                for _ in range(REQUESTS):
                    if await call(target, kind) != 200:
                        raise RuntimeError(f"{name}: not answered")
                spent = (time.thread_time() - started) / REQUESTS
                found[name].append(spent * LOOP_S / ((before + loop_s()) / 2))
    print(f"CPU us of one request, {rounds} rounds of {REQUESTS}; the driver itself is `nothing`")
    print(f"{'':22s}{'median':>8s}{'least':>8s}")
    for name, values in found.items():
        print(f"{name:22s}{statistics.median(values) * 1e6:8.0f}{min(values) * 1e6:8.0f}")


def main() -> None:
    """Start the engine, measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(
            [sys.executable, "-m", "bench.mock_engine", "0"], stdout=subprocess.PIPE, text=True
        ) as engine,
    ):
        try:
            assert engine.stdout is not None
            port = int(engine.stdout.readline())
            home = Path(name)
            (home / "inhouse.toml").write_text(
                '[engines]\nprobe_local_ports = false\nembedded = "off"\n'
                f'[[engine]]\nname = "mock"\nkind = "openai"\nprofile = "vllm"\nurl = "http://127.0.0.1:{port}"\n'
            )
            os.environ["INHOUSE_HOME"] = name
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(measure(home, rounds))
        finally:
            engine.terminate()


if __name__ == "__main__":
    main()
