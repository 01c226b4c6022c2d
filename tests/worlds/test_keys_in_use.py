"""Keys, limits, repetition and cache in a whole house, over every vendor's way of sending a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.serve.client import Reply, call
from tests.worlds.cloud_wires import Vendor
from tests.worlds.clouds import FakeCloud
from tests.worlds.engines import FakeEngine
from tests.worlds.wired import Wired, wired

pytestmark = pytest.mark.slow

TURN = {"role": "user", "content": "How long is leave?"}
OPENAI = ("/v1/chat/completions", "authorization", "Bearer ", {"model": "m", "messages": [TURN]})
CHATS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "openai": OPENAI,
    "anthropic": ("/v1/messages", "x-api-key", "", {"model": "m", "max_tokens": 9, "messages": [TURN]}),
    "ollama": ("/api/chat", "authorization", "Bearer ", {"model": "m", "messages": [TURN], "stream": False}),
    "gemini": (
        "/v1beta/models/m:generateContent",
        "x-goog-api-key",
        "",
        {"contents": [{"role": "user", "parts": [{"text": "How long is leave?"}]}]},
    ),
    "llm": ("/app/llm/chat", "authorization", "Bearer ", {"messages": [TURN]}),
}


async def chat(house: Wired, vendor: str, secret: str, **headers: str) -> Reply:
    """One chat as that vendor's client sends it."""
    path, name, prefix, body = CHATS[vendor]
    given = {each.replace("_", "-"): text for each, text in headers.items()}
    if secret:
        given[name] = prefix + secret
    if vendor == "anthropic":
        given["anthropic-version"] = "2023-06-01"
    return await call(house.door, "POST", path, headers=given, data=body)


async def test_every_vendors_client_sends_a_key(tmp_path: Path) -> None:
    """Each is known by its key in the ledger; a foreign key is no key; a revoked one is refused at once."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        secret = house.key(user="build", team="web")
        for vendor in CHATS:
            assert (await chat(house, vendor, secret)).status == 200, vendor
            assert (await chat(house, vendor, "sk-of-a-vendor")).status == 200, vendor
        known: list[tuple[str, str, str]] = []
        unknown: list[tuple[str, str, str]] = []
        for row in await house.rows():
            if row.task == "chat":
                (known if row.key else unknown).append((row.user, row.team, row.outcome))
        assert known == [("build", "web", "ok")] * len(CHATS)
        assert unknown == [("local", "", "ok")] * len(CHATS)
        await call(house.door, "DELETE", "/app/admin/keys/ci")
        before = len(engine.chats)
        for vendor in CHATS:
            reply = await chat(house, vendor, secret)
            assert reply.status == 401, vendor
            assert "was revoked" in reply.body.decode()
        assert len(engine.chats) == before


async def test_a_proxy_needs_a_key_for_everybody(tmp_path: Path) -> None:
    """Through a proxy on this machine the wire surfaces ask for a key, and /app is closed."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        secret = house.key()
        for vendor in CHATS:
            closed = 403 if vendor == "llm" else 401
            assert (await chat(house, vendor, "", x_forwarded_for="10.0.0.9")).status == closed, vendor
            opened = 403 if vendor == "llm" else 200
            assert (await chat(house, vendor, secret, x_forwarded_for="10.0.0.9")).status == opened, vendor


@pytest.mark.parametrize("vendor", CHATS)
async def test_limits_are_said_in_every_dialect(tmp_path: Path, vendor: str) -> None:
    """The second request of a minute is 429 with Retry-After; no engine hears of it, the ledger does."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        secret = house.key(requests_per_minute=1)
        assert (await chat(house, vendor, secret)).status == 200
        refused = await chat(house, vendor, secret)
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert len(engine.chats) == 1
        ends = sorted((row.outcome, row.code, row.user) for row in await house.rows() if row.key)
        assert ends == [("ok", None, "ci"), ("refused", "rate_limited", "ci")]


async def test_tokens_are_settled_over_the_wire(tmp_path: Path) -> None:
    """The 24 tokens that the engine counted are paid by the key: the next one waits for the debt."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        secret = house.key(tokens_per_minute=12)
        assert (await chat(house, "openai", secret)).status == 200
        assert "12 tokens per minute" in (await chat(house, "openai", secret)).body.decode()
        assert (await chat(house, "openai", house.key("free"))).status == 200


