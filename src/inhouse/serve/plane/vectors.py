"""Texts to vectors for one caller, within the caller's limits; the same for every surface."""

from __future__ import annotations

from inhouse.kernel.errors import BadRequest, EngineUnfit
from inhouse.kernel.messages import EmbedRequest
from inhouse.kernel.ports import Embedded
from inhouse.serve.plane.asked import Asked, check_name

__all__ = ["embed"]


async def embed(asked: Asked, request: EmbedRequest) -> Embedded:
    """The vectors; what they took is settled with the limits of whoever asked.

    Raises:
        BadRequest: if the model makes vectors of another length than was asked for, every time.
        InhouseError: what else `Gatekeeper.admit` and `Embedder.embed` raise.
    """
    check_name(request.model)
    admission, tokens = asked.parts.gate.admit(asked.grant), 0
    try:
        found = await asked.parts.embedder.embed(
            request, request_id=asked.request_id, user=asked.grant.user, grant=asked.grant
        )
        tokens = found.embeddings.usage.input_tokens
        return found
    except EngineUnfit as error:
        raise BadRequest(error.message, hint=error.hint) from error
    finally:
        admission.close(tokens)
