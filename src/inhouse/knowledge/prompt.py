"""What a model is told when it answers from documents.

The words stand in versioned files, one for each task and language (`prompts/`); the receipt names the
version. A home may bring its own file: its version then carries a fingerprint, so that two wordings never
share a name.

Document text is data. It stands between marks, each sentence behind its id, and the instruction says so;
what a document "orders" has no other effect, because the model has no tools here and every sentence that
it writes is checked against the source it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from inhouse.kernel.documents import Passage
from inhouse.kernel.messages import ChatMessage
from inhouse.knowledge.cite import Source
from inhouse.knowledge.plain import plain
from inhouse.knowledge.ports import Turn
from inhouse.knowledge.stream import UNSEEN
from inhouse.knowledge.words import Language

__all__ = [
    "NO_ANSWER",
    "Prompt",
    "PromptTask",
    "Prompts",
    "answer_messages",
    "read_prompt",
    "rewrite_messages",
]

NO_ANSWER = "NO_ANSWER"
TURNS_KEPT = 3
PromptTask = Literal["answer", "rewrite"]
_VERSION = re.compile(r"version:\s*([\w.-]{1,20})\s*\n\s*\n")
_MARKS = re.compile(
    r"[<＜‹˂〈]\s*[/／]?\s*[sѕ][oо]ur[cс][eе]\b[^>]*>?|[\[［]\s*[SЅＳ]\d+(?:\.\d+)?"
    r"|\b[SЅＳ]\d+\.\d+\s*:|\bNO_ANSWER\b",
    re.IGNORECASE,
)
"""What could end a source early, pass for an id or refuse in the model's place, look-alikes too."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The words of one task in one language. `name` is what a receipt shows: `answer.en@2`."""

    name: str
    text: str


Prompts = Mapping[tuple[PromptTask, Language], Prompt]


def read_prompt(task: PromptTask, language: Language, content: str, *, own: str = "") -> Prompt:
    """A prompt file: `version: N`, an empty line, the words. `own` is the fingerprint of a home's own file.

    Raises:
        ValueError: if there is no version or no text.
    """
    head = _VERSION.match(content)
    if head is None or not content[head.end() :].strip():
        raise ValueError(f"{task}.{language} must begin with `version: N` and an empty line, then the words")
    text = content[head.end() :].strip().replace("{no_answer}", NO_ANSWER)
    return Prompt(f"{task}.{language}@{head[1]}" + (f"+{own}" if own else ""), text)


def answer_messages(
    question: str,
    prompt: Prompt,
    *,
    passages: Sequence[Passage],
    sources: Mapping[str, Source],
    history: Sequence[Turn] = (),
) -> tuple[ChatMessage, ...]:
    """The conversation for the model: rules and sources, the last turns, the question."""
    parts = [prompt.text, ""]
    for number, passage in enumerate(passages, start=1):
        title = _harmless(plain(" › ".join((passage.title, *passage.heading)))).replace('"', "'")
        date = datetime.fromtimestamp(passage.modified_at, UTC).date().isoformat()
        old = " superseded=yes" if passage.superseded else ""
        parts.append(f'<source id=S{number} title="{title}" date={date}{old}>')
        prefix = f"S{number}."
        parts.extend(
            f"{name}: {_harmless(' '.join(source.text.split()))}"
            for name, source in sources.items()
            if name.startswith(prefix)
        )
        parts.append("</source>")
    messages = [ChatMessage("system", "\n".join(parts))]
    for turn in history[-TURNS_KEPT:]:
        messages.append(ChatMessage("user", _harmless(turn.question)))
        messages.append(ChatMessage("assistant", _harmless(turn.answer)))
    messages.append(ChatMessage("user", _harmless(question)))
    return tuple(messages)


def rewrite_messages(question: str, prompt: Prompt, history: Sequence[Turn]) -> tuple[ChatMessage, ...]:
    """The conversation as one text, so that the model has nothing to answer."""
    lines = [f"- {turn.question}\n  {turn.answer[:300]}" for turn in history[-TURNS_KEPT:]]
    talk = _harmless("\n".join([*lines, f"- {question}"]))
    return (ChatMessage("system", prompt.text), ChatMessage("user", talk))


def _harmless(text: str) -> str:
    """Document words that cannot pass for our marks, without characters that nobody sees."""
    return _MARKS.sub(lambda mark: mark.group().translate(_HARMLESS), UNSEEN.sub("", text))


_HARMLESS = str.maketrans(
    {"<": "‹", "＜": "‹", "˂": "‹", "〈": "‹", "[": "(", "［": "(", ":": " ", "_": " ", ".": "·"}
)
