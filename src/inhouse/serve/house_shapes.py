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
    "HealthShape",
    "LedgerRowShape",
    "LimitsShape",
    "ModelShape",
    "MoneyShape",
    "RequestShape",
    "SettingShape",
    "SettingsShape",
    "StateShape",
    "SumShape",
    "TotalsShape",
    "UsageShape",
    "engine",
]


class ModelShape(Shape):
    name: str
    size_bytes: int | None
    context_tokens: int | None
    loaded: bool | None


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


class EnginesShape(Shape):
    """What `models ls --json` prints."""

    engines: tuple[EngineShape, ...]


def engine(view: EngineView) -> EngineShape:
    """An engine at the last look."""
    return EngineShape.model_validate(view)


class SumShape(Shape):
    """Sums over the requests of one name."""

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
