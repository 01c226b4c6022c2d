"""JSON shapes of documents, of their ingest, and of chats."""

from __future__ import annotations

import re

from pydantic import JsonValue, TypeAdapter

from inhouse.knowledge import ports
from inhouse.serve.shapes import Shape

__all__ = [
    "BoxesShape",
    "ChatDetailShape",
    "ChatRows",
    "ChatShape",
    "DocumentDetail",
    "DocumentRow",
    "DocumentRows",
    "JobId",
    "JobShape",
    "MessageShape",
    "OutcomeShape",
    "PageShape",
    "ProgressShape",
    "ReportShape",
    "ReportSummary",
    "chat_detail",
    "document_detail",
    "document_row",
    "message",
]


_LOOK = re.compile(r'\{"type":"(\w+)"')


class PageShape(Shape):
    page: int
    start: int
    end: int


class DocumentRow(Shape):
    document_id: str
    document: str
    source: str
    title: str
    media_type: str
    size_bytes: int
    sha256: str
    status: str
    reason_code: str | None
    reason: str | None
    groups: tuple[str, ...]
    page_count: int
    chunk_count: int
    modified_at: float
    ingested_at: float


class DocumentDetail(DocumentRow):
    """What `documents show --json` prints. `text` is the base of every offset."""

    pages: tuple[PageShape, ...]
    pictured: bool = False
    """Its pages can be shown as pictures (`/pages/N/image`)."""
    look: str | None = None
    """`sheets`, `slides` or `mail` when `/layout` tells how it looks."""
    text: str


class DocumentRows(Shape):
    documents: tuple[DocumentRow, ...]
    total: int
    revision: int


def document_row(record: ports.DocumentRecord) -> DocumentRow:
    """A line of the list of documents."""
    return DocumentRow(
        document_id=record.document_id,
        document=record.document,
        source=record.source,
        title=record.title,
        media_type=record.media_type,
        size_bytes=record.size_bytes,
        sha256=record.sha256,
        status=record.status,
        reason_code=record.reason_code,
        reason=record.reason,
        groups=record.readers,
        page_count=len(record.pages),
        chunk_count=record.chunk_count,
        modified_at=record.modified_at,
        ingested_at=record.ingested_at,
    )


def document_detail(record: ports.DocumentRecord, text: str, layout: str = "") -> DocumentDetail:
    """A document with its text, where its pages are in it, and how it can be shown."""
    look = _LOOK.match(layout)
    return DocumentDetail(
        **document_row(record).model_dump(),
        pages=tuple(PageShape.model_validate(page) for page in record.pages),
        pictured=record.media_type == "application/pdf" or record.media_type.startswith("image/"),
        look=look[1] if look else None,
        text=text,
    )


class ProgressShape(Shape):
    job_id: str
    state: str
    source: str
    total_files: int
    done_files: int
    total_bytes: int
    done_bytes: int
    elapsed_s: float
    eta_s: float | None
    current: str
    error: str | None
    error_code: str | None


class OutcomeShape(Shape):
    document: str
    source: str
    action: str
    document_id: str | None
    reason_code: str | None
    reason: str | None
    size_bytes: int


class ReportSummary(Shape):
    job_id: str
    state: str
    added: int
    updated: int
    unchanged: int
    removed: int
    empty: int
    refused: int
    elapsed_s: float
    notes: tuple[str, ...]
    trashed: int = 0
    restored: int = 0
    moved: int = 0
    refiled: int = 0


class ReportShape(ReportSummary):
    """What `ingest --json` prints. `outcomes` leaves out the unchanged files."""

    outcomes: tuple[OutcomeShape, ...]


class JobShape(Shape):
    progress: ProgressShape
    report: ReportShape | None


class JobId(Shape):
    job_id: str


class BoxesShape(Shape):
    boxes: tuple[tuple[float, float, float, float], ...]


_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class ChatShape(Shape):
    chat_id: str
    title: str
    created_at: float
    updated_at: float


class ChatRows(Shape):
    chats: tuple[ChatShape, ...]
    revision: int


class MessageShape(Shape):
    """`answer` is the ask document as it was kept; of a stopped or failed answer its `answer`, `sentences`
    and `passages` so far, null when there was nothing yet."""

    message_id: str
    role: str
    status: str
    text: str
    answer: JsonValue
    created_at: float


class ChatDetailShape(ChatShape):
    messages: tuple[MessageShape, ...]


def message(kept: ports.Message) -> MessageShape:
    """A message; the kept answer is passed on as it is, whatever version wrote it."""
    answer: JsonValue = _JSON.validate_json(kept.answer_json) if kept.answer_json else None
    return MessageShape(
        message_id=kept.message_id,
        role=kept.role,
        status=kept.status,
        text=kept.text,
        answer=answer,
        created_at=kept.created_at,
    )


def chat_detail(detail: ports.ChatDetail) -> ChatDetailShape:
    """A chat with its messages, oldest first."""
    head = ChatShape.model_validate(detail.chat)
    return ChatDetailShape(**head.model_dump(), messages=tuple(message(one) for one in detail.messages))
