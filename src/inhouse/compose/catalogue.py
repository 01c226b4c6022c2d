"""The models of the fleet as callers of the wire surfaces see them."""

from __future__ import annotations

from inhouse.gateway.candidates import Candidate, candidates_of
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.names import matches
from inhouse.kernel.caller import Grant
from inhouse.serve.plane.parts import Offer

__all__ = ["FleetCatalogue"]


class FleetCatalogue:
    """Implements `serve.plane.parts.Catalogue` over the last snapshot."""

    def __init__(self, board: FleetBoard, *, cloud_allowed: bool) -> None:
        self._board = board
        self._cloud_allowed = cloud_allowed

    def offers(self, grant: Grant) -> tuple[Offer, ...]:
        """See `Catalogue.offers`."""
        found: dict[str, Offer] = {}
        cloud = self._cloud_allowed and grant.cloud
        ranked = sorted(
            candidates_of(self._board.fleet), key=lambda each: (each.where == "cloud", each.place)
        )
        for each in ranked:
            if each.engine.state != "up" or (each.where == "cloud" and not cloud):
                continue
            if grant.models and not any(matches(pattern, each.model.name) for pattern in grant.models):
                continue
            found.setdefault(each.model.name, _offer(each))
        return tuple(found.values())


def _offer(each: Candidate) -> Offer:
    model = each.model
    known = model.capabilities
    capabilities = ("embedding",) if each.embeds else ("completion",)
    return Offer(
        name=model.name,
        engine=each.engine.name,
        kind=each.engine.kind,
        where=each.where,
        size_bytes=model.size_bytes,
        context_tokens=model.context_tokens,
        loaded=model.loaded,
        digest=model.digest,
        family=model.family,
        parameter_size=model.parameter_size,
        quantization=model.quantization,
        modified_at=model.modified_at or 0.0,
        expires_at=model.expires_at,
        capabilities=tuple(sorted(known)) if known else capabilities,
    )
