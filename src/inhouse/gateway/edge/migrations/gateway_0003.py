"""API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gateway_0003"
down_revision = "gateway_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """API keys."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String, primary_key=True),  # public part, shown in lists and in the ledger
        sa.Column("digest", sa.String, nullable=False, unique=True),  # SHA-256 of the secret, hex
        sa.Column("name", sa.String, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("team", sa.String, nullable=False),
        sa.Column("grant", sa.Text, nullable=False),  # JSON: scopes, models, cloud, limits
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float),
        sa.Column("revoked_at", sa.Float),
    )
