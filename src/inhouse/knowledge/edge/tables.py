"""Tables of the knowledge room. They change by migrations only (`migrations/`), never by edit alone.

Times are UNIX seconds (float). Offsets are code points. JSON columns hold small lists.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["chats", "chunks", "documents", "messages", "metadata", "revisions", "runs", "texts"]

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("path", String, nullable=False),  # below the source, `/` between parts
    Column("origin", String, nullable=False),  # the folder or file it was read from; "" for an upload
    Column("title", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),  # as the file system said; decides "unchanged"
    Column("modified_at", Float, nullable=False),  # the date shown to people
    Column("media_type", String, nullable=False),
    Column("readers", Text, nullable=False),  # JSON list of group names, sorted
    Column("status", String, nullable=False),  # kernel DocumentStatus, or `removing`
    Column("reason_code", String),
    Column("reason", Text),
    Column("pages", Text, nullable=False),  # JSON [[page, start, end], …]
    Column("chunk_count", Integer, nullable=False),
    Column("ingested_at", Float, nullable=False),
    Column("parser_version", Integer, nullable=False),
    UniqueConstraint("source", "path"),
    Index("documents_by_status", "status"),
    Index("documents_by_sha256", "sha256"),
)

texts = Table(
    "texts",
    metadata,
    Column(
        "document_id",
        String,
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("text", Text, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column(
        "document_id",
        String,
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("ordinal", Integer, primary_key=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("heading", Text, nullable=False),  # JSON list, outermost first
    Column("context", Text, nullable=False),  # indexed with the chunk, never quoted
)

runs = Table(
    "ingest_runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("summary", Text, nullable=False),
)

chats = Table(
    "chats",
    metadata,
    Column("chat_id", String, primary_key=True),
    Column("user", String, nullable=False),
    Column("title", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("chats_by_user", "user", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("chat_id", String, ForeignKey("chats.chat_id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("role", String, nullable=False),  # user | assistant
    Column("status", String, nullable=False),  # done | running | cancelled | failed | interrupted
    Column("text", Text, nullable=False),
    Column("answer", Text),  # the whole answer document as JSON
    Column("created_at", Float, nullable=False),
    UniqueConstraint("chat_id", "ordinal"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("subject", String, primary_key=True),  # documents | chats
    Column("count", Integer, nullable=False),  # grows with every change, so that pages know to reload
)
