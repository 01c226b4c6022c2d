"""The ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gateway_0001"
down_revision = None
branch_labels = ("gateway",)
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "ledger",
        sa.Column("entry", sa.String, primary_key=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("task", sa.String, nullable=False),
        sa.Column("engine", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("code", sa.String),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("cached_tokens", sa.Integer, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost_micros", sa.Integer),
        sa.Column("first_token_ms", sa.Float),
        sa.Column("total_ms", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ledger_by_start", "ledger", ["started_at"])
    op.create_index("ledger_by_request", "ledger", ["request_id"])
