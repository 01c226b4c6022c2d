"""The house's own outcomes: pairs of a weaker and a stronger model, by task, without words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inhouse.gateway.edge.outcomes import own_outcomes
from inhouse.gateway.edge.rollout_book import SqlRolloutBook
from inhouse.gateway.edge.tables import ledger
from inhouse.gateway.gap_model import Outcome
from inhouse.store.database import Database
from tests.gateway.house import open_database


def asked(database: Database, request_id: str, **more: object) -> None:
    """One row of the ledger."""
    row: dict[str, Any] = {  # Any: columns of every type
        column.name: {"VARCHAR": "", "TEXT": "", "FLOAT": 0.0, "INTEGER": 0, "BOOLEAN": False}[
            str(column.type)
        ]
        for column in ledger.columns
        if not column.nullable
    }
    row |= {
        "entry": request_id,
        "request_id": request_id,
        "model": "phi3",
        "task": "summary",
        "outcome": "ok",
    }
    with database.write() as connection:
        connection.execute(ledger.insert().values(row | more))


def test_pairs_are_sorted_into_weak_and_strong(tmp_path: Path) -> None:
    """Whichever side was tried out, the larger model's score is the strong one; of two alike neither is."""
    database = open_database(tmp_path)
    book = SqlRolloutBook(database, lambda: 0)
    asked(database, "up")
    asked(database, "down", model="qwen2.5:32b", task="chat")
    asked(database, "alike")
    asked(database, "failed", outcome="failed")
    book.keep_pair("phi3", "up", "qwen2.5:32b", (0.2, 0.9), 1.0)
    book.keep_pair("qwen2.5:32b", "down", "phi3", (0.8, 0.5), 2.0)
    book.keep_pair("phi3", "alike", "llama3.2", (0.1, 0.9), 3.0)
    book.keep_pair("phi3", "failed", "qwen2.5:32b", (0.0, 1.0), 4.0)
    book.keep_pair("phi3", "unknown request", "qwen2.5:32b", (0.0, 1.0), 5.0)
    assert own_outcomes(database) == (Outcome("", "chat", 0.5, 0.8), Outcome("", "summary", 0.2, 0.9))
    database.close()


def test_a_persons_pick_counts_once(tmp_path: Path) -> None:
    """A pick is one outcome; a draw is a half for both."""
    database = open_database(tmp_path)
    book = SqlRolloutBook(database, lambda: 0)
    book.keep_pick("letters", ("phi3", "qwen2.5:32b"), "qwen2.5:32b", 1.0)
    book.keep_pick("letters", ("qwen2.5:32b", "phi3"), None, 2.0)
    book.keep_pick("letters", ("phi3", "llama3.2"), "phi3", 3.0)
    assert own_outcomes(database) == (Outcome("", "letters", 0.5, 0.5), Outcome("", "letters", 0.0, 1.0))
    database.close()
