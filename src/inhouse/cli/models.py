"""`inhouse models`: engines and what they offer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
from pydantic import JsonValue

from inhouse.cli.output import columns, note, say, show_json, size
from inhouse.cli.setup import Setup, setup_of
from inhouse.kernel.errors import BadRequest, NoEngine
from inhouse.serve.house_shapes import EngineShape, EnginesShape, HitsShape, LoadedShape, ModelShape

__all__ = ["models"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.group()
def models() -> None:
    """List, fetch and remove language models."""


@models.command("ls")
@click.option("--fit", is_flag=True, help="Say of each model whether it fits this machine's memory")
@_json
@click.pass_context
def ls(context: click.Context, *, fit: bool, as_json: bool) -> None:
    """Look at all engines now and list their models."""
    found = asyncio.run(_engines(setup_of(context), fit=fit))
    if as_json:
        show_json(found)
        return
    rows = [_cells(engine, model, fit=fit) for engine in found.engines for model in engine.models]
    heading = ("ENGINE", "WHERE", "MODEL", "SIZE", "CONTEXT", "LOADED", *(("FITS",) if fit else ()))
    for line in columns([heading, *rows]) if rows else ():
        say(line)
    _note_states(found.engines)
    if found.machine is not None:
        machine = found.machine
        gpu = f", GPU {size(machine.gpu_free_bytes)} free" if machine.gpu_free_bytes is not None else ""
        free, whole = size(machine.ram_free_bytes), size(machine.ram_total_bytes)
        note(f"memory {free} free of {whole}{gpu}, disk {size(machine.disk_free_bytes)} free")
    if not rows:
        note("no model found; answers are quotes from the documents")


@models.command("ps")
@_json
@click.pass_context
def ps(context: click.Context, *, as_json: bool) -> None:
    """List the models that are loaded now: memory, until when, speed, and how often they were needed."""
    found = asyncio.run(_loaded(setup_of(context)))
    if as_json:
        show_json(found)
        return
    now = time.time()
    loaded = [(engine, model) for engine in found.engines for model in engine.models]
    rows = [_loaded_cells(engine, model, now) for engine, model in loaded]
    heading = ("ENGINE", "WHERE", "MODEL", "MEMORY", "CONTEXT", "UNTIL", "TOKENS/S", "LOADED IN")
    for line in columns([heading, *rows]) if rows else ():
        say(line)
    for _, model in loaded:
        if model.warning:
            note(f"{model.name}: {model.warning}")
    _note_states(found.engines, empty=False)
    if not rows:
        note("no model is loaded")
    note(_hits(found.hits))


async def _engines(setup: Setup, *, fit: bool) -> EnginesShape:
    async with setup.client("models ls") as house:
        return await house.engines(refresh=True, fit=fit)


async def _loaded(setup: Setup) -> LoadedShape:
    async with setup.client("models ps") as house:
        return await house.loaded_models()


def _note_states(engines: tuple[EngineShape, ...], *, empty: bool = True) -> None:
    """What is to be said of engines that are down, not used, or (`empty`) have no model."""
    for engine in engines:
        if engine.reason or (empty and not engine.models):
            state = "found, not used" if engine.state == "found_not_allowed" else engine.state
            note(f"{engine.name}: {state}{f': {engine.reason}' if engine.reason else ''}")


def _cells(engine: EngineShape, model: ModelShape, *, fit: bool) -> tuple[str, ...]:
    loaded = {True: "yes", False: "no", None: "?"}[model.loaded]
    context = str(model.context_tokens or "?")
    cells = (engine.name, engine.where, model.name, size(model.size_bytes), context, loaded)
    if not fit:
        return cells
    return (*cells, f"{model.fit.word}: {model.fit.reason}" if model.fit else "elsewhere")


def _loaded_cells(engine: EngineShape, model: ModelShape, now: float) -> tuple[str, ...]:
    rate = "?" if model.tokens_per_s is None else f"{model.tokens_per_s:.1f}"
    took = "?" if model.load_s is None else f"{model.load_s:.1f} s"
    context = str(model.context_tokens or "?")
    memory = size(model.memory_bytes)
    return engine.name, engine.where, model.name, memory, context, _until(model, now), rate, took


def _until(model: ModelShape, now: float) -> str:
    """`forever`, `4 min`, `?`."""
    if model.kept:
        return "forever"
    if model.expires_at is None:
        return "?"
    left_s = max(0.0, model.expires_at - now)
    return f"{left_s / 60:.0f} min" if left_s >= 60 else f"{left_s:.0f} s"


def _hits(hits: HitsShape) -> str:
    if hits.rate is None:
        return "no request to a local model since the start"
    return f"{hits.warm} of {hits.asked} requests found their model loaded ({hits.rate:.0%})"


@models.command("pull")
@click.argument("model")
@click.option("--engine", default="", help="Which Ollama engine (default: the first that is up)")
@click.option("--force", is_flag=True, help="Also when it does not fit this machine")
@click.pass_context
def pull(context: click.Context, model: str, engine: str, *, force: bool) -> None:
    """Download MODEL: a name that Ollama knows, e.g. `qwen2.5:7b`, or the address of a GGUF file.

    The path of a GGUF file takes that file in. Says first whether a download fits this machine. inhouse
    itself contacts no registry.
    """
    setup = setup_of(context)
    path = _path_in(model, setup.folder)
    if path is not None:
        note(f"{setup.builder.take_in(setup.home(), path)} is ready")
        return
    asyncio.run(_pull(setup, model, engine, force=force))
    note(f"{model} is ready")


def _path_in(model: str, folder: Path) -> Path | None:
    """The file that is meant, None for a name or an address of the network.

    Ollama has names that end like a file (`hf.co/someone/model:model.Q4_K_M.gguf`).

    Raises:
        BadRequest: if it is the file of another machine.
    """
    if model.lower().startswith("file:"):
        parts = urlsplit(model)
        if parts.netloc not in ("", "localhost"):
            raise BadRequest(f"{model} is a file of another machine", hint="give a path of this one")
        return Path(unquote(parts.path))
    path = folder / Path(model).expanduser()
    is_file = model.lower().endswith(".gguf") and path.is_file()
    return path if is_file or model.startswith(("/", "./", "../", "~")) else None


async def _pull(setup: Setup, model: str, engine: str, *, force: bool) -> None:
    async with setup.client("models pull", writing=True) as house:
        _check(engine, (await house.engines(refresh=True)).engines)
        progress = _Progress(on_terminal=sys.stderr.isatty())
        async for name, data in house.pull_model(model, engine=engine, force=force):
            progress.show(name, data)
        progress.end()


class _Progress:
    """How far a download is: one line that changes on a terminal, one line for each new word elsewhere."""

    def __init__(self, *, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._said = ""

    def show(self, name: str, data: Mapping[str, JsonValue]) -> None:
        if name == "fit":
            known = data["word"] != "unknown"
            told = f"{data['word']}: {data['reason']}"
            note(told if known else "whether it fits is not known beforehand: its name tells no size")
        if name != "progress":
            return
        status, done, whole = str(data["status"]), data["done_bytes"], data["total_bytes"]
        share = f" {done / whole:.0%}" if isinstance(done, int) and isinstance(whole, int) and whole else ""
        if self._on_terminal:
            sys.stderr.write(f"\r\x1b[K{status}{share}")
        elif status != self._said:
            self._said = status
            note(status)

    def end(self) -> None:
        if self._on_terminal:
            sys.stderr.write("\r\x1b[K")


@models.command("rm")
@click.argument("model")
@click.option("--engine", default="", help="Which Ollama engine, or `embedded` (default: whoever has it)")
@click.pass_context
def rm(context: click.Context, model: str, engine: str) -> None:
    """Remove MODEL from the house, or from Ollama."""
    asyncio.run(_remove(setup_of(context), model, engine))
    note(f"{model} was removed")


async def _remove(setup: Setup, model: str, engine: str) -> None:
    async with setup.client("models rm", writing=True) as house:
        _check(engine, (await house.engines(refresh=True)).engines)
        await house.remove_model(model, engine=engine)


def _check(wanted: str, engines: tuple[EngineShape, ...]) -> None:
    """Raises `NoEngine` if the engine that was named cannot fetch and remove models."""
    able = [each.name for each in engines if each.kind == "ollama" and each.state == "up"]
    if wanted in ("", "embedded") or wanted in able:
        return
    raise NoEngine(
        f"Engine {wanted!r} is not an Ollama that is up; models can be fetched and removed there only",
        hint="start Ollama (engines.ollama_url), or give the http(s) address of a GGUF file",
    )
