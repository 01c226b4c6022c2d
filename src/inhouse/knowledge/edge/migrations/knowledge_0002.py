"""Access records, sources, trash, editions, layouts, erasures, glossary, evaluation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0002"
down_revision = "knowledge_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen documents and texts, create the other tables."""
    _widen()
    _create_sources()
    _create_access()
    _create_answers()


def _widen() -> None:
    for column in (
        sa.Column("readers_from", sa.Text, nullable=False, server_default=""),
        sa.Column("doubts", sa.Text, nullable=False, server_default="[]"),
        sa.Column("embedded", sa.String, nullable=False, server_default=""),
        sa.Column("family", sa.String, nullable=False, server_default=""),
        sa.Column("edition", sa.Float, nullable=False, server_default="0"),
        sa.Column("outdated", sa.Integer, nullable=False, server_default="0"),
        sa.Column("kind", sa.String, nullable=False, server_default="markdown"),
        sa.Column("cut", sa.String, nullable=False, server_default=""),
        sa.Column("trashed_at", sa.Float),
        sa.Column("final_at", sa.Float),
    ):
        op.add_column("documents", column)
    op.create_index("documents_by_family", "documents", ["family"])
    op.add_column("texts", sa.Column("layout", sa.Text, nullable=False, server_default=""))


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("readers", sa.Text, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("every_s", sa.Integer, nullable=False),
        sa.Column("paused", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("looked_at", sa.Float),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
    )


def _create_access() -> None:
    op.create_table(
        "users",
        sa.Column("user", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("left_at", sa.Float),
    )
    op.create_table(
        "groups",
        sa.Column("group", sa.String, primary_key=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    user = sa.ForeignKey("users.user", ondelete="CASCADE")
    group = sa.ForeignKey("groups.group", ondelete="CASCADE", onupdate="CASCADE")
    op.create_table(
        "memberships",
        sa.Column("user", sa.String, user, primary_key=True),
        sa.Column("group", sa.String, group, primary_key=True),
    )
    message = sa.ForeignKey("messages.message_id", ondelete="CASCADE")
    op.create_table(
        "cited",
        sa.Column("message_id", sa.String, message, primary_key=True),
        sa.Column("document_id", sa.String, primary_key=True),
    )
    op.create_index("cited_by_document", "cited", ["document_id"])
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String, primary_key=True),
        sa.Column("erased_at", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _create_answers() -> None:
    op.create_table(
        "glossary",
        sa.Column("term", sa.String, primary_key=True),
        sa.Column("meanings", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    document = sa.ForeignKey("documents.document_id", ondelete="CASCADE")
    op.create_table(
        "abbreviations",
        sa.Column("document_id", sa.String, document, primary_key=True),
        sa.Column("short", sa.String, primary_key=True),
        sa.Column("full", sa.Text, nullable=False),
        sa.Column("short_stems", sa.String, nullable=False),
        sa.Column("full_stems", sa.String, nullable=False),
    )
    op.create_index("abbreviations_by_short", "abbreviations", ["short_stems"])
    op.create_index("abbreviations_by_full", "abbreviations", ["full_stems"])
    op.create_table(
        "golden",
        sa.Column("golden_id", sa.String, primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "eval_runs",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("ran_at", sa.Float, nullable=False),
        sa.Column("data", sa.String, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
    )
