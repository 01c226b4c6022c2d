"""What routing may know about a request: counts and wishes, never the words of the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inhouse.gateway.names import matches
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import NO_WISHES, ChatRequest, DataPolicy, EmbedRequest, Wishes

__all__ = [
    "ANSWER_TASK",
    "EMBED_TASK",
    "REPLY_TOKENS",
    "Facts",
    "Need",
    "embed_facts",
    "estimate_tokens",
    "facts_of",
    "prompt_tokens",
    "tokens_needed",
]

Need = Literal["json_schema", "tools", "forced_tool", "vision", "logprobs", "embed"]
"""Something that an engine must be able to do for this request. `forced_tool`: an engine that only knows
schemas will do."""

ANSWER_TASK = "answer"
"""The task of answering from the company's documents."""
EMBED_TASK = "embed"

REPLY_TOKENS = 512
"""Room kept for the answer when the caller set no limit."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One request as routing sees it. `prompt_tokens` is an estimate, `reply_tokens` the room wanted.

    `cloud` False: whoever pays may not use the cloud. `bucket` 0-99 is fixed per payer and decides on
    which side of a gradual roll-out a request falls. `complexity` is 0-1 in hundredths, None where it was
    not looked at. `key` and `team` say who pays; `models` are patterns of the names it may ask for, empty
    for all. `exactly`: the house itself runs the request as this model, so no other will do.
    """

    task: str
    data: DataPolicy
    model: str | None
    prompt_tokens: int
    reply_tokens: int
    needs: frozenset[Need] = frozenset()
    wishes: Wishes = NO_WISHES
    cloud: bool = True
    bucket: int = 0
    complexity: float | None = None
    key: str = ""
    team: str = ""
    models: tuple[str, ...] = ()
    exactly: bool = False


def facts_of(
    request: ChatRequest, grant: Grant | None = None, scorer: Callable[[str, str], float] | None = None
) -> Facts:
    """The facts of a request. `scorer` judges how complex its last question is (`rules.Scorer`)."""
    return Facts(
        task=request.task,
        data=request.data,
        model=request.runs_as or request.model or None,
        prompt_tokens=prompt_tokens(request),
        reply_tokens=request.max_tokens or REPLY_TOKENS,
        needs=_needs(request),
        wishes=request.wishes,
        cloud=grant is None or grant.cloud,
        complexity=None if scorer is None else round(scorer(_question(request), request.task), 2),
        key=grant.key if grant else "",
        team=grant.team if grant else "",
        models=_names(request, grant),
        exactly=request.runs_as is not None,
    )


def _names(request: ChatRequest, grant: Grant | None) -> tuple[str, ...]:
    """The names it may ask for; none are left to check where a roll-out runs an allowed one as another."""
    if grant is None or not grant.models:
        return ()
    runs_another = request.runs_as is not None and request.model is not None
    if runs_another and any(matches(pattern, request.model or "") for pattern in grant.models):
        return ()
    return grant.models


def tokens_needed(prompt: int, reply: int) -> int:
    """The context that a request needs: its prompt, and room for a usual answer.

    How long an answer may be at most is no need: programs send 4096 or 8192 with every short question, and
    a model with less room ends its answer as cut.
    """
    return prompt + min(reply, REPLY_TOKENS)


def embed_facts(request: EmbedRequest, grant: Grant | None = None) -> Facts:
    """The facts of a wish for vectors. The longest text decides about the context, not their sum."""
    return Facts(
        task=EMBED_TASK,
        data=request.data,
        model=request.model or None,
        prompt_tokens=0 if request.truncate else max(map(estimate_tokens, request.inputs), default=0),
        reply_tokens=0,
        needs=frozenset({"embed"}),
        wishes=request.wishes,
        cloud=grant is None or grant.cloud,
        key=grant.key if grant else "",
        team=grant.team if grant else "",
        models=grant.models if grant else (),
    )


def _question(request: ChatRequest) -> str:
    """What was asked last; the turns before it were judged in their time."""
    return next((each.content for each in reversed(request.messages) if each.role == "user"), "")


IMAGE_TOKENS = 1000
"""What a picture counts for; engines take from 85 (OpenAI, low detail) to some 1,600 (Anthropic)."""


def prompt_tokens(request: ChatRequest) -> int:
    """About how many tokens the prompt is, tools and pictures included."""
    count = 0
    for each in request.messages:
        count += estimate_tokens(each.content) + 4 + IMAGE_TOKENS * len(each.images)
        for call in each.tool_calls:
            count += estimate_tokens(call.arguments) + 8
    for tool in request.tools:
        count += estimate_tokens(tool.parameters) + estimate_tokens(tool.description) + 8
    return count


def _needs(request: ChatRequest) -> frozenset[Need]:
    needs: set[Need] = set()
    if request.json_schema is not None:
        needs.add("json_schema")
    if request.tools and request.tool_choice != "none":
        needs.add("forced_tool" if request.tool_choice == "required" else "tools")
    if any(each.images for each in request.messages):
        needs.add("vision")
    if request.top_logprobs is not None:
        needs.add("logprobs")
    return frozenset(needs)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is: its UTF-8 bytes by four, rounded up.

    That is the usual four characters for English and two for Russian, where tokenizers need more.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return (size + 3) // 4