async def test_a_key_is_for_what_it_was_made(tmp_path: Path) -> None:
    """Scopes and model patterns hold on the wire; `keyless` can be nothing at all."""
    closed = {"INHOUSE_SERVER_KEYLESS": "models"}
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine, **closed) as house:
        models = house.key("lister", scopes=("models",))
        other = house.key("other", models=("qwen*",))
        for vendor in CHATS:
            assert (await chat(house, vendor, "")).status == 403, vendor
            assert (await chat(house, vendor, models)).status == 403, vendor
        ends = [(row.outcome, row.code, bool(row.key)) for row in await house.rows() if row.task == "chat"]
        assert sorted(ends) == [("refused", "forbidden", each) for each in (False, True) for _ in CHATS]
        assert (
            await call(house.door, "GET", "/v1/models", headers={"authorization": f"Bearer {models}"})
        ).status == 200
        listed = await call(house.door, "GET", "/v1/models", headers={"authorization": f"Bearer {other}"})
        assert listed.json()["data"] == []
        assert (await chat(house, "openai", other)).status in (403, 404, 503)
        assert engine.chats == []


async def test_one_upstream_call_for_one_idempotency_key(tmp_path: Path) -> None:
    """C06 in the whole house; the control without the key is paid twice."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        first = await chat(house, "openai", "", idempotency_key="k1")
        again = await chat(house, "openai", "", idempotency_key="k1")
        assert (first.status, first.body) == (200, again.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["x-inhouse-engine"] == "ollama"
        assert len(engine.chats) == 1
        rows = [
            (row.outcome, row.engine, row.cost_micros) for row in await house.rows() if row.task == "chat"
        ]
        assert rows == [("ok", "none", 0), ("ok", "ollama", None)]
        other = await call(
            house.door,
            "POST",
            OPENAI[0],
            headers={"idempotency-key": "k1"},
            data={**OPENAI[3], "max_tokens": 5},
        )
        assert other.status == 422
        await chat(house, "openai", "")
        await chat(house, "openai", "")
        assert len(engine.chats) == 3


async def test_the_cache_answers_when_it_is_asked_to(tmp_path: Path) -> None:
    """Temperature 0 and the header: one upstream call, a row of the engine `cache` that cost nothing."""
    async with FakeEngine("ollama").running() as engine, wired(tmp_path, engine) as house:
        body = {**OPENAI[3], "temperature": 0}
        headers = {"x-inhouse-cache": "on"}
        first = await call(house.door, "POST", OPENAI[0], headers=headers, data=body)
        again = await call(house.door, "POST", OPENAI[0], headers=headers, data=body)
        assert first.json()["choices"] == again.json()["choices"]
        assert (again.headers["x-inhouse-engine"], again.headers["x-inhouse-where"]) == ("cache", "none")
        assert len(engine.chats) == 1
        cached = [row for row in await house.rows() if row.engine == "cache"]
        assert [(row.outcome, row.cost_micros, row.input_tokens) for row in cached] == [("ok", 0, 0)]
        await call(house.door, "POST", OPENAI[0], data=body)
        assert len(engine.chats) == 2


VENDORS: dict[Vendor, tuple[str, str, str]] = {
    "anthropic": ("ANTHROPIC", "claude-sonnet-4-5", "/v1/messages"),
    "openai": ("OPENAI", "gpt-4.1", "/v1/chat/completions"),
    "gemini": ("GEMINI", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent"),
}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_first_key_breaks_no_client_without_one(tmp_path: Path, vendor: Vendor) -> None:
    """Where the cloud is allowed, a client without a key loses it with the first key that is made, and gets
    the local model of that class from then on; control: before, and with a key, the vendor answers, and who
    forces the cloud without a key is refused with the way out."""
    prefix, model, path = VENDORS[vendor]
    _path, name, bearer, body = CHATS[vendor]
    async with (
        FakeEngine("ollama", models=("qwen2.5:7b",)).running() as engine,
        FakeCloud(vendor).running() as cloud,
        wired(
            tmp_path,
            engine,
            INHOUSE_CLOUD_ALLOWED="true",
            **{f"INHOUSE_CLOUD_{prefix}_URL": cloud.url, f"{prefix}_API_KEY": cloud.key},
        ) as house,
    ):

        async def ask(**more: str) -> Reply:
            given = {"anthropic-version": "2023-06-01", **{k.replace("_", "-"): v for k, v in more.items()}}
            return await call(house.door, "POST", path, headers=given, data=body | {"model": model})

        before = await ask()
        assert (before.status, before.headers["x-inhouse-engine"]) == (200, vendor)
        secret = house.key()
        keyless = await ask()
        assert (keyless.status, keyless.headers["x-inhouse-model"]) == (200, "qwen2.5:7b")
        assert keyless.headers["x-inhouse-where"] == "local"
        assert "callers without an API key may not use the cloud" in keyless.headers["x-inhouse-reason"]
        forced = await ask(x_inhouse_force="cloud")
        assert forced.status == 403
        assert "inhouse keys add" in forced.body.decode()
        held = await ask(**{name: bearer + secret})
        assert (held.status, held.headers["x-inhouse-engine"]) == (200, vendor)
