"""What the gateway room offers to the pages and the terminal, as values and protocols."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from inhouse.kernel.ports import Outcome, Where

__all__ = [
    "EngineView",
    "Fleet",
    "HitsView",
    "InstalledModel",
    "Ledger",
    "LedgerRow",
    "LoadView",
    "ModelCard",
    "ModelStore",
    "ModelView",
    "Money",
    "MoneyFacts",
    "Offer",
    "Outcome",
    "PullProgress",
    "UsageSum",
    "UsageTotals",
    "Within",
]


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model that an engine offers. None and empty are what the engine does not say.

    Times are UNIX seconds; `kept` True: loaded, and not unloaded for lack of use. `tokens_per_s` and
    `load_s` are what was measured here; `warning` says what a person should know about that.
    """

    name: str
    size_bytes: int | None = None
    context_tokens: int | None = None
    loaded: bool | None = None
    digest: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    modified_at: float | None = None
    expires_at: float | None = None
    kept: bool = False
    memory_bytes: int | None = None
    gpu_bytes: int | None = None
    capabilities: tuple[str, ...] = ()
    demo: bool = False
    tokens_per_s: float | None = None
    load_s: float | None = None
    warning: str = ""
    need_bytes: int | None = None
    """What it takes while it is loaded, where that can be told beforehand."""


@dataclass(frozen=True, slots=True)
class LoadView:
    """How busy an engine is, as at the last look; see `fleet.Load`. None is not known."""

    in_flight: int | None = None
    running: int | None = None
    waiting: int | None = None
    cache_use: float | None = None
    slots: int | None = None
    tokens_per_s: float | None = None
    load_s: float | None = None


@dataclass(frozen=True, slots=True)
class HitsView:
    """Requests to local engines since the start, and how many found their model loaded."""

    asked: int
    warm: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class EngineView:
    """An engine at the last look. `allowed` is False for a cloud engine without consent."""

    name: str
    kind: str
    where: Where
    url: str
    state: Literal["up", "down", "found_not_allowed"]
    allowed: bool
    models: tuple[ModelView, ...]
    reason: str
    """Why it is down or not used, empty when all is well."""
    checked_at: float
    load: LoadView = LoadView()


@dataclass(frozen=True, slots=True)
class Offer:
    """A model name that a caller may ask for. Sizes, digest and family are empty where not known.

    `runs_as` is what really answers when it is an alias. `capabilities` are Ollama's words: completion,
    tools, vision, embedding, thinking.
    """

    name: str
    engine: str
    kind: str
    where: Where
    runs_as: str = ""
    size_bytes: int | None = None
    context_tokens: int | None = None
    loaded: bool | None = None
    digest: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    modified_at: float = 0.0
    expires_at: float | None = None
    capabilities: tuple[str, ...] = ("completion",)
    memory_bytes: int | None = None
    gpu_bytes: int | None = None
    """What it takes while it is loaded, and the part of that on a GPU, as its engine says."""


class Fleet(Protocol):
    """The engines of the house."""

    def engines(self) -> tuple[EngineView, ...]:
        """The last snapshot; no I/O."""
        ...

    def hits(self) -> HitsView:
        """How often a request found its model loaded."""
        ...

    async def refresh(self) -> tuple[EngineView, ...]:
        """Look at all engines now, within a few seconds."""
        ...

    async def test_prompt(self, engine: str) -> tuple[str, float]:
        """Ask the engine for a few words; return them and the seconds it took.

        Raises:
            EngineError: if it does not answer.
        """
        ...


class LedgerRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One outcome. Money is None when the price is unknown, which is not zero.

    One is made for every request, for which a dataclass takes ten times as long. The order of the fields is
    that of the journal's records and of the ledger's columns: a new one goes to the end and has a default.
    """

    request_id: str
    started_at: float
    user: str
    task: str
    engine: str
    model: str | None
    where: Where
    outcome: Outcome
    code: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    estimated: bool
    cost_micros: int | None
    first_token_ms: float | None
    total_ms: float
    reason: str
    key: str = ""
    team: str = ""
    requested: str | None = None
    """The model name the caller asked for, None when it left the choice to the house."""
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    saved_micros: int | None = None


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums over ledger rows of one engine and model. `unpriced` counts rows without a known cost."""

    engine: str
    model: str | None
    where: Where
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    unpriced: int
    saved_micros: int = 0
    """Gross, of the rows whose saving is known."""


@dataclass(frozen=True, slots=True)
class Within:
    """Which rows of the ledger are meant; None and empty do not narrow. Times are UNIX seconds.

    `since` belongs to the stretch, `until` does not. Model names fit in any case.
    """

    since: float = 0.0
    until: float | None = None
    key: str | None = None
    user: str | None = None
    team: str | None = None
    model: str | None = None
    engine: str | None = None


