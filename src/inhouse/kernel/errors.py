"""Every error a user or another program can meet, as one tree.

    InhouseError
      * RequestError            their fault, final as it stands (exit 2, HTTP 4xx)
          + BadRequest          the words, the value or the body are wrong
          + NotFound            the named thing does not exist, or may not be seen
          + Conflict            the thing is not in a state that allows this
          + TooLarge            over a stated limit
          + Forbidden           this caller, host or origin may not do this
          + Unauthorized        no API key where one is needed, or one that is wrong, expired or revoked
          + RequestTimeout      the request did not arrive whole in time
          + KeyReused           an Idempotency-Key came again with another request
      * Unavailable             something needed is missing or busy (exit 3, HTTP 503)
          + HomeBusy            another inhouse process writes to this home
          + HomeUnusable        unreadable, read-only, full, damaged or newer than this version
          + PortTaken           the address is held by another program
          + MissingExtra        an optional part of the package is not installed
          + NoEngine            no language model may or can take the request
              - NotSupported    they are all there, and none of them can do this (HTTP 400)
          + ShuttingDown        inhouse is being stopped
          + RateLimited         more requests, tokens or streams than this key or house allows just now
          + OverBudget          the budget of the key, user, team or model is used up
      * EngineError             the engine's fault (Remote); the gateway decides what to do next
          + EngineUnreachable   no connection
          + EngineTimeout       connected, then silent for too long
          + EngineOverloaded    says that it is busy
          + EngineExhausted     the account there has no money or quota left
          + EngineRefused       understood and declined: bad request, unknown model, context too long
          + EngineUnfit         answered, and not in the form that this request prescribes
          + EngineBroke         failed in the middle of an answer, or answered with nonsense
      * InternalError           our fault (exit 1, HTTP 500)

Each class has a stable `code` (documented in docs/reference/errors.md), an HTTP `status`, an
`exit_code` and a `retry` verdict. The message names the thing, the value and the way out; the way out
stands in `hint`, so that every surface can show it in its own manner.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["no", "same_engine", "next_engine"]

__all__ = [
    "BadRequest",
    "Conflict",
    "EngineBroke",
    "EngineError",
    "EngineExhausted",
    "EngineOverloaded",
    "EngineRefused",
    "EngineTimeout",
    "EngineUnfit",
    "EngineUnreachable",
    "Forbidden",
    "HomeBusy",
    "HomeUnusable",
    "InhouseError",
    "InternalError",
    "KeyReused",
    "MissingExtra",
    "NoEngine",
    "NotFound",
    "NotSupported",
    "OverBudget",
    "PortTaken",
    "RateLimited",
    "RequestError",
    "RequestTimeout",
    "Retry",
    "ShuttingDown",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
]


class InhouseError(Exception):
    """Any error with a code; `str(error)` is one line that a person can act on."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retry: ClassVar[Retry] = "no"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. hint: {self.hint}" if self.hint else self.message


class RequestError(InhouseError):
    """The caller's fault; the same call fails again."""

    code = "request_error"
    status = 400
    exit_code = 2


class BadRequest(RequestError):
    """The words, the value or the body are wrong."""

    code = "bad_request"


class NotFound(RequestError):
    """The named thing does not exist, or this caller may not know that it does."""

    code = "not_found"
    status = 404


class Conflict(RequestError):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409


class TooLarge(RequestError):
    """Over a stated limit; the message names the limit and the setting that holds it."""

    code = "too_large"
    status = 413


class Forbidden(RequestError):
    """This caller, host or origin may not do this."""

    code = "forbidden"
    status = 403


class Unauthorized(RequestError):
    """No API key where one is needed, or one that is wrong, expired or revoked."""

    code = "unauthorized"
    status = 401


class RequestTimeout(RequestError):
    """The request did not arrive whole in time."""

    code = "request_timeout"
    status = 408


class KeyReused(RequestError):
    """An Idempotency-Key came again with another request: the first one's answer would be wrong for it."""

    code = "idempotency_key_reused"
    status = 422


class Unavailable(InhouseError):
    """Something needed is missing or busy; the same call may work later."""

    code = "unavailable"
    status = 503
    exit_code = 3


class HomeBusy(Unavailable):
    """Another inhouse process writes to this home."""

    code = "home_busy"


class HomeUnusable(Unavailable):
    """The home is unreadable, read-only, on a full disk, damaged, or newer than this version."""

    code = "home_unusable"


class PortTaken(Unavailable):
    """The address is held by another program."""

    code = "port_taken"


class MissingExtra(Unavailable):
    """An optional part of the package is not installed; the hint is the command that installs it."""

    code = "missing_extra"


class NoEngine(Unavailable):
    """No language model may or can take the request; the message says which layer left none."""

    code = "no_engine"


class NotSupported(NoEngine):
    """The models are there, and none can do this (pictures, functions, so long a prompt): final."""

    code = "not_supported"
    status = 400


class ShuttingDown(Unavailable):
    """inhouse is being stopped; what was written so far is kept."""

    code = "shutting_down"


class RateLimited(Unavailable):
    """More requests, tokens or parallel streams than allowed; `retry_after_s` is when it fits again."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class OverBudget(Unavailable):
    """A budget is used up; the message names whose, of which period, and what is left."""

    code = "over_budget"
    status = 429


class EngineError(InhouseError):
    """The engine's fault. `engine` is its configured name."""

    code = "engine_error"
    status = 502
    exit_code = 3
    retry: ClassVar[Retry] = "next_engine"

    def __init__(self, message: str, *, engine: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.engine = engine


class EngineUnreachable(EngineError):
    """No connection could be made, or it was lost before any answer."""

    code = "engine_unreachable"
    retry = "same_engine"


class EngineTimeout(EngineError):
    """Connected, then silent for longer than the timeout that the message names."""

    code = "engine_timeout"
    status = 504


class EngineOverloaded(EngineError):
    """The engine says that it is busy. `retry_after_s` is its own advice, None when it gave none."""

    code = "engine_overloaded"
    status = 503
    retry = "same_engine"

    def __init__(
        self,
        message: str,
        *,
        engine: str = "",
        hint: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, engine=engine, hint=hint)
        self.retry_after_s = retry_after_s


class EngineExhausted(EngineError):
    """The account at the engine has no money or quota left: asking again soon cannot help."""

    code = "engine_exhausted"
    status = 503


class EngineRefused(EngineError):
    """The engine understood and declined: unknown model, bad parameter, context too long."""

    code = "engine_refused"


class EngineUnfit(EngineError):
    """The answer is not in the form that this request prescribes: a schema, a tool, a length of vectors.

    Says something of the model and the request and nothing of the engine's health: no rest follows.
    """

    code = "engine_unfit"


class EngineBroke(EngineError):
    """The engine failed in the middle of an answer, or answered with something unreadable."""

    code = "engine_broke"


class InternalError(InhouseError):
    """Our fault; the log line with the request id says more."""

    code = "internal_error"
