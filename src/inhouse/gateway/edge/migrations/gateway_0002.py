"""Who paid, what was asked for, and what it saved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gateway_0002"
down_revision = "gateway_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who paid, what was asked for, and what it saved."""
    op.add_column("ledger", sa.Column("key", sa.String, nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("team", sa.String, nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("requested", sa.String))
    op.add_column("ledger", sa.Column("cache_write_tokens", sa.Integer, nullable=False, server_default="0"))
    op.add_column("ledger", sa.Column("reasoning_tokens", sa.Integer, nullable=False, server_default="0"))
    op.add_column("ledger", sa.Column("saved_micros", sa.Integer))
    # All that is added up stands in this index, so sums never read the rows; it begins as the old one did.
    op.drop_index("ledger_by_start", "ledger")
    op.create_index(
        "ledger_for_sums",
        "ledger",
        [
            "started_at",
            "place",
            "engine",
            "model",
            "key",
            "user",
            "team",
            "task",
            "outcome",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cost_micros",
            "saved_micros",
        ],
    )
