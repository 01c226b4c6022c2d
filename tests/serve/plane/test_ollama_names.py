"""Names of Ollama's API that stand for a model, asked for by its own client."""

from __future__ import annotations

from dataclasses import replace

from inhouse.kernel.errors import NoEngine, NotFound
from inhouse.kernel.messages import Finished
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.parts import Offer
from tests.serve.plane.house import open_plane
from tests.serve.plane.test_ollama import HI, client, error_of


async def test_a_name_that_stands_for_a_model_can_be_run() -> None:
    """What `ollama run` does (show, load, chat) works for class names and `auto`, under the asked name;
    control: a name that means nothing here is not found."""
    offers = (Offer("m", "house", "ollama", "local"),)
    script = (Finished(),)
    async with (
        open_plane(OllamaSurface(), scripts=(script, script), offers=offers) as plane,
        client(plane) as real,
    ):
        for name in ("llama3.2", "auto"):
            plane.catalogue.means[name] = replace(offers[0], name=name, runs_as="m", family="llama")
            shown = await real.show(name)
            assert shown.details is not None
            assert shown.details.family == "llama"
            assert (await real.generate(name)).done_reason == "load"
            loaded = await real.chat(name, [])
            assert (loaded.model, loaded.done_reason) == (name, "load")
        for path in ("/api/show", "/api/generate", "/api/chat"):
            assert (await error_of(plane, path, {"model": "zzz"}))[0] == 404
    assert {model for _request, model in plane.seen} == {"m"}
    assert {request.messages for request, _model in plane.seen} == {()}


async def test_a_model_that_only_rests_is_not_told_to_be_missing() -> None:
    """A client that is told 404 fetches the model anew: what only rests or is down is 503 with its reason;
    control: a name that nobody knows is 404."""
    async with open_plane(OllamaSurface(), offers=(), state="down") as plane:
        for path, body in (
            ("/api/chat", {"model": "m", "messages": HI}),
            ("/api/generate", {"model": "m", "prompt": "x"}),
            ("/api/chat", {"model": "m"}),
            ("/api/generate", {"model": "m"}),
        ):
            status, words = await error_of(plane, path, body)
            assert (status, "`house/m`: is down" in words) == (503, True)
        plane.catalogue.refuses["m"] = plane.embedder.error = NoEngine("No engine: `house/m`: is down")
        for path, body in (
            ("/api/show", {"model": "m"}),
            ("/api/embed", {"model": "m", "input": "x"}),
            ("/api/embed", {"model": "m", "input": ""}),
            ("/api/embeddings", {"model": "m", "prompt": "x"}),
        ):
            status, words = await error_of(plane, path, body)
            assert (status, "`house/m`: is down" in words) == (503, True)
    async with open_plane(OllamaSurface(), offers=()) as plane:
        assert (await error_of(plane, "/api/chat", {"model": "zzz", "messages": HI}))[0] == 404
        plane.catalogue.refuses["zzz"] = plane.embedder.error = NotFound("No engine offers it")
        for path, body in (
            ("/api/show", {"model": "zzz"}),
            ("/api/embed", {"model": "zzz", "input": "x"}),
            ("/api/embed", {"model": "zzz", "input": ""}),
        ):
            status, words = await error_of(plane, path, body)
            assert (status, "zzz" in words) == (404, True)
