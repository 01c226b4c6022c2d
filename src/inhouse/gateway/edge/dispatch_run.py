"""One attempt while it runs, and the answer that comes out of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace

import structlog

from inhouse.gateway.edge.metrics import Meter
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt
from inhouse.gateway.till import Hold, Till
from inhouse.kernel.errors import EngineError, EngineOverloaded, HomeUnusable
from inhouse.kernel.messages import (
    ChatEvent,
    Passed,
    ReasoningDelta,
    TextDelta,
    Timing,
    ToolDelta,
    Usage,
)
from inhouse.kernel.ports import Account, EngineUsed, Outcome

__all__ = ["NOTHING", "Answer", "Bill", "Run", "all_failed", "used_of"]

log = structlog.get_logger(__name__)

NOTHING = Usage(0, 0)
_TEXTS = (TextDelta, ReasoningDelta)


class Answer:
    """One answer under way; see `kernel.ports.ChatStream`.

    Dropped without `aclose`, it is closed when the garbage collector finds it; call `aclose` to be sure.
    Not for two tasks at once: to end it while another task waits for its next event, cancel that task.
    """

    def __init__(
        self, used: EngineUsed, first: list[ChatEvent], rest: AsyncGenerator[list[ChatEvent]]
    ) -> None:
        self._used = used
        self._here = first
        """What came together; those before `_next` were given."""
        self._next = 0
        self._rest = rest

    @property
    def used(self) -> EngineUsed:
        """Which engine answers, and why."""
        return self._used

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        if self._next == len(self._here):
            self._here, self._next = await anext(self._rest), 0
        event = self._here[self._next]
        self._next += 1
        return event

    def more(self) -> list[ChatEvent]:
        """The events that came with the last one and were not given yet: they need no waiting."""
        if self._next == len(self._here):
            return []
        rest = self._here[self._next :]
        self._next = len(self._here)
        return rest

    async def aclose(self) -> None:
        """End the engine's work; nothing happens when it has ended."""
        self._here, self._next = [], 0
        await self._rest.aclose()


class Bill:
    """The account of one request and the money set aside for it; closed once, whoever comes first."""

    __slots__ = ("_account", "_closed", "_till", "hold", "since", "since_s")

    def __init__(self, account: Account, till: Till) -> None:
        self._account = account
        self._till = till
        self._closed = False
        self.hold: Hold | None = None
        self.since = 0.0
        """When the engine began to work, UNIX seconds; `since_s` by the stopwatch."""
        self.since_s = 0.0

    def drop_hold(self) -> None:
        """The engine did nothing for the money set aside."""
        if self.hold is not None:
            self.hold.settle(0)
            self.hold = None

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage = NOTHING,
        *,
        code: str | None = None,
        first_token_ms: float | None = None,
        now_s: float = 0.0,
    ) -> None:
        """Charge what it cost and write down how it ended; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        charge = self._till.charge(used, usage, self.since, max(0.0, now_s - self.since_s))
        if self.hold is not None:
            self.hold.settle(charge.cost_micros)
        try:
            self._account.close(
                outcome,
                used,
                usage,
                code=code,
                first_token_ms=first_token_ms,
                cost_micros=charge.cost_micros,
                saved_micros=charge.saved_micros,
            )
        except HomeUnusable as error:
            # The answer is there and must not be lost with its row; the next start finds the row open and
            # writes it down as interrupted.
            log.error("account_not_closed", outcome=outcome, engine=used.engine, message=str(error))


@dataclass(slots=True)
class Run:
    """One attempt while it runs. `streamed`: its reader takes it piece by piece."""

    streamed: bool
    attempt: Attempt
    used: EngineUsed
    prompt_tokens: int
    bill: Bill
    started: float
    usage: Usage | None = None
    timing: Timing | None = None
    output_bytes: int = 0
    first_token_ms: float | None = None
    begun: bool = False

    def count(self, event: ChatEvent) -> None:
        """Note the size of a piece, in case the engine never says what was used."""
        if type(event) is Passed:
            self.output_bytes += event.size_bytes
        elif isinstance(event, _TEXTS):
            text = event.text
            self.output_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        elif isinstance(event, ToolDelta):
            self.output_bytes += len(event.name) + len(event.arguments)

    def told(self, usage: Usage | None, timing: Timing | None = None) -> None:
        """Note what the engine says of its answer, unless it says what cannot be."""
        self.timing = timing
        if usage is not None and usage.possible:
            self.usage = usage

    def final_usage(self) -> Usage:
        """What the engine said, else an estimate that says so."""
        if self.usage is not None:
            return self.usage
        return Usage(self.prompt_tokens, (self.output_bytes + 3) // 4, estimated=True)

    def stand(self, engine: Engine | None) -> None:
        """Say in the receipt when the engine serves this model otherwise than asked."""
        if engine is not None and self.attempt.model in engine.compromises:
            standing = engine.compromises[self.attempt.model]
            reason = f"{self.used.reason}; {standing.remark}"
            self.used = replace(self.used, model=standing.model, reason=reason)

    def tell(self, meter: Meter, now_s: float) -> None:
        """Note how fast it was, by the engine's own word where it gives one."""
        engine, model, timing = self.attempt.engine, self.attempt.model, self.timing
        whole_s = now_s - self.started
        # An answer that came whole was written before its "first" token.
        writing_s = whole_s - (self.first_token_ms or 0.0) / 1000 if self.streamed else 0.0
        if timing is not None and timing.output_ns:
            writing_s = timing.output_ns / 1e9
        if timing is not None and timing.load_ns:
            meter.loaded(engine, model, timing.load_ns / 1e9)
        tokens = self.final_usage().output_tokens
        meter.answered(engine, model, output_tokens=tokens, writing_s=writing_s, whole_s=whole_s)

    def close(self, outcome: Outcome, now_s: float, *, code: str | None = None) -> None:
        """Write down how it ended."""
        self.bill.close(
            outcome,
            self.used,
            self.final_usage(),
            code=code,
            first_token_ms=self.first_token_ms,
            now_s=now_s,
        )


def used_of(attempt: Attempt, failures: list[EngineError]) -> EngineUsed:
    """The engine of an attempt, with the failures before it in the reason."""
    reason = attempt.reason
    if failures:
        reason += "; before it failed " + "; ".join(error.message for error in failures)
    return EngineUsed(attempt.engine, attempt.model, attempt.where, reason)


def all_failed(failures: list[EngineError]) -> EngineError:
    """The last failure as one error that names them all."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    words = "; ".join(dict.fromkeys(error.message for error in failures))
    message = f"every engine failed: {words}"
    if isinstance(last, EngineOverloaded):
        return EngineOverloaded(message, engine=last.engine, hint=last.hint, retry_after_s=last.retry_after_s)
    return type(last)(message, engine=last.engine, hint=last.hint)
