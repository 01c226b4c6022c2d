"""`/app/llm` and bodies that are no text."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.serve.app import build_app
from tests.serve.client import call
from tests.serve.fakes import FakeHouse

HALF = "\ud800"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/app/llm/generate", {"prompt": HALF}),
        ("/app/llm/generate", {"prompt": "x", "model": HALF}),
        ("/app/llm/chat", {"messages": [{"role": "user", "content": HALF}]}),
    ],
)
async def test_half_a_character_is_refused(path: str, body: dict[str, object]) -> None:
    """JSON can spell it, no engine takes it: 400 and not a fault of ours."""
    reply = await call(build_app(FakeHouse().parts, stopping=asyncio.Event()), "POST", path, data=body)
    assert (reply.status, reply.json()["error"]["code"]) == (400, "bad_request")


async def test_control_unknown_keys_and_text_pass_the_door() -> None:
    """A good body with keys of another plan gets as far as the gateway, which this house has not."""
    body = {"prompt": "x", "key_of_another_plan": 1}
    app = build_app(FakeHouse().parts, stopping=asyncio.Event())
    assert (await call(app, "POST", "/app/llm/generate", data=body)).status == 503
