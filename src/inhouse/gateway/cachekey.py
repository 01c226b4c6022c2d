"""When a reply may be given again to the same request, and what makes two requests the same."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import msgspec

from inhouse.gateway.facts import ANSWER_TASK
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import ChatRequest, Finished

__all__ = ["Runs", "cache_key", "may_cache", "may_keep"]

VERSION = 1
"""Counted up when the meaning of a request's fields changes, so that no reply outlives it."""

_NOT_MEANT = frozenset({"stream", "keep_alive_s"})
"""Fields that change how a reply is sent, or how long a model stays, never what it says. The request's own
bytes are meant: where they are passed through, they may say what no field of ours does."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What would answer: engine, model, and the digest of its weights where the engine tells one."""

    engine: str
    model: str
    digest: str = ""


def may_cache(request: ChatRequest) -> bool:
    """True where chance plays no part, so that asking again gives the same words.

    That is temperature 0, or a seed. Whoever samples (several drafts, votes of a consensus) wants answers
    that differ. Answers from documents are made for one reader's rights at one moment: never.
    """
    if request.task == ANSWER_TASK or request.wishes.strategy != "single":
        return False
    return request.temperature == 0 or request.seed is not None


def may_keep(end: Finished) -> bool:
    """True for an answer that ended by itself or at a limit that the request states."""
    return end.reason in ("stop", "length", "tool_calls")


def cache_key(request: ChatRequest, runs: Runs, grant: Grant | None, user: str) -> bytes:
    """The same for two requests only if everything that can change the words is the same.

    Messages with their pictures and tool calls, tools, schema, sampling, wishes, the model that would run
    and its digest; and whose eyes it is for: one team, or else one user. The dialect does not matter.
    """
    meant = {
        field.name: getattr(request, field.name)
        for field in dataclasses.fields(request)
        if field.name not in _NOT_MEANT
    }
    whose = ("team", grant.team) if grant is not None and grant.team else ("user", user)
    rights = (grant.cloud, grant.models) if grant is not None else (True, ())
    packed = msgspec.json.encode([VERSION, meant, runs, whose, rights], order="sorted")
    return hashlib.sha256(packed).digest()
