"""Answers that are passed on unchanged, of engines that give the other form than the one asked for."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientSession

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.profiles import PROFILES
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import open_plane
from tests.worlds.engines import FakeEngine, Fault


@pytest.mark.parametrize(("stream", "fault"), [(False, "none"), (True, "whole"), (True, "none")])
async def test_the_caller_gets_the_form_it_asked_for(stream: bool, fault: Fault) -> None:
    """A stream for one that wanted a document, and the other way round, is translated and not passed on."""
    async with FakeEngine("vllm", fault).running() as engine:
        http = HttpClient(HttpLimits())
        provider = OpenAIProvider("vllm", engine.url, PROFILES["vllm"], http)
        body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]}
        async with (
            open_plane(OpenAISurface(), provider=provider) as plane,
            ClientSession(plane.url) as session,
            session.post("/v1/chat/completions", json=body) as reply,
        ):
            said = await reply.text()
        await http.close()
    if not stream:
        assert json.loads(said)["choices"][0]["message"]["content"] == "Leave is 28 days."
        return
    lines = [line for line in said.split("\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)
    chunks = [json.loads(line[6:]) for line in lines[:-1]]
    assert {each["object"] for each in chunks} == {"chat.completion.chunk"}
    words = [each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"]]
    assert "".join(words) == "Leave is 28 days."
