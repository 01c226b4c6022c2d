"""The door of the wire surfaces, built from settings: keys, limits, origins, and what may be repeated."""

from __future__ import annotations

import time

from inhouse.compose.gateway import Gateway
from inhouse.config import Settings
from inhouse.gateway.cachekey import Runs
from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.keys import StoredKeys
from inhouse.gateway.edge.reply_cache import CachedChat, CacheRules
from inhouse.gateway.policy import NoRoute
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import ChatRequest
from inhouse.kernel.ports import ChatModel
from inhouse.serve.middleware import Doors
from inhouse.serve.plane.gate import Gate, GateRules
from inhouse.serve.plane.idempotency import Repeats

__all__ = ["cached_chat", "doors_of", "express_of", "gate_rules", "open_gate", "repeats_of"]


def doors_of(settings: Settings) -> Doors:
    """How far the wire surfaces are open."""
    return Doors(
        exposed=settings.server.expose,
        cors_origins=frozenset(settings.server.cors_origins),
        max_in_flight=settings.limits.in_flight,
    )


def gate_rules(settings: Settings) -> GateRules:
    """What callers may do and how much; 0 in a setting is no limit."""
    limits = settings.limits
    return GateRules(
        keyless=frozenset(settings.server.keyless),
        keyless_cloud=settings.server.keyless_cloud,
        requests_per_minute=limits.requests_per_minute or None,
        tokens_per_minute=limits.tokens_per_minute or None,
        streams=limits.streams or None,
        house_requests_per_minute=limits.house_requests_per_minute or None,
        house_tokens_per_minute=limits.house_tokens_per_minute or None,
    )


def open_gate(settings: Settings, keys: StoredKeys) -> Gate:
    """The gate over the home's keys."""
    rules = gate_rules(settings)
    return Gate(keys, lambda: rules, clock=time.time, stopwatch=time.monotonic)


def repeats_of(settings: Settings) -> Repeats | None:
    """What answers an Idempotency-Key that came before, None where that is switched off."""
    limits = settings.limits
    if not limits.repeat_s:
        return None
    return Repeats(keep_s=limits.repeat_s, max_bytes=limits.repeat_mb * 1_000_000, stopwatch=time.monotonic)


def express_of(settings: Settings, gateway: Gateway) -> Express | None:
    """The short way past everything that answers; none where every reply is kept: the cache comes first."""
    return None if settings.cache.replies == "on" else gateway.express


def cached_chat(settings: Settings, gateway: Gateway) -> ChatModel:
    """Everything that answers (roll-outs, strategies, dispatch), perhaps behind the cache of replies."""
    chosen = settings.cache
    if chosen.replies == "off":
        return gateway.chat
    rules = CacheRules(
        unasked=chosen.replies == "on", ttl_s=chosen.ttl_s, max_bytes=chosen.max_mb * 1_000_000
    )
    dispatch = gateway.dispatch

    def destined(request: ChatRequest, grant: Grant | None, user: str) -> Runs | None:
        route = dispatch.route(request, grant, user)
        if isinstance(route, NoRoute):
            return None
        first = route.attempts[0]
        views = [view for view in gateway.board.fleet.engines if view.name == first.engine]
        digests = [model.digest for view in views for model in view.models if model.name == first.model]
        return Runs(first.engine, first.model, digests[0] if digests else "")

    return CachedChat(gateway.chat, destined, gateway.journal, rules, stopwatch=time.monotonic)
