"""The model names of the house as a caller may use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inhouse.gateway.candidates import Candidate, candidates_of
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.facts import EMBED_TASK, Facts, Need
from inhouse.gateway.names import matches, plain_name, trades_of
from inhouse.gateway.policy import NoRoute, Route, decide, refusal
from inhouse.gateway.ports import Offer
from inhouse.gateway.rules import Budget, Rules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import InhouseError
from inhouse.kernel.messages import DataPolicy

__all__ = ["FleetCatalogue"]

KEPT = 1000
FRESH_S = 1.0
_CHAT: frozenset[Need] = frozenset()
_EMBED: frozenset[Need] = frozenset({"embed"})


class FleetCatalogue:
    """Implements `serve.plane.parts.Catalogue` over the last look at the engines. `clock` is UNIX seconds."""

    def __init__(self, board: FleetBoard, rules: Callable[[], Rules], *, clock: Callable[[], float]) -> None:
        self._board = board
        self._rules = rules
        self._clock = clock
        self._offers: dict[Grant, tuple[Offer, ...]] = {}
        self._of: tuple[object, ...] = ()
        self._until = 0.0

    def offers(self, grant: Grant) -> tuple[Offer, ...]:
        """Every name this caller may use now, each once: aliases first, then models, best engine first.

        Remembered until the snapshot or the rules change, for a second at most: rests end by themselves.
        """
        of, now = (self._board.changes, self._rules()), self._clock()
        if of != self._of or not now < self._until or len(self._offers) >= KEPT:
            self._offers.clear()
            self._of, self._until = of, now + FRESH_S
        offers = self._offers.get(grant)
        if offers is None:
            found: dict[str, Offer] = {}
            for offer in (*self._aliases(grant), *self._models(grant)):
                found.setdefault(plain_name(offer.name), offer)
            offers = self._offers[grant] = tuple(found.values())
        return offers

    def stands_for(self, name: str, grant: Grant, data: DataPolicy = "any") -> Offer | None:
        """What would answer this caller under that name now, whether it is listed or not."""
        for route in self._routes(name, grant, data):
            if isinstance(route, Route):
                first = route.attempts[0]
                wanted = f"{first.engine}/{first.model}"
                found = next(each for each in candidates_of(self._board.fleet) if each.name == wanted)
                return _offer(found, name, runs_as=first.model)
        return None

    def why_not(self, name: str, grant: Grant, data: DataPolicy = "any") -> InhouseError | None:
        """Why nobody answers this caller under that name now, None where somebody does."""
        routes = tuple(self._routes(name, grant, data))
        refused = [route for route in routes if isinstance(route, NoRoute)]
        return None if len(refused) < len(routes) else refusal(refused[0])

    def _routes(self, name: str, grant: Grant, data: DataPolicy) -> Iterator[Route | NoRoute]:
        """Where a chat under that name would go, and where texts would; first what the name is known for."""
        rules, fleet, now = self._rules(), self._board.fleet, self._clock()
        uses = (_CHAT, "chat"), (_EMBED, EMBED_TASK)
        for needs, task in reversed(uses) if "embedding" in trades_of(name) else uses:
            facts = Facts(
                task,
                data,
                name,
                0,
                0,
                needs,
                cloud=grant.cloud,
                key=grant.key,
                team=grant.team,
                models=grant.models,
            )
            yield decide(facts, fleet, rules, Budget(), now)

    def _models(self, grant: Grant) -> Iterator[Offer]:
        rules, now = self._rules(), self._clock()
        kinds = {kind: index for index, kind in enumerate(rules.order)}

        def rank(each: Candidate) -> tuple[bool, int, str, int]:
            kind = kinds.get(each.engine.kind, len(kinds))
            return each.where == "cloud", kind, each.engine.name, each.place

        for each in sorted(candidates_of(self._board.fleet), key=rank):
            if _usable(each, grant, rules, now) and _named(grant, each.model.name, each.name):
                yield _offer(each, each.model.name)

    def _aliases(self, grant: Grant) -> Iterator[Offer]:
        """Aliases written out (no pattern), as whatever would answer them now."""
        for rule in self._rules().aliases:
            mine = not rule.keys or any(
                matches(pattern, grant.key) or matches(pattern, grant.team) for pattern in rule.keys
            )
            if "*" in rule.name or "?" in rule.name or not mine or not _named(grant, rule.name):
                continue
            offer = self.stands_for(rule.name, grant)
            if offer is not None:
                yield offer


def _usable(candidate: Candidate, grant: Grant, rules: Rules, now: float) -> bool:
    engine = candidate.engine
    if engine.state != "up" or engine.rests_until > now:
        return False
    if candidate.where == "cloud" and not (rules.cloud_allowed and grant.cloud):
        return False
    return candidate.model.chats or candidate.embeds


def _named(grant: Grant, *names: str) -> bool:
    return not grant.models or any(matches(pattern, name) for pattern in grant.models for name in names)


def _offer(candidate: Candidate, name: str, *, runs_as: str = "") -> Offer:
    model = candidate.model
    if model.capabilities is not None:
        able = tuple(sorted(model.capabilities))
    else:
        able = ("embedding",) if candidate.embeds and not model.chats else ("completion",)
    return Offer(
        name=name,
        engine=candidate.engine.name,
        kind=candidate.engine.kind,
        where=candidate.where,
        runs_as=runs_as,
        size_bytes=model.size_bytes,
        context_tokens=model.context_tokens,
        loaded=model.loaded,
        digest=model.digest,
        family=model.family,
        parameter_size=model.parameter_size,
        quantization=model.quantization,
        modified_at=model.modified_at or 0.0,
        expires_at=model.expires_at,
        capabilities=able,
        memory_bytes=model.memory_bytes,
        gpu_bytes=model.gpu_bytes,
    )
