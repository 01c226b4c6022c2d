"""How Ollama's clients name a model: `[host/][namespace/]model[:tag]`, case aside, `latest` unless told."""

from __future__ import annotations

from inhouse.dialects import ollama
from inhouse.kernel.errors import Forbidden, InhouseError, NotFound
from inhouse.serve.plane.asked import Asked, check_name
from inhouse.serve.plane.parts import Offer

__all__ = ["CloudName", "meant_by", "offer_of", "refuse_cloud_name", "why_nobody"]


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


def why_nobody(asked: Asked, name: str, unknown: str) -> InhouseError:
    """What to say where nothing answers under that name: `unknown` only if it means nothing here.

    A client that is told 404 fetches the model anew, which helps nobody while its engine only rests.
    """
    error = asked.parts.catalogue.why_not(name, asked.grant, asked.data)
    return NotFound(unknown) if error is None or isinstance(error, NotFound) else error


def refuse_cloud_name(name: str) -> None:
    """Raises `CloudName` for a model of Ollama's own cloud: such a name would leave the house by itself.

    And `BadRequest` for a name that is too long to be one.
    """
    check_name(name)
    if ollama.is_cloud_name(name):
        raise CloudName(
            f"ollama cloud is disabled: `{name}` runs in Ollama's cloud",
            hint="`inhouse models ls` shows the models of this house",
        )
