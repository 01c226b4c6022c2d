"""What counts as a question, for the API and the terminal alike."""

from __future__ import annotations

from inhouse.kernel.errors import BadRequest

__all__ = ["check_question"]


def check_question(question: str, *, max_chars: int) -> str:
    """The question without space around it.

    Raises:
        BadRequest: if it is empty, too long, no text, or has no letter and no digit.
    """
    text = question.strip()
    if not text:
        raise BadRequest("The question is empty", hint="write what you want to know")
    if len(text) > max_chars:
        raise BadRequest(
            f"The question has {len(text):,} characters, the limit is {max_chars:,}",
            hint="shorten it, or take a long text in as a document",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        # A terminal hands on bytes that are no UTF-8 as halves of characters.
        raise BadRequest("The question is not valid UTF-8 text", hint="write it in UTF-8") from None
    if not any(character.isalnum() for character in text):
        raise BadRequest("The question has no word in it", hint="write what you want to know")
    return text
