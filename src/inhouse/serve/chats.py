"""`/app/chats`: conversations of the caller, and a way to take one along."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import Field, JsonValue

from inhouse.serve.bodies import Body
from inhouse.serve.callers import CallerOf
from inhouse.serve.document_shapes import ChatDetailShape, ChatRows, ChatShape, MessageShape, chat_detail
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router

__all__ = ["chat_as_markdown", "chat_routes"]


class RenameBody(Body):
    """A new title."""

    title: str = Field(min_length=1, max_length=200, pattern=r"\S")


def chat_routes(parts: Parts) -> APIRouter:
    """List, open, rename, remove, export."""
    routes = open_router()

    @routes.get("/app/chats")
    def chats(caller: CallerOf, q: str = Query("", max_length=1000)) -> ChatRows:
        """Chats whose title or messages contain `q`, newest first."""
        revision = parts.chats.revision(caller)
        rows = tuple(ChatShape.model_validate(chat) for chat in parts.chats.list(caller, query=q))
        return ChatRows(chats=rows, revision=revision)

    @routes.get("/app/chats/{chat_id}")
    def chat(chat_id: str, caller: CallerOf) -> ChatDetailShape:
        """One chat with its messages, oldest first."""
        return chat_detail(parts.chats.get(caller, chat_id))

    @routes.patch("/app/chats/{chat_id}")
    def rename(chat_id: str, body: RenameBody, caller: CallerOf) -> ChatShape:
        """Give a chat another title."""
        parts.chats.rename(caller, chat_id, body.title.strip())
        return ChatShape.model_validate(parts.chats.get(caller, chat_id).chat)

    @routes.delete("/app/chats/{chat_id}", status_code=204)
    def remove(chat_id: str, caller: CallerOf) -> None:
        """Forget a chat and its messages."""
        parts.chats.remove(caller, chat_id)

    @routes.get("/app/chats/{chat_id}/export", response_class=Response)
    def export(chat_id: str, caller: CallerOf, format: Literal["md", "json"] = "md") -> Response:  # noqa: A002
        """The chat as a file: Markdown to read, JSON to process."""
        detail = chat_detail(parts.chats.get(caller, chat_id))
        if format == "md":
            content, media_type = chat_as_markdown(detail), "text/markdown; charset=utf-8"
        else:
            content, media_type = detail.model_dump_json(indent=2), "application/json"
        name = quote(f"{detail.title[:80]}.{format}", safe="")
        disposition = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(content.encode(), media_type=media_type, headers=disposition)

    return routes


def chat_as_markdown(detail: ChatDetailShape) -> str:
    """The chat to read or to paste: questions as headings, quotes under each answer."""
    lines = [f"# {detail.title}", ""]
    for message in detail.messages:
        if message.role == "user":
            lines += [f"## {' '.join(message.text.split())}", ""]
        else:
            lines += [message.text or f"({message.status})", "", *_quotes(message)]
    return "\n".join(lines).rstrip() + "\n"


def _quotes(message: MessageShape) -> list[str]:
    """Each verified quote once, with its document and page, then what no source carries.

    The kept answer may be of an older version.
    """
    lines: list[str] = []
    doubtful: list[str] = []
    for sentence in _list(message.answer, "sentences"):
        if isinstance(sentence, dict) and sentence.get("supported") is False:
            doubtful += [f"> **Not confirmed by any source:** {sentence.get('text', '')}", ""]
        for citation in _list(sentence, "citations"):
            if isinstance(citation, dict) and citation.get("verified") is not False:
                page = f", p. {citation['page']}" if citation.get("page") else ""
                quote_text = " ".join(str(citation.get("quote", "")).split())
                line = f"> {quote_text} — *{citation.get('document', '')}{page}*"
                if line not in lines:
                    lines += [line, ""]
    return lines + doubtful


def _list(value: JsonValue, key: str) -> list[JsonValue]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
