"""Asks engines how busy they are, and keeps what our own requests took."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from inhouse.dialects.llamacpp import read_slots
from inhouse.dialects.prometheus import read_samples
from inhouse.dialects.status import UNREADABLE
from inhouse.gateway.edge.providers.http import HttpClient, base_url
from inhouse.gateway.fleet import UNKNOWN_LOAD, Engine, Load
from inhouse.gateway.measure import (
    NOTHING_LEARNED,
    Learned,
    after_answer,
    after_load,
    scraped,
    with_learned,
)
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineError

__all__ = ["Hits", "Meter", "scrape"]


PAGE_TIMEOUT_S = 1.0
"""A metrics page takes milliseconds; one that takes longer says enough about how busy its engine is."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Requests to local engines that say what is loaded; `warm` found their model in memory."""

    asked: int = 0
    warm: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the warm ones; None before the first request."""
        return self.warm / self.asked if self.asked else None


class Meter:
    """What was measured of each engine and model since the start. Used from the event loop only."""

    def __init__(self) -> None:
        self._learned: dict[tuple[str, str], Learned] = {}
        self._trials: dict[tuple[str, str], float] = {}
        self._answered: set[tuple[str, str]] = set()
        self._asked = self._warm = 0

    @property
    def hits(self) -> Hits:
        """How often a request found its model in memory."""
        return Hits(self._asked, self._warm)

    def asked(self, engine: Engine, model: str) -> None:
        """A request goes to the model: was it in memory?"""
        if engine.where != "local":
            return
        for each in engine.models:
            if each.name == model and each.loaded is not None:
                self._asked += 1
                # The snapshot is some seconds old: what answered since then was loaded by that.
                answered = engine.kind != "embedded" and (engine.name, model) in self._answered
                self._warm += each.loaded or answered
                return

    def looked(self) -> None:
        """There is a new snapshot, which says itself what is loaded."""
        self._answered.clear()

    def of(self, engine: str, model: str) -> Learned:
        """What is known about one model."""
        return self._learned.get((engine, model), NOTHING_LEARNED)

    def answered(
        self, engine: str, model: str, *, output_tokens: int, writing_s: float, whole_s: float
    ) -> None:
        """An answer came to its end."""
        self._answered.add((engine, model))
        known = self.of(engine, model)
        self._learned[engine, model] = after_answer(
            known, output_tokens=output_tokens, writing_s=writing_s, whole_s=whole_s
        )

    def loaded(self, engine: str, model: str, load_s: float, tokens_per_s: float | None = None) -> None:
        """A model was loaded in that time and wrote that fast at once; told twice, it counts once."""
        if self._trials.get((engine, model)) == load_s:
            return
        self._trials[engine, model] = load_s
        known = after_load(self.of(engine, model), load_s)
        if tokens_per_s is not None and known.tokens_per_s is None:
            known = replace(known, tokens_per_s=tokens_per_s, answers=1)
        self._learned[engine, model] = known

    def add_to(self, engine: Engine) -> Engine:
        """The engine with what was learned in its load."""
        learned = [known for (name, _), known in self._learned.items() if name == engine.name]
        return replace(engine, load=with_learned(engine.load, learned))


async def scrape(http: HttpClient, engine: Engine, key: str = "") -> Load:
    """What the engine says about its load now; unknown where it says nothing. Never fails."""
    profile = PROFILES[engine.kind]
    if not engine.url or engine.state != "up" or profile.running_metric is None:
        return UNKNOWN_LOAD
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = base_url(engine.url)
    pages = [_page(http, url + "/metrics", headers)]
    if engine.kind == "llama.cpp":
        pages.append(_page(http, url + "/slots", headers))
    metrics, *rest = await asyncio.gather(*pages)
    load = scraped(profile, read_samples(metrics)) if metrics is not None else UNKNOWN_LOAD
    return _with_slots(load, rest[0]) if rest and rest[0] is not None else load


def _with_slots(load: Load, body: bytes) -> Load:
    """llama.cpp's slots say how many it serves at once, also where `--metrics` was not given."""
    try:
        busy = read_slots(body)
    except UNREADABLE:
        return load
    return replace(load, slots=len(busy), running=sum(busy) if load.running is None else load.running)


async def _page(http: HttpClient, url: str, headers: dict[str, str]) -> bytes | None:
    try:
        page = await http.get(url, headers=headers, timeout_s=PAGE_TIMEOUT_S)
    except EngineError:
        return None
    return page.body if page.status == 200 else None
