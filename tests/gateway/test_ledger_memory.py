"""Moving the journal takes the memory of a slice of it, however much is there."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.gateway.edge import ledger_mover
from inhouse.gateway.edge.journal import Journal, Record, read_records
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.ports import Within
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from tests.gateway.house import open_database

USED = EngineUsed("ollama", "qwen", "local", "first in the order")
REQUESTS = 4_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A journal of 4,000 requests, about what a second of full load leaves."""
    journal = Journal(tmp_path / "journal", clock=time.time, stopwatch=time.monotonic)
    for number in range(REQUESTS):
        entry = journal.open(request_id=f"req_{number:020d}", user="anna", task="chat", requested="qwen")
        entry.close("ok", USED, Usage(100, 50))
    yield tmp_path / "journal"
    journal.stop()


def peak_of_moving(folder: Path) -> int:
    """The most bytes that Python held for moving all of the journal."""
    database = open_database(folder.parent)
    ledger = SqlLedger(database, folder)
    tracemalloc.start()
    try:
        assert ledger.move() == REQUESTS
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (total,) = ledger.sums("engine", Within())
    assert (total.requests, total.input_tokens) == (REQUESTS, 100 * REQUESTS)
    database.close()
    return peak


@pytest.mark.slow
def test_moving_takes_little_memory(folder: Path) -> None:
    """Two MB at most are held at once for 4,000 requests, all of which are moved."""
    assert peak_of_moving(folder) < 2_000_000


@pytest.mark.slow
def test_moving_all_at_once_takes_much_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same requests in one slice take several times as much."""
    monkeypatch.setattr(ledger_mover, "SLICE_BYTES", 1 << 30)
    assert peak_of_moving(folder) > 4_000_000


def test_slices_end_at_whole_records(folder: Path) -> None:
    """Slices of any size hold all records in order, each once, and at least one each."""
    (path,) = folder.iterdir()
    whole = read_records(path)
    for most_bytes in (1, 1_000, 65_536):
        records: list[Record] = []
        offset, slices = 0, 0
        while offset < whole.end and slices < 200:
            stretch = read_records(path, offset, most_bytes=most_bytes)
            assert stretch.end > offset
            records += stretch.records
            offset, slices = stretch.end, slices + 1
        assert records == list(whole.records[: len(records)])
        assert len(records) >= min(200, len(whole.records))
