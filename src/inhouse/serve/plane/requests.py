"""Which paths ask a model for something, and rows for those of these requests that no engine worked for."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
import structlog

from inhouse.kernel.caller import Grant, Scope
from inhouse.kernel.errors import Forbidden, HomeUnusable, InhouseError, RateLimited
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import Accounts, EngineUsed, Outcome
from inhouse.serve.plane.ollama_names import CloudName

__all__ = ["before_gateway", "requested_in", "right_of", "write_row"]

log = structlog.get_logger(__name__)

LONGEST_NAME = 200
_RIGHTS: MappingProxyType[str, Scope] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/v1/completions": "chat",
        "/v1/responses": "chat",
        "/v1/messages": "chat",
        "/api/chat": "chat",
        "/api/generate": "chat",
        "/v1/embeddings": "embed",
        "/api/embed": "embed",
        "/api/embeddings": "embed",
    }
)
_GEMINI = ("/v1beta/models/", "/v1/models/")
_VERBS: MappingProxyType[str, Scope] = MappingProxyType(
    {
        "generateContent": "chat",
        "streamGenerateContent": "chat",
        "embedContent": "embed",
        "batchEmbedContents": "embed",
    }
)


class _Body(msgspec.Struct):
    """The one field of a body that all but one of the protocols have."""

    model: str | None = None


_read = msgspec.json.Decoder(_Body).decode


def right_of(path: str) -> Scope | None:
    """What a POST to this path is for; None where no model is asked for anything, as for lists or counts."""
    found = _RIGHTS.get(path)
    if found is None and path.startswith(_GEMINI):
        return _VERBS.get(path.rpartition(":")[2])
    return found


def requested_in(path: str, body: bytes) -> str | None:
    """The model's name as it was asked for, None where there is none to be read."""
    for prefix in _GEMINI:
        if path.startswith(prefix):
            return path.removeprefix(prefix).rpartition(":")[0][:LONGEST_NAME] or None
    try:
        named = _read(body).model
    except (msgspec.DecodeError, UnicodeError):
        return None
    return named[:LONGEST_NAME] if named else None


def before_gateway(error: InhouseError, right: Scope, grant: Grant) -> bool:
    """True for a refusal that the gateway, which writes its own down, never heard of.

    A scope is looked at before anything else; what else is forbidden was decided by the gateway.
    """
    lacks = isinstance(error, Forbidden) and right not in grant.scopes
    return lacks or isinstance(error, RateLimited | CloudName)


def write_row(
    accounts: Accounts,
    grant: Grant,
    outcome: Outcome,
    used: EngineUsed,
    *,
    code: str | None,
    request_id: str,
    task: str,
    requested: str | None,
) -> None:
    """One row without tokens and without cost. Where it cannot be written, the log says so.

    That refuses nobody: no work begins that nobody would know of.
    """
    try:
        account = accounts.open(
            request_id=request_id,
            user=grant.user,
            task=task,
            key=grant.key,
            team=grant.team,
            requested=requested,
        )
        account.close(outcome, used, Usage(0, 0), code=code, cost_micros=0)
    except HomeUnusable as trouble:
        log.error("row_not_written", outcome=outcome, request_id=request_id, problem=trouble.message)
