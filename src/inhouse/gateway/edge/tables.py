"""Tables of the gateway room. They change by migrations only (`migrations/`), never by edit alone.

Times are UNIX seconds (float), money is integer micro-units or NULL when the price is unknown.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

__all__ = ["api_keys", "ledger", "metadata", "rollouts", "samples"]

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
    Column("key", String, nullable=False, server_default=""),
    Column("team", String, nullable=False, server_default=""),
    Column("requested", String),
    Column("cache_write_tokens", Integer, nullable=False, server_default="0"),
    Column("reasoning_tokens", Integer, nullable=False, server_default="0"),
    Column("saved_micros", Integer),
    Index("ledger_by_request", "request_id"),
    # Holds all that is added up, so that sums never read the rows: 1 M rows in under a second.
    Index(
        "ledger_for_sums",
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
    ),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),  # public part, shown in lists and in the ledger
    Column("digest", String, nullable=False, unique=True),  # SHA-256 of the secret, hex
    Column("name", String, nullable=False),
    Column("user", String, nullable=False),
    Column("team", String, nullable=False),
    Column("grant", Text, nullable=False),  # JSON: scopes, models, cloud, limits
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("name", String, primary_key=True),  # the requested name whose requests are divided
    Column("state", Text, nullable=False),  # JSON: see gateway.rollout
    Column("changed_at", Float, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),  # shadow, judge, person, gate
    Column("name", String, nullable=False),  # the roll-out or the task
    Column("request_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("score", Float),
    Column("facts", Text, nullable=False),  # JSON of numbers, never of words
    Index("samples_by_name", "name", "at"),
)
