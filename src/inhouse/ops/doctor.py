"""What is wrong with a house, or could be better, each with its remedy: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["EngineFact", "Facts", "Finding", "GpuFact", "LegFact", "PricesFact", "SourceFact", "examine"]

Level = Literal["ok", "note", "problem"]

LOW_DISK_BYTES = 2_000_000_000
NO_DISK_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class EngineFact:
    """An engine that was looked for. `answer_s` is None when it was not asked."""

    name: str
    where: str
    state: str
    models: int
    reason: str
    answered: str = ""
    answer_s: float | None = None
    failure: str = ""
    warning: str = ""
    """What was measured and should be known, such as a model that is too slow to read along."""


@dataclass(frozen=True, slots=True)
class GpuFact:
    """A graphics card. `programs` are the names of the processes that use it; None means unknown."""

    name: str
    memory_mb: int | None
    programs: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class LegFact:
    """A leg of the search that the settings ask for. `state` is on, part, off or failing.

    `failure` says why it did not answer just now, "" when it did.
    """

    leg: str
    state: str
    words: str
    remedy: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SourceFact:
    """A source of documents; `failure` says why it could not be looked at, "" when it could."""

    name: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class PricesFact:
    """The price table. `unknown` says in words what has no price yet, empty when all has one."""

    source: str
    day: str
    age_days: int
    stale: bool
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about the machine and the home; None means that it could not be.

    `port_holder` and `ollama_port_holder` are empty when the port is free.
    """

    python: tuple[int, int]
    home: str
    home_mode: int
    home_is_ours: bool
    server: str
    free_bytes: int
    port: int
    port_holder: str
    ollama_port_holder: str
    tesseract: str | None
    tesseract_languages: tuple[str, ...]
    wanted_languages: tuple[str, ...]
    engines: tuple[EngineFact, ...]
    gpus: tuple[GpuFact, ...]
    cloud_keys: tuple[str, ...]
    cloud_allowed: bool
    missing_extras: tuple[str, ...]
    database: str
    index: str
    prices: PricesFact | None = None
    """None: not looked at, because the database cannot be opened."""
    legs: tuple[LegFact, ...] = ()
    sources: tuple[SourceFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing. `remedy` is empty when nothing has to be done."""

    subject: str
    level: Level
    message: str
    remedy: str = ""


def examine(facts: Facts) -> tuple[Finding, ...]:
    """One finding or more per subject, in the order in which a person would look."""
    return tuple(
        finding
        for look in (
            _machine,
            _home,
            _ports,
            _extras,
            _scans,
            _engines,
            _legs,
            _sources,
            _gpus,
            _cloud,
            _prices,
        )
        for finding in look(facts)
    )


def _machine(facts: Facts) -> Iterator[Finding]:
    version = ".".join(str(part) for part in facts.python)
    if facts.python < (3, 11):
        yield Finding("python", "problem", f"Python {version} is too old", "install Python 3.11 or newer")
    else:
        yield Finding("python", "ok", f"Python {version}")
    free = f"{facts.free_bytes / 1e9:.1f} GB free"
    if facts.free_bytes < NO_DISK_BYTES:
        yield Finding("disk", "problem", f"{free}: nothing more can be taken in", "free some space")
    elif facts.free_bytes < LOW_DISK_BYTES:
        yield Finding("disk", "note", f"{free}: this will not last", "free some space soon")
    else:
        yield Finding("disk", "ok", free)


def _home(facts: Facts) -> Iterator[Finding]:
    if not facts.home_is_ours:
        yield Finding(
            "home",
            "problem",
            f"{facts.home} belongs to another user",
            "run inhouse as its owner, or chown it",
        )
    elif facts.home_mode & 0o077:
        yield Finding(
            "home",
            "note",
            f"{facts.home} can be read by other users of this machine (mode {facts.home_mode:03o})",
            f"chmod 700 {facts.home}",
        )
    else:
        yield Finding("home", "ok", facts.home)
    if facts.database != "ok":
        remedy = "stop inhouse and put back a copy from the home's backups folder"
        said, _, way_out = facts.database.partition(". hint: ")
        yield Finding("database", "problem", said, way_out or remedy)
    else:
        yield Finding("database", "ok", "sound")
    if facts.index != "ok":
        yield Finding(
            "index", "problem", facts.index, "start `inhouse serve`: it rebuilds the index from the database"
        )
    else:
        yield Finding("index", "ok", "sound")


def _ports(facts: Facts) -> Iterator[Finding]:
    if facts.server:
        yield Finding("server", "ok", f"serving at {facts.server}")
    elif facts.port_holder:
        yield Finding(
            "port",
            "problem",
            f"port {facts.port} is held by {facts.port_holder}",
            "stop it, or choose another: `inhouse up --port 8500` or server.port",
        )
    else:
        yield Finding("port", "ok", f"port {facts.port} is free")
    if facts.ollama_port_holder:
        yield Finding(
            "ollama port",
            "note",
            f"port 11434 is held by {facts.ollama_port_holder}: its clients do not pass through inhouse",
        )
    else:
        yield Finding("ollama port", "ok", "port 11434 is free")


def _extras(facts: Facts) -> Iterator[Finding]:
    for extra in facts.missing_extras:
        remedy = f"pip install 'inhouse[{extra}]'"
        yield Finding("install", "problem", f"the extra [{extra}] is not installed", remedy)


def _scans(facts: Facts) -> Iterator[Finding]:
    if facts.tesseract is None:
        yield Finding(
            "scans",
            "note",
            "tesseract is not installed: scanned pages have no text",
            "apt install tesseract-ocr tesseract-ocr-rus (macOS: brew install tesseract tesseract-lang)",
        )
        return
    missing = [language for language in facts.wanted_languages if language not in facts.tesseract_languages]
    if missing:
        packages = " ".join(f"tesseract-ocr-{language}" for language in missing)
        message = f"tesseract {facts.tesseract} lacks {', '.join(missing)}"
        yield Finding("scans", "note", message, f"apt install {packages}")
    else:
        languages = ", ".join(facts.wanted_languages)
        yield Finding("scans", "ok", f"tesseract {facts.tesseract} reads {languages}")


def _engines(facts: Facts) -> Iterator[Finding]:
    for engine in facts.engines:
        subject = f"engine {engine.name}"
        if engine.state == "found_not_allowed":
            yield Finding(
                subject, "note", f"found, not used: {engine.reason}", "set cloud.allowed = true to allow it"
            )
        elif engine.state != "up":
            yield Finding(
                subject, "note", f"down: {engine.reason}", "start it, or take it out of the settings"
            )
        elif not engine.models:
            yield Finding(subject, "note", "up, but has no model", "inhouse models pull qwen2.5:7b")
        elif engine.failure:
            yield Finding(
                subject, "problem", f"up, but a test prompt failed: {engine.failure}", "look at its log"
            )
        elif engine.warning:
            yield Finding(subject, "note", engine.warning, "`inhouse models ls --fit` shows what fits here")
        elif engine.answer_s is None:
            yield Finding(subject, "ok", f"{engine.where}, {engine.models} models; not asked")
        else:
            took = f"answered {engine.answered!r} in {engine.answer_s:.1f} s"
            yield Finding(subject, "ok", f"{engine.where}, {engine.models} models; {took}")
    if not any(engine.state == "up" and engine.models for engine in facts.engines):
        yield Finding(
            "engines",
            "note",
            "no language model answers: answers are exact quotes from the documents",
            "start Ollama, or set engines.ollama_url",
        )


def _legs(facts: Facts) -> Iterator[Finding]:
    """A leg that nobody asked for is no finding."""
    for leg in facts.legs:
        subject = f"search by {leg.leg}"
        if leg.failure:
            remedy = "see docs/guides/embeddings.md; searches go on without it"
            yield Finding(subject, "problem", f"it does not answer: {leg.failure}", remedy)
        elif leg.state == "on":
            yield Finding(subject, "ok", leg.words)
        else:
            yield Finding(subject, "note", leg.words, leg.remedy)


def _sources(facts: Facts) -> Iterator[Finding]:
    """Each that fails, and one word for all the others."""
    for source in facts.sources:
        if source.failure:
            remedy = f"inhouse sources show {source.name}"
            yield Finding(f"source {source.name}", "note", source.failure, remedy)
    well = sum(not source.failure for source in facts.sources)
    if well:
        yield Finding("sources", "ok", f"{well} looked at without trouble")


def _gpus(facts: Facts) -> Iterator[Finding]:
    for gpu in facts.gpus:
        memory = f", {gpu.memory_mb / 1024:.0f} GB" if gpu.memory_mb else ""
        if gpu.programs is None:
            yield Finding("gpu", "ok", f"{gpu.name}{memory}; whether it is in use is not known")
        elif gpu.programs:
            yield Finding("gpu", "ok", f"{gpu.name}{memory}, used by {', '.join(gpu.programs)}")
        else:
            yield Finding(
                "gpu",
                "note",
                f"{gpu.name}{memory} is not in use",
                "the embedded engine computes on the processor; Ollama or vLLM would use it",
            )


def _cloud(facts: Facts) -> Iterator[Finding]:
    for key in facts.cloud_keys:
        if not facts.cloud_allowed:
            yield Finding(
                "cloud",
                "note",
                f"{key} found, not used: nothing leaves the house",
                "set cloud.allowed = true if texts may be sent there",
            )


def _prices(facts: Facts) -> Iterator[Finding]:
    if facts.prices is None:
        return
    table = f"{facts.prices.source} of {facts.prices.day}"
    if facts.prices.stale:
        yield Finding(
            "prices",
            "note",
            f"the price table ({table}) is {facts.prices.age_days} days old: some price has changed since",
            "install a newer inhouse, or set money.price_book; [[price]] blocks win over the table",
        )
    else:
        unknown = f"; {facts.prices.unknown}" if facts.prices.unknown else ""
        yield Finding("prices", "ok", table + unknown)
