"""Keeps the words of a request out of the errors that engines make of it.

Some engines quote the prompt in their error. The caller may read that, but errors are logged and stand in
the ledger, and what people ask stands in neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from inhouse.kernel.errors import EngineError
from inhouse.kernel.messages import ChatRequest, EmbedRequest

__all__ = ["hushed", "texts_of", "unquoted"]

QUOTE_CHARS = 12
"""A stretch of the request this long is a quote: shorter ones ("the model") stand in any error by chance."""
SHORT_CHARS = 8
"""A whole line this short is a quote, too."""
HIDDEN = "[not shown]"


def hushed(error: EngineError, request: ChatRequest | EmbedRequest) -> EngineError:
    """The same error, with every quote of the request taken out of its message."""
    message = unquoted(error.message, texts_of(request))
    if message != error.message:
        error.message = message
        error.args = (message,)
    return error


def texts_of(request: ChatRequest | EmbedRequest) -> tuple[str, ...]:
    """Everything that a person may have written in it."""
    if isinstance(request, EmbedRequest):
        return request.inputs
    found: list[str] = []
    for turn in request.messages:
        found += [turn.content, turn.reasoning, *(call.arguments for call in turn.tool_calls)]
    return tuple(text for text in found if text)


def unquoted(message: str, texts: Iterable[str]) -> str:
    """The message with each stretch of 12 or more characters that stands in one of the texts replaced.

    Case and spaces are what they are in both; engines that quote do so literally, but for JSON's escapes
    of line ends, so lines are looked for one by one. Time: O(length of message x length of texts), 500
    characters against 34 KB in some milliseconds, on the way of errors only.
    """
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    hidden = [False] * len(message)
    for at in range(len(message) - QUOTE_CHARS + 1):
        piece = message[at : at + QUOTE_CHARS]
        if any(piece in line for line in lines):
            hidden[at : at + QUOTE_CHARS] = [True] * QUOTE_CHARS
    # A short prompt may be quoted whole, too.
    for line in (each.strip() for each in lines):
        if SHORT_CHARS <= len(line) < QUOTE_CHARS:
            at = message.find(line)
            while at >= 0:
                hidden[at : at + len(line)] = [True] * len(line)
                at = message.find(line, at + 1)
    shown: list[str] = []
    for at, character in enumerate(message):
        if not hidden[at]:
            shown.append(character)
        elif at == 0 or not hidden[at - 1]:
            shown.append(HIDDEN)
    return "".join(shown)
