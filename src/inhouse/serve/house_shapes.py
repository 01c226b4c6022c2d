"""JSON shapes of the house itself: engines, usage, settings, state, health and errors."""

from __future__ import annotations

from inhouse.gateway.ports import EngineView
from inhouse.serve.document_shapes import ProgressShape, ReportSummary
from inhouse.serve.shapes import Shape

__all__ = [
    "AnsweringShape",
    "CheckShape",
    "CountsShape",
    "EngineShape",
    "EnginesShape",
    "ErrorBody",
    "ErrorShape",
    "FitShape",
    "HealthShape",
    "HitsShape",
    "LedgerRowShape",
    "LimitsShape",
    "LoadShape",
    "LoadedShape",
    "MachineShape",
    "ModelShape",
    "MoneyShape",
    "PullShape",
    "PulledShape",
    "RequestShape",
    "SettingShape",
    "SettingsShape",
    "StateShape",
    "SumShape",
    "TotalsShape",
    "UsageShape",
    "engine",
]


class FitShape(Shape):
    """Whether a model fits this machine, and why."""

    word: str
    memory_bytes: int | None
    reason: str


class ModelShape(Shape):
    """A model; null and empty are what its engine does not say. `fit` is there when it was asked for."""

    name: str
    size_bytes: int | None
    context_tokens: int | None
    loaded: bool | None
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
    fit: FitShape | None = None


class LoadShape(Shape):
    """How busy an engine is; null is not known."""

    in_flight: int | None
    running: int | None
    waiting: int | None
    cache_use: float | None
    slots: int | None
    tokens_per_s: float | None
    load_s: float | None


class EngineShape(Shape):
    name: str
    kind: str
    where: str
    url: str
    state: str
    allowed: bool
    models: tuple[ModelShape, ...]
    reason: str
    checked_at: float
    load: LoadShape | None = None


class MachineShape(Shape):
    """What this machine has, in bytes; free memory is what a new model could take now."""

    ram_free_bytes: int
    ram_total_bytes: int
    disk_free_bytes: int | None
    gpu_free_bytes: int | None
    gpu_total_bytes: int | None


class EnginesShape(Shape):
    """What `models ls --json` prints; `machine` is there with `--fit`."""

    engines: tuple[EngineShape, ...]
    machine: MachineShape | None = None


class HitsShape(Shape):
    """Requests to local engines since the start, and how many found their model loaded."""

    asked: int
    warm: int
    rate: float | None


class LoadedShape(Shape):
    """What `models ps --json` prints: engines with their loaded models only."""

    engines: tuple[EngineShape, ...]
    hits: HitsShape


class PullShape(Shape):
    """A moment of a download; null is not known."""

    status: str
    done_bytes: int | None
    total_bytes: int | None
    digest: str


class PulledShape(Shape):
    """A model that was fetched or removed."""

    model: str


def engine(view: EngineView) -> EngineShape:
    """An engine at the last look."""
    return EngineShape.model_validate(view)


class SumShape(Shape):
    """Sums over the requests of one name; `key_name` is that of an API key whose id the name is."""

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
    unpriced: int
    saved_micros: int
    unsaved: int
    key_name: str = ""


class MoneyShape(Shape):
    """How money is counted."""

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


class TotalsShape(Shape):
    engine: str
    model: str | None
    where: str
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    unpriced: int
    saved_micros: int


class LedgerRowShape(Shape):
    request_id: str
    started_at: float
    user: str
    task: str
    engine: str
    model: str | None
    where: str
    outcome: str
    code: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    estimated: bool
    cost_micros: int | None
    first_token_ms: float | None
    total_ms: float
    reason: str
    key: str
    team: str
    requested: str | None
    cache_write_tokens: int
    reasoning_tokens: int
    saved_micros: int | None


class RequestShape(Shape):
    """What `usage show ID --json` prints: one row for each attempt and each engine that took part."""

    request_id: str
    currency: str
    rows: tuple[LedgerRowShape, ...]


class UsageShape(Shape):
    """What `usage --json` prints. Money is in millionths of `currency`; null is unknown, not free.

    `sums` are there when they were asked for with `by`.
    """

    totals: tuple[TotalsShape, ...]
    rows: tuple[LedgerRowShape, ...]
    by: str | None = None
    sums: tuple[SumShape, ...] = ()
    money: MoneyShape | None = None


class SettingShape(Shape):
    name: str
    value: str
    origin: str
    unit: str
    why: str
    env: str


class SettingsShape(Shape):
    """What `config show --json` prints."""

    settings: tuple[SettingShape, ...]


class CountsShape(Shape):
    total: int
    indexed: int
    pending: int
    empty: int
    refused: int
    chunks: int
    sources: tuple[str, ...]
    revision: int


class AnsweringShape(Shape):
    """Who would write an answer now; `none` means that answers are quotes."""

    engine: str | None
    model: str | None
    where: str


class LimitsShape(Shape):
    max_file_bytes: int
    free_bytes: int
    max_question_chars: int


class StateShape(Shape):
    version: str
    documents: CountsShape
    chats_revision: int
    engines: tuple[EngineShape, ...]
    answering: AnsweringShape
    ingest: tuple[ProgressShape, ...]
    recent_jobs: tuple[ReportSummary, ...]
    limits: LimitsShape
    ocr: bool


class CheckShape(Shape):
    status: str
    required: bool
    message: str
    hint: str


class HealthShape(Shape):
    status: str
    version: str
    checks: dict[str, CheckShape]


class ErrorBody(Shape):
    code: str
    message: str
    hint: str


class ErrorShape(Shape):
    error: ErrorBody
