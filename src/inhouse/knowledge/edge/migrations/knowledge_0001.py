"""Documents, their texts and chunks, ingest runs, chats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0001"
down_revision = None
branch_labels = ("knowledge",)
depends_on = None


def _document_key() -> sa.Column[str]:
    owner = sa.ForeignKey("documents.document_id", ondelete="CASCADE")
    return sa.Column("document_id", sa.String, owner, primary_key=True)


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("mtime_ns", sa.Integer, nullable=False),
        sa.Column("modified_at", sa.Float, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("readers", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason_code", sa.String),
        sa.Column("reason", sa.Text),
        sa.Column("pages", sa.Text, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
        sa.Column("ingested_at", sa.Float, nullable=False),
        sa.Column("parser_version", sa.Integer, nullable=False),
        sa.UniqueConstraint("source", "path"),
    )
    op.create_index("documents_by_status", "documents", ["status"])
    op.create_index("documents_by_sha256", "documents", ["sha256"])
    op.create_table("texts", _document_key(), sa.Column("text", sa.Text, nullable=False))
    op.create_table(
        "chunks",
        _document_key(),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("heading", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
    )
    op.create_table(
        "ingest_runs",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("summary", sa.Text, nullable=False),
    )
    op.create_table(
        "chats",
        sa.Column("chat_id", sa.String, primary_key=True),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
    )
    op.create_index("chats_by_user", "chats", ["user", "updated_at"])
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("chat_id", sa.String, sa.ForeignKey("chats.chat_id", ondelete="CASCADE"), nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("chat_id", "ordinal"),
    )
    op.create_table(
        "revisions",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
