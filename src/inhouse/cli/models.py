"""`inhouse models`: engines and what they offer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click

from inhouse.cli.output import columns, note, say, show_json, size
from inhouse.cli.setup import Setup, setup_of
from inhouse.gateway.ports import EngineView
from inhouse.kernel.errors import NoEngine
from inhouse.serve.house_shapes import EngineShape, EnginesShape, ModelShape

__all__ = ["models"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.group()
def models() -> None:
    """List, fetch and remove language models."""


@models.command("ls")
@_json
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """Look at all engines now and list their models."""
    _show(asyncio.run(_engines(setup_of(context), "models ls")), loaded_only=False, as_json=as_json)


@models.command("ps")
@_json
@click.pass_context
def ps(context: click.Context, *, as_json: bool) -> None:
    """List the models that are loaded now, as far as their engines say."""
    found = asyncio.run(_engines(setup_of(context), "models ps"))
    engines = tuple(
        engine.model_copy(update={"models": tuple(model for model in engine.models if model.loaded)})
        for engine in found.engines
    )
    _show(EnginesShape(engines=engines), loaded_only=True, as_json=as_json)


async def _engines(setup: Setup, command: str) -> EnginesShape:
    async with setup.client(command) as house:
        return await house.engines(refresh=True)


def _show(found: EnginesShape, *, loaded_only: bool, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    rows = [_cells(engine, model) for engine in found.engines for model in engine.models]
    if rows:
        for line in columns([("ENGINE", "WHERE", "MODEL", "SIZE", "CONTEXT", "LOADED"), *rows]):
            say(line)
    for engine in found.engines:
        if engine.reason or not engine.models:
            state = "found, not used" if engine.state == "found_not_allowed" else engine.state
            note(f"{engine.name}: {state}{f': {engine.reason}' if engine.reason else ''}")
    if not rows:
        note("no model is loaded" if loaded_only else "no model found; answers are quotes from the documents")


def _cells(engine: EngineShape, model: ModelShape) -> tuple[str, ...]:
    loaded = {True: "yes", False: "no", None: "?"}[model.loaded]
    context = str(model.context_tokens or "?")
    return engine.name, engine.where, model.name, size(model.size_bytes), context, loaded


@models.command("pull")
@click.argument("model")
@click.option("--engine", help="Which Ollama engine (default: the first that is up)")
@click.pass_context
def pull(context: click.Context, model: str, engine: str | None) -> None:
    """Download MODEL with Ollama, e.g. `qwen2.5:7b`; inhouse itself contacts no registry."""
    asyncio.run(_pull(setup_of(context), model, engine))
    note(f"{model} is ready")


async def _pull(setup: Setup, model: str, wanted: str | None) -> None:
    async with setup.house("models pull") as house:
        engine = _ollama(await house.parts.fleet.refresh(), wanted)
        on_terminal = sys.stderr.isatty()
        said = ""
        async for moment in house.parts.models.pull(engine, model):
            share = (
                f" {moment.done_bytes / moment.total_bytes:.0%}"
                if moment.done_bytes and moment.total_bytes
                else ""
            )
            if on_terminal:
                sys.stderr.write(f"\r\x1b[K{moment.status}{share}")
            elif moment.status != said:
                said = moment.status
                note(said)
        if on_terminal:
            sys.stderr.write("\r\x1b[K")


@models.command("rm")
@click.argument("model")
@click.option("--engine", help="Which Ollama engine (default: the first that is up)")
@click.pass_context
def rm(context: click.Context, model: str, engine: str | None) -> None:
    """Remove MODEL from Ollama."""
    asyncio.run(_remove(setup_of(context), model, engine))
    note(f"{model} was removed")


async def _remove(setup: Setup, model: str, wanted: str | None) -> None:
    async with setup.house("models rm") as house:
        engine = _ollama(await house.parts.fleet.refresh(), wanted)
        await house.parts.models.remove(engine, model)


def _ollama(engines: Sequence[EngineView], wanted: str | None) -> str:
    """The engine that can fetch and remove models: only Ollama can."""
    for engine in engines:
        if engine.kind == "ollama" and engine.state == "up" and wanted in (None, engine.name):
            return engine.name
    named = f"Engine {wanted!r} is not an Ollama that is up" if wanted else "No Ollama engine is up"
    raise NoEngine(
        f"{named}; models can be fetched and removed there only",
        hint="start Ollama (engines.ollama_url), or name a GGUF file in engines.embedded",
    )