Grouping = Literal["engine", "model", "key", "user", "team", "task", "where", "day", "week"]
"""What rows of the ledger are added up by; days and weeks (from Monday) by the wall clock of the house."""


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Sums over the rows of one `name` (a day is written `2026-11-21`, a week as its Monday).

    Money is of the rows whose money is known: `unpriced` counts the others. `local` counts what was
    answered inside the house, whole or in part; `saved_micros` is gross, of these rows, of which `unsaved`
    have no known saving. A failed or cancelled request saved nothing.
    """

    name: str
    requests: int
    failed: int
    local: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_micros: int
    cloud_cost_micros: int
    local_cost_micros: int
    """Of local requests whose saving is known, too."""
    unpriced: int
    saved_micros: int
    unsaved: int


class Ledger(Protocol):
    """What was asked of which engine, how it ended and what it took."""

    def totals(
        self, *, since: float = 0.0, until: float | None = None, within: Within | None = None
    ) -> tuple[UsageTotals, ...]:
        """Sums of the rows started at or after `since` (UNIX seconds) by engine, model and place.

        Most requests first. `within` says it with all its filters, in the place of `since` and `until`.
        """
        ...

    def sums(self, by: Grouping, within: Within) -> tuple[UsageSum, ...]:
        """Sums by one thing; times in their order, anything else most requests first."""
        ...

    def rows(
        self, *, since: float = 0.0, limit: int = 100, within: Within | None = None
    ) -> tuple[LedgerRow, ...]:
        """Newest first."""
        ...

    def first(self, within: Within) -> float | None:
        """When the first of these rows began; None when there are none."""
        ...

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        """All rows of one request, in the order in which they began; none when it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class MoneyFacts:
    """How money is counted in this house. `reference` is empty where no model is compared with."""

    currency: str
    reference: str
    reference_known: bool
    reference_factor: str
    book: str
    book_day: str
    book_age_days: int
    book_stale: bool
    machines: tuple[str, ...]
    electricity_known: bool
    fixed_month_micros: int | None
    """What the machines cost a month whether they work or not; None where it is not known."""
    capex_micros: int | None = None
    """What they cost to buy."""
    idle_month_micros: int | None = None
    """The part of the fixed costs that is no amortisation: idling, maintenance, rent by the hour."""


class Money(Protocol):
    """What work costs and saves in this house."""

    def facts(self) -> MoneyFacts:
        """How money is counted now."""
        ...

    def price(self, model: str) -> tuple[Decimal, Decimal] | None:
        """Price per million input and output tokens of `provider/model` now, in the house currency."""
        ...

    def reprice(self, within: Within) -> int:
        """Work out the money of these rows again from their tokens; how many changed."""
        ...


@dataclass(frozen=True, slots=True)
class PullProgress:
    """A moment of a model's download. Sizes are None while the engine does not know them.

    `digest` is `sha256:` and 64 hexadecimal digits of the file that is on its way, empty where not known.
    """

    status: str
    done_bytes: int | None = None
    total_bytes: int | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A GGUF file of this house, which the embedded engine can serve; its header was read and is sound.

    `origin` says where it came from: an address without its query, `upload`, or the name it was copied
    from. `parameters` is how many the model has. `capabilities` are Ollama's words, as the chat template and
    the header tell them: completion, tools, thinking, embedding. `modified_at` is UNIX seconds.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    origin: str
    architecture: str
    context_tokens: int | None
    parameters: int | None
    quantization: str
    demo: bool = False
    capabilities: tuple[str, ...] = ("completion",)
    embedding_length: int | None = None
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What comes with a model, as its file or its engine says it; empty where that says nothing.

    `template` is in the words of whoever has the model: Jinja in a GGUF file, Go's templates in Ollama.
    `parameters` are lines of text.
    """

    template: str = ""
    system: str = ""
    parameters: str = ""
    license: str = ""


class ModelStore(Protocol):
    """Fetches, keeps and removes models: files of this house, and those of an Ollama engine.

    Where a method takes `engine`, it is the name of an Ollama engine, or empty: then an address or the name
    of an installed file means this house, and any other name the first Ollama that is up.
    """

    def installed(self) -> tuple[InstalledModel, ...]:
        """The files of this house, by name; no I/O."""
        ...

    async def card(self, engine: str, model: str) -> ModelCard:
        """What comes with the model, an empty card where nobody says; reads a file, or asks an Ollama."""
        ...

    def pull(self, engine: str, model: str) -> AsyncIterator[PullProgress]:
        """Download a model; ends without an exception once it is usable.

        `model` is a name that an Ollama engine knows, or the http(s) address of a GGUF file, which is
        then called like that file; `#sha256=` and 64 digits behind the address are checked.

        Raises:
            BadRequest: if it is neither, or what came is no sound GGUF file.
            NoEngine: if it is a name, and no Ollama is up.
            HomeUnusable: if the disk has no room for it.
            EngineError: if the other side cannot be reached or does not know the model.
        """
        ...

    async def remove(self, engine: str, model: str) -> None:
        """Remove a model.

        Raises:
            NotFound: if nobody has it.
            EngineError: if the engine cannot be reached or does not have the model.
        """
        ...

    async def copy(self, source: str, destination: str) -> None:
        """Give a model a second name; its bytes are kept once.

        Raises:
            NotFound: if nobody has the source.
            BadRequest: if the destination is no good name.
        """
        ...

    async def create(self, model: str, digest: str) -> InstalledModel:
        """Call the GGUF file that was uploaded under `digest` by this name.

        Raises:
            NotFound: if no such file was uploaded.
            BadRequest: if it is no sound GGUF file, or the name is not good.
        """
        ...

    def create_there(self, engine: str, body: bytes) -> AsyncIterator[PullProgress]:
        """Let an Ollama engine make a model of one it has; `body` is its own request, as it came.

        Raises:
            EngineError: if the engine cannot be reached or declines.
        """
        ...

    async def has_blob(self, digest: str) -> bool:
        """True when the bytes of `sha256:…` are here."""
        ...

    async def put_blob(self, digest: str, pieces: AsyncIterator[bytes]) -> bool:
        """Keep uploaded bytes; False when they were here already.

        Raises:
            BadRequest: if the digest is malformed, or not that of the bytes.
            HomeUnusable: if the disk has no room for them.
        """
        ...
