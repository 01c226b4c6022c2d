"""Lets a model say what a follow-up question leans on: "and for interns?" of "how many days do I get?".

Only a help: the rules of `knowledge.followup` have found the earlier question already, and whatever the model
does wrong (late, silent, inventive) leaves theirs in force. Its words are searched for, never shown.
"""

from __future__ import annotations

import asyncio
import contextlib

from inhouse.kernel.errors import EngineError, NoEngine, OverBudget, RateLimited
from inhouse.kernel.messages import ChatRequest, Failed, TextDelta
from inhouse.kernel.ports import ChatModel
from inhouse.knowledge.ports import AskRequest
from inhouse.knowledge.prompt import Prompts, rewrite_messages
from inhouse.knowledge.words import Vocabulary, language_of

__all__ = ["Rewriter", "usable"]

PATIENCE_S = 4.0
"""A person waits for the first source card meanwhile."""
MOST_TOKENS, MOST_CHARACTERS = 80, 400
OWN_WORDS = 0.34
"""At most a third of the words may be new: more is an answer or an invention, not the question."""


class Rewriter:
    """Asks the house's model for a question that stands alone."""

    def __init__(self, model: ChatModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts

    async def rewrite(
        self, request: AskRequest, vocabulary: Vocabulary, *, request_id: str, user: str
    ) -> str | None:
        """The question in words of its own; None when no model gave a usable one in time."""
        prompt = self._prompts["rewrite", language_of(request.question)]
        chat = ChatRequest(
            messages=rewrite_messages(request.question, prompt, request.history),
            task="answer",
            max_tokens=MOST_TOKENS,
            temperature=0.0,
        )
        if not self._model.ready(chat):
            return None
        said = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                stream = await self._model.open(chat, request_id=request_id, user=user)
                async with contextlib.aclosing(stream):
                    async for event in stream:
                        if isinstance(event, Failed):
                            return None
                        said += event.text if isinstance(event, TextDelta) else ""
        except (TimeoutError, NoEngine, OverBudget, RateLimited, EngineError):
            return None
        return said.strip() if usable(said, request, vocabulary) else None


def usable(said: str, request: AskRequest, vocabulary: Vocabulary) -> bool:
    """True when the rewritten question is made of words of the conversation."""
    said = said.strip()
    if not said or "\n" in said or len(said) > MOST_CHARACTERS:
        return False
    talk = " ".join([request.question, *(f"{turn.question} {turn.answer}" for turn in request.history)])
    known = frozenset(vocabulary.stems(talk)) | vocabulary.stops
    stems = [stem for stem in vocabulary.stems(said) if stem not in vocabulary.stops]
    return bool(stems) and sum(stem not in known for stem in stems) <= OWN_WORDS * len(stems)
