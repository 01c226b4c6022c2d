"""What routing may know about a request: counts and wishes, never the words of the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inhouse.kernel.messages import ChatRequest, DataPolicy

__all__ = ["ANSWER_TASK", "Facts", "Need", "estimate_tokens", "facts_of"]

Need = Literal["json_schema"]
"""Something that an engine must be able to do for this request."""

ANSWER_TASK = "answer"
"""The task of answering from the company's documents."""

REPLY_TOKENS = 512
"""Room kept for the answer when the caller set no limit."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One request as routing sees it. `prompt_tokens` is an estimate, `reply_tokens` the room wanted."""

    task: str
    data: DataPolicy
    model: str | None
    prompt_tokens: int
    reply_tokens: int
    needs: frozenset[Need] = frozenset()


def facts_of(request: ChatRequest) -> Facts:
    """The facts of a request."""
    return Facts(
        task=request.task,
        data=request.data,
        model=request.model or None,
        prompt_tokens=sum(estimate_tokens(each.content) + 4 for each in request.messages),
        reply_tokens=request.max_tokens or REPLY_TOKENS,
        needs=frozenset({"json_schema"}) if request.json_schema is not None else frozenset(),
    )


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is: its UTF-8 bytes by four, rounded up.

    That is the usual four characters for English and two for Russian, where tokenizers need more.
    """
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4
