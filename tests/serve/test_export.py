"""A chat as Markdown: what is proved stands with its quote, what is not is said to be so."""

from __future__ import annotations

from pydantic import JsonValue

from inhouse.serve.chats import chat_as_markdown
from inhouse.serve.document_shapes import ChatDetailShape, MessageShape


def test_doubt_is_exported_too() -> None:
    """A verified quote is listed once; an unverified one is no proof; its sentence is named."""
    quote: dict[str, JsonValue] = {"document": "hr.md", "page": 2, "quote": "28 days", "verified": True}
    sentences: list[JsonValue] = [
        {"text": "Leave is 28 days.", "supported": True, "citations": [quote, quote]},
        {"text": "It is 35.", "supported": False, "citations": [{**quote, "quote": "x", "verified": False}]},
    ]
    answer = MessageShape(
        message_id="m",
        role="assistant",
        status="done",
        text="Leave is 28 days. It is 35.",
        answer={"sentences": sentences},
        created_at=1.0,
    )
    chat = ChatDetailShape(chat_id="c", title="Leave", created_at=1.0, updated_at=1.0, messages=(answer,))
    written = chat_as_markdown(chat)
    assert written.count("> 28 days — *hr.md, p. 2*") == 1
    assert "> x" not in written
    assert "> **Not confirmed by any source:** It is 35." in written
