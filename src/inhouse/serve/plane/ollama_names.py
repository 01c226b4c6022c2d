"""How Ollama's clients name a model: `[host/][namespace/]model[:tag]`, case aside, `latest` unless told."""

from __future__ import annotations

from inhouse.dialects import ollama
from inhouse.kernel.errors import Forbidden
from inhouse.serve.plane.asked import Asked
from inhouse.serve.plane.parts import Offer

__all__ = ["CloudName", "meant_by", "offer_of", "refuse_cloud_name"]


class CloudName(Forbidden):
    """A model of Ollama's own cloud was asked for."""


def offer_of(asked: Asked, name: str) -> Offer | None:
    """What this caller may use under that name, None when nothing."""
    wanted = ollama.plain_name(name)
    for offer in asked.parts.catalogue.offers(asked.grant):
        if ollama.plain_name(offer.name) == wanted:
            return offer
    return None


def meant_by(asked: Asked, name: str) -> Offer | None:
    """What would answer this caller under that name, as in a chat: also a class of models, or `auto`."""
    found = offer_of(asked, name)
    return found or asked.parts.catalogue.stands_for(name, asked.grant, asked.data)


def refuse_cloud_name(name: str) -> None:
    """Raises `CloudName` for a model of Ollama's own cloud: such a name would leave the house by itself."""
    if ollama.is_cloud_name(name):
        raise CloudName(
            f"ollama cloud is disabled: `{name}` runs in Ollama's cloud",
            hint="`inhouse models ls` shows the models of this house",
        )
