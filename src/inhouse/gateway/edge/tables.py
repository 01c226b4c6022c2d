"""Tables of the gateway room. They change by migrations only (`migrations/`), never by edit alone.

Times are UNIX seconds (float), money is integer micro-units or NULL when the price is unknown.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

__all__ = ["ledger", "metadata"]

metadata = MetaData()

ledger = Table(
    "ledger",
    metadata,
    Column("entry", String, primary_key=True),  # of the journal; a request may have several
    Column("request_id", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("user", String, nullable=False),
    Column("task", String, nullable=False),
    Column("engine", String, nullable=False),
    Column("model", String),
    Column("place", String, nullable=False),  # kernel Where; `where` is a word of SQL
    Column("outcome", String, nullable=False),  # kernel Outcome
    Column("code", String),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost_micros", Integer),
    Column("first_token_ms", Float),
    Column("total_ms", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ledger_by_start", "started_at"),
    Index("ledger_by_request", "request_id"),
)
