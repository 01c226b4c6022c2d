"""The engines of the house as one immutable snapshot, which the prober replaces and `decide` reads."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from inhouse.gateway.ports import EngineView, LoadView, ModelView
from inhouse.gateway.profiles import Capability, EngineKind
from inhouse.kernel.errors import EngineError, EngineExhausted, EngineOverloaded, EngineRefused, EngineUnfit

__all__ = [
    "UNKNOWN_LOAD",
    "Engine",
    "EngineState",
    "Fleet",
    "Load",
    "Model",
    "Place",
    "Standing",
    "after_failure",
    "after_success",
    "chats",
    "place_of",
    "same_model",
    "vendors_own",
    "view_of",
]

EngineState = Literal["up", "down", "found_not_allowed"]
Place = Literal["local", "cloud"]

FIRST_REST_S = 2.0
LONGEST_REST_S = 30.0
"""An engine that failed is left alone for 2, 4, 8, 16, 30 s: a crash is over in seconds, and one that
lasts costs one slow request every half minute."""
LONGEST_ADVISED_REST_S = 60.0
JITTER = 0.25
"""Rests are longer by up to this share, by chance (`jitter`, 0 to 1): not all houses come back at once."""
EXHAUSTED_REST_S = 900.0
"""Quotas come back at midnight and money by a person's hand: looking four times an hour is enough."""

_NO_CHAT = re.compile(
    r"embed|rerank|minilm|whisper|(^|[/_-])(bge|e5|gte|tts|dall-e|clip|moderation)([/_-]|$)", re.IGNORECASE
)
_VENDORS_OWN = re.compile(
    r"(^|/)(gpt-[3-9]|chatgpt-|o[134](-|$)|claude-|gemini-|text-embedding-(3-|ada-|004))", re.IGNORECASE
)
_LOCAL_ENDINGS = (".local", ".localhost", ".lan", ".internal", ".home.arpa", ".intranet", ".corp")


@dataclass(frozen=True, slots=True)
class Model:
    """A model that an engine offers; None where the engine does not say.

    `demo`: exists to prove that the plumbing works and is not to be trusted with a question.
    `remote`: listed by a local engine but run elsewhere, as Ollama's `:cloud` models are.
    `chats`: False for models that only embed, rerank or hear.
    `capabilities` None: nothing is known but what the engine's profile says (`profiles.can`).
    Times are UNIX seconds; `expires_at` is when a loaded model will be unloaded, infinite for never.
    `memory_bytes` is what it takes while it is loaded, `gpu_bytes` the part of that on a GPU.
    """

    name: str
    context_tokens: int | None = None
    size_bytes: int | None = None
    loaded: bool | None = None
    demo: bool = False
    remote: bool = False
    chats: bool = True
    digest: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    modified_at: float | None = None
    expires_at: float | None = None
    memory_bytes: int | None = None
    gpu_bytes: int | None = None
    capabilities: frozenset[Capability] | None = None
    need_bytes: int | None = None
    """What it takes while it is loaded, where that can be told beforehand."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy an engine is. None: not known, which is not zero.

    `in_flight` are our own requests under way: exact, and newer than anything scraped. `running` and
    `waiting` are what its metrics say of everybody's requests, `cache_use` the share (0-1) of its key-value
    cache. `slots` is how many it serves at once, `request_s` how long one usually takes, `tokens_per_s` how
    fast it writes for one reader, `load_s` how long it takes to load a model that is not loaded.

    `in_flight` may be told in steps: it decides between engines of one kind, and where it fills the slots.
    """

    in_flight: int | None = None
    running: int | None = None
    waiting: int | None = None
    cache_use: float | None = None
    slots: int | None = None
    request_s: float | None = None
    tokens_per_s: float | None = None
    load_s: float | None = None

    def queue(self) -> int | None:
        """How many requests would be served before the next one that comes; None: not known.

        Our own count first, scraped metrics second: what others send shows in `waiting` only. Where nobody
        knows how many an engine serves at once, the own count says nothing about a queue.
        """
        if self.in_flight is None or self.slots is None:
            return self.waiting
        ours = max(0, self.in_flight - self.slots + 1)
        return ours if self.waiting is None else max(ours, self.waiting)

    def busy(self) -> int:
        """Requests at work, as far as known: to tell the idlest of several engines of one kind."""
        return self.in_flight or self.running or 0


UNKNOWN_LOAD = Load()


