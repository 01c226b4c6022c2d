"""No key, prompt or answer in a log line, an error of another caller, or a row: driven over every surface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inhouse.config import Home
from inhouse.serve.middleware import Door
from tests.serve.client import Reply, call
from tests.worlds.engines import FakeEngine, Fault
from tests.worlds.wired import wired

pytestmark = pytest.mark.slow

PROMPT = "kanarienvogel-prompt-7391 asks about the raise of Anna"
ANSWER = "kanarienvogel-answer-2846 gets twelve thousand"
CANARY = "kanarienvogel"


class Echo(FakeEngine):
    """An Ollama that quotes the whole request in its error, as some engines do."""

    async def _chat(self, writer: asyncio.StreamWriter) -> None:
        if self.fault == "500":
            self.fired += 1
            quoted = json.dumps({"error": f"cannot handle {json.dumps(self.chats[-1])}"})
            await self._send(writer, 500, quoted.encode())
        elif self.fault == "garbage":
            self.fired += 1
            page = f"<html><body>{ANSWER}</body></html>".encode()
            writer.write(self._head(200, "text/html", f"Content-Length: {len(page)}") + page)
            await writer.drain()
        else:
            await super()._chat(writer)


SURFACES: dict[str, object] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": PROMPT}]},
    "/v1/completions": {"model": "m", "prompt": PROMPT},
    "/v1/responses": {"model": "m", "input": PROMPT},
    "/v1/embeddings": {"model": "m", "input": PROMPT},
    "/v1/messages": {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": PROMPT}]},
    "/v1/messages/count_tokens": {"model": "m", "messages": [{"role": "user", "content": PROMPT}]},
    "/api/chat": {"model": "m", "messages": [{"role": "user", "content": PROMPT}]},
    "/api/generate": {"model": "m", "prompt": PROMPT},
    "/api/embed": {"model": "m", "input": PROMPT},
    "/v1beta/models/m:generateContent": {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]},
    "/v1beta/models/m:streamGenerateContent": {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]},
    "/app/llm/generate": {"prompt": PROMPT},
    "/app/llm/chat": {"messages": [{"role": "user", "content": PROMPT}]},
    "/app/ask": {"question": PROMPT},
}
ANSWERS = {path for path in SURFACES if not path.endswith(("embeddings", "embed", "tokens", "ask"))}


@asynccontextmanager
async def house(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[tuple[Door, Home, str]]:
    """A real house that logs everything to its file, and a key for everything."""
    async with wired(tmp_path, engine) as opened:
        secret = opened.key(scopes=("chat", "embed", "models", "documents", "usage"))
        yield opened.door, opened.home, secret


@pytest.fixture(autouse=True)
def logs_again() -> Iterator[None]:
    """The next test logs to its own place."""
    yield
    from inhouse.ops.edge.logs import LogChoices, start_logging

    start_logging(LogChoices())


async def drive(app: Door, secret: str) -> dict[str, Reply]:
    """Every surface once, with the key as each vendor's client sends it; and once with a wrong key."""
    found: dict[str, Reply] = {}
    for path, body in SURFACES.items():
        headers = {"authorization": f"Bearer {secret}"}
        if path.startswith("/v1/messages"):
            headers = {"x-api-key": secret, "anthropic-version": "2023-06-01"}
        elif path.startswith("/v1beta"):
            headers = {"x-goog-api-key": secret}
        found[path] = await call(app, "POST", path, headers=headers, data=body)
        wrong = {name: text.replace(secret, secret[:-4] + "0000") for name, text in headers.items()}
        refused = await call(app, "POST", path, headers=wrong, data=body)
        if path != "/app/ask":
            assert refused.status == 401, path
        assert secret[:-4] not in refused.body.decode()
        await call(app, "POST", path, headers=headers, body=b'{"model": "m", "' + PROMPT.encode())
    return found


def written(home: Home, capfd: pytest.CaptureFixture[str]) -> str:
    """Everything that was logged, to the file and to the terminal."""
    shown = capfd.readouterr()
    files = "".join(path.read_text("utf-8") for path in home.logs.iterdir())
    assert '"event": "request"' in files
    return files + shown.out + shown.err


async def test_what_goes_well_leaves_no_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The answer reached every caller, the prompt the engine, and neither they nor the key a log or a row."""
    engine = Echo("ollama", words=(ANSWER,))
    async with engine.running(), house(tmp_path, engine) as (app, home, secret):
        replies = await drive(app, secret)
        for path in ANSWERS:
            assert ANSWER in replies[path].body.decode(), (path, replies[path].body)
        assert any(PROMPT in json.dumps(chat) for chat in engine.chats)
        logged = written(home, capfd)
        rows = await call(app, "GET", "/app/usage?limit=1000")
        listed = await call(app, "GET", "/app/admin/keys")
    for text in (logged, rows.body.decode(), listed.body.decode()):
        assert CANARY not in text
        assert secret.split("_")[2] not in text


@pytest.mark.parametrize("fault", ["500", "garbage", "mid_error", "badjson"])
async def test_what_goes_wrong_leaves_no_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], fault: Fault
) -> None:
    """An engine that quotes the prompt or sends its answer as a page: the fault fired, and no log has it."""
    engine = Echo("ollama", fault, words=(ANSWER, ANSWER, ANSWER))
    async with engine.running(), house(tmp_path, engine) as (app, home, secret):
        await drive(app, secret)
        assert engine.fired > 0
        logged = written(home, capfd)
        rows = await call(app, "GET", "/app/usage?limit=1000")
    assert "engine_failed" in logged
    for text in (logged, rows.body.decode()):
        assert CANARY not in text, [line for line in text.splitlines() if CANARY in line][:3]
        assert secret.split("_")[2] not in text


async def test_control_the_canary_is_heard_where_it_sings(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The control: the same look finds the prompt once somebody logs it under a harmless name."""
    import structlog

    engine = Echo("ollama", words=(ANSWER,))
    async with engine.running(), house(tmp_path, engine) as (app, home, secret):
        await call(app, "GET", "/app/state")
        structlog.get_logger("inhouse.x").info("careless", remark=PROMPT)
        structlog.get_logger("inhouse.x").info("careful", prompt=PROMPT, remark=f"Bearer {secret}")
        logged = written(home, capfd)
    heard = [line for line in logged.splitlines() if CANARY in line]
    assert heard
    assert all("careless" in line for line in heard)
    assert secret not in logged
