"""Roll-outs, and samples of quality."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gateway_0004"
down_revision = "gateway_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Roll-outs, and samples of quality."""
    op.create_table(
        "rollouts",
        sa.Column("name", sa.String, primary_key=True),  # the requested name whose requests are divided
        sa.Column("state", sa.Text, nullable=False),  # JSON: see gateway.rollout
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),  # shadow, judge, person, gate
        sa.Column("name", sa.String, nullable=False),  # the roll-out or the task
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("facts", sa.Text, nullable=False),  # JSON of numbers, never of words
    )
    op.create_index("samples_by_name", "samples", ["name", "at"])