@dataclass(frozen=True, slots=True)
class Standing:
    """How an engine serves a model that it could not load as asked.

    `model` is the one that answers in its place (it may be the same with less context), `remark` what the
    receipt says about it.
    """

    model: str
    remark: str


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine at the last look. `failures` counts dispatches that failed in a row.

    Until `rests_until` (UNIX seconds) it is not tried, for the reason in `rest_reason`.
    `default_model` is the administrator's choice for requests that name no model. `missed` are the names
    that it offered until it went down, empty while it is up.
    """

    name: str
    kind: EngineKind
    where: Place
    url: str
    state: EngineState
    models: tuple[Model, ...] = ()
    reason: str = ""
    checked_at: float = 0.0
    default_model: str | None = None
    failures: int = 0
    rests_until: float = 0.0
    rest_reason: str = ""
    load: Load = UNKNOWN_LOAD
    compromises: Mapping[str, Standing] = field(default_factory=dict)
    """By model name; models that are served as asked are left out."""
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """All engines known; no order is promised."""

    engines: tuple[Engine, ...] = ()
    memo: list[object] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `candidates.candidates_of` worked out from the engines, once for all requests; nothing else."""

    def engine(self, name: str) -> Engine | None:
        """The engine of that name."""
        for each in self.engines:  # a loop: a generator costs more than the few engines that there are
            if each.name == name:
                return each
        return None

    def with_engine(self, engine: Engine) -> Fleet:
        """A fleet in which the engine of the same name is replaced, or this one added."""
        if self.engine(engine.name) is None:
            return replace(self, engines=(*self.engines, engine))
        return replace(
            self, engines=tuple(engine if each.name == engine.name else each for each in self.engines)
        )


def after_failure(engine: Engine, error: EngineError, now: float, *, jitter: float = 0.0) -> Engine:
    """The engine as it stands after a dispatch failed: resting, longer with every failure in a row.

    One that declined a request is not at fault and does not rest, nor does one whose model did not keep to
    a form that the request prescribed: else anybody who may ask could take an engine from all others. One
    that says how long it will be busy is believed, up to a minute.
    """
    if isinstance(error, EngineRefused | EngineUnfit):
        return engine
    rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(engine.failures, 10))
    if isinstance(error, EngineExhausted):
        rest_s = EXHAUSTED_REST_S
    if isinstance(error, EngineOverloaded) and error.retry_after_s is not None:
        rest_s = min(LONGEST_ADVISED_REST_S, max(FIRST_REST_S, error.retry_after_s))
    rests_until = now + rest_s * (1 + JITTER * jitter)
    return replace(engine, failures=engine.failures + 1, rests_until=rests_until, rest_reason=error.message)


def after_success(engine: Engine) -> Engine:
    """The engine as it stands after it answered."""
    return replace(engine, failures=0, rests_until=0.0, rest_reason="") if engine.failures else engine


def chats(name: str) -> bool:
    """False for models whose name says that they embed, rerank or hear."""
    return _NO_CHAT.search(name) is None


def same_model(wanted: str, name: str) -> bool:
    """True when two names mean one model: case does not matter, and `:latest` may be left out."""
    return _plain(wanted) == _plain(name)


def vendors_own(name: str) -> bool:
    """True for the name of a model that only its vendor runs: whoever else offers it sends words there.

    Some local servers call their own models so; their administrator may say that they are local.
    """
    return _VENDORS_OWN.search(name) is not None


def place_of(url: str) -> Place:
    """`local` for loopback, private and link-local addresses and for names that no public DNS gives out.

    Any other name counts as `cloud`, also when it would resolve to a private address: who is wrong about
    this sends documents out of the house, so a doubt is a no and the administrator may say otherwise.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # `134744072` and `0x8080808` are spellings of a public address, not names; and of a name in other
        # alphabets the resolver makes another one, with dots where we saw none.
        named = "." not in host and host[:1].isalpha()
        return "local" if host.isascii() and (named or host.endswith(_LOCAL_ENDINGS)) else "cloud"
    if isinstance(address, ipaddress.IPv6Address) and address.teredo is not None:
        return "cloud"  # a way to a public address
    return "local" if address.is_private or address.is_loopback or address.is_link_local else "cloud"


def view_of(engine: Engine, *, allowed: bool, now: float) -> EngineView:
    """The engine as pages and terminal show it; one that rests after a failure is shown as down."""
    resting = engine.state == "up" and engine.rests_until > now
    load = engine.load
    return EngineView(
        name=engine.name,
        kind=engine.kind,
        where=engine.where,
        url=engine.url,
        state="down" if resting else engine.state,
        allowed=allowed,
        models=tuple(_model_view(each) for each in engine.models),
        reason=engine.rest_reason if resting else engine.reason,
        checked_at=engine.checked_at,
        load=LoadView(
            in_flight=load.in_flight,
            running=load.running,
            waiting=load.waiting,
            cache_use=load.cache_use,
            slots=load.slots,
            tokens_per_s=load.tokens_per_s,
            load_s=load.load_s,
        ),
    )


def _model_view(model: Model) -> ModelView:
    kept = model.expires_at == math.inf
    return ModelView(
        name=model.name,
        size_bytes=model.size_bytes,
        context_tokens=model.context_tokens,
        loaded=model.loaded,
        digest=model.digest,
        family=model.family,
        parameter_size=model.parameter_size,
        quantization=model.quantization,
        modified_at=model.modified_at,
        expires_at=None if kept else model.expires_at,
        kept=kept,
        memory_bytes=model.memory_bytes,
        gpu_bytes=model.gpu_bytes,
        capabilities=tuple(sorted(model.capabilities or ())),
        demo=model.demo,
        need_bytes=model.need_bytes,
    )


def _plain(name: str) -> str:
    return name.strip().lower().removesuffix(":latest")
