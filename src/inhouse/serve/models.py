"""`/app/models`: what is loaded, what fits, and fetching and removing models."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, Response

from inhouse.gateway.fit import fit_named
from inhouse.kernel.errors import InhouseError, TooLarge
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf, CallerOf
from inhouse.serve.fits import with_fit
from inhouse.serve.house_shapes import (
    EnginesShape,
    FitShape,
    HitsShape,
    LoadedShape,
    PulledShape,
    PullShape,
    engine,
)
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.stream import Emit, EventStream, error_event

__all__ = ["PullBody", "model_routes"]


class PullBody(Body):
    """A model to fetch: a name that Ollama knows, or the address of a GGUF file. `engine` empty: the house
    chooses. `force`: fetch it also where it does not fit this machine."""

    model: str
    engine: str = ""
    force: bool = False


def model_routes(parts: Parts, stopping: asyncio.Event) -> APIRouter:
    """Engines and their models."""
    routes = open_router()

    @routes.get("/app/models")
    async def models(caller: CallerOf, *, refresh: bool = False, fit: bool = False) -> EnginesShape:
        """Engines and their models at the last look; `refresh=1` looks now, `fit=1` says what fits here."""
        views = await parts.fleet.refresh() if refresh else parts.fleet.engines()
        shown = EnginesShape(engines=tuple(engine(view) for view in views))
        if not fit or parts.machine is None:
            return shown
        return with_fit(shown, await asyncio.to_thread(parts.machine))

    @routes.get("/app/models/loaded")
    async def loaded(caller: CallerOf, *, refresh: bool = False) -> LoadedShape:
        """Models in memory: how much they take, until when, how fast they are; and the rate of hits."""
        views = await parts.fleet.refresh() if refresh else parts.fleet.engines()
        engines = tuple(
            each.model_copy(update={"models": tuple(model for model in each.models if model.loaded)})
            for each in (engine(view) for view in views)
        )
        return LoadedShape(engines=engines, hits=HitsShape.model_validate(parts.fleet.hits()))

    @routes.post("/app/models/pull", status_code=200, response_class=EventStream)
    async def pull(body: PullBody, caller: AdminOf) -> Response:
        """Fetch a model as server-sent events: `fit`, `progress`…, then `done` or `error`."""

        async def produce(emit: Emit) -> None:
            try:
                await _pull(parts, body, emit)
            except InhouseError as error:
                await emit("error", error_event(error))

        return EventStream(produce, stopping=stopping)

    @routes.delete("/app/models")
    async def remove(caller: AdminOf, *, model: str, engine: str = "") -> PulledShape:
        """Remove a model from the house, or from an Ollama."""
        await parts.models.remove(engine, model)
        await parts.fleet.refresh()
        return PulledShape(model=model)

    return routes


async def _pull(parts: Parts, body: PullBody, emit: Emit) -> None:
    if parts.machine is not None:
        machine = await asyncio.to_thread(parts.machine)
        # Of an address only its end is a name; the host may hold digits, too.
        verdict = fit_named(body.model.rpartition("/")[2], machine, download=True)
        shape = FitShape(word=verdict.word, memory_bytes=verdict.memory_bytes, reason=verdict.reason)
        await emit("fit", shape)
        if verdict.word == "does not fit" and not body.force:
            raise TooLarge(
                f"Model `{body.model}` does not fit this machine: {verdict.reason}",
                hint="choose a smaller or quantised one, or fetch it all the same with --force",
            )
    moments = parts.models.pull(body.engine, body.model)
    async with contextlib.aclosing(moments):  # type: ignore[type-var]
        async for moment in moments:
            await emit(
                "progress",
                PullShape(
                    status=moment.status,
                    done_bytes=moment.done_bytes,
                    total_bytes=moment.total_bytes,
                    digest=moment.digest,
                ),
            )
    await parts.fleet.refresh()
    await emit("done", PulledShape(model=body.model))
