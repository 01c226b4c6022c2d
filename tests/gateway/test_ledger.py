"""What the ledger adds up: by anything, by days of the house, one request whole, money worked out again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from inhouse.gateway.edge import ledger_mover
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.journal_file import Bodies, read_bodies
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.ports import Grouping, LedgerRow, Within
from inhouse.gateway.till import Charge
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed, Outcome
from inhouse.store.database import Database
from tests.gateway.house import open_database

QWEN = EngineUsed("ollama", "Qwen", "local", "first in the order")
CLAUDE = EngineUsed("anthropic", "claude", "cloud", "asked for")
NOBODY = EngineUsed("none", None, "none", "no model")
MIDNIGHT = datetime(2026, 11, 16, tzinfo=UTC).timestamp()
"""A Monday."""


class Clock:
    """Seconds that pass when told to."""

    now = MIDNIGHT

    def __call__(self) -> float:
        return self.now


class Books:
    """A journal, and ledgers over it."""

    def __init__(self, home: Path, database: Database) -> None:
        self.clock = Clock()
        self.folder = home / "journal"
        self.journal = Journal(self.folder, clock=self.clock, stopwatch=self.clock)
        self.database = database
        self.ledger = SqlLedger(database, self.folder)

    def wrote(
        self,
        used: EngineUsed,
        usage: Usage,
        cost: int | None,
        *,
        saved: int | None = None,
        after_s: float = 0.0,
        outcome: Outcome = "ok",
        user: str = "anna",
        key: str = "",
        team: str = "",
        request_id: str = "r",
    ) -> None:
        """One row that began so many seconds after midnight."""
        self.clock.now = MIDNIGHT + after_s
        entry = self.journal.open(request_id=request_id, user=user, task="chat", key=key, team=team)
        entry.close(outcome, used, usage, cost_micros=cost, saved_micros=saved)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Books of a new home."""
    database = open_database(tmp_path)
    opened = Books(tmp_path, database)
    yield opened
    opened.journal.stop()
    database.close()


def fill(books: Books) -> None:
    """Five rows over nine days; the failed one says that it saved, which does not count."""
    books.wrote(QWEN, Usage(100, 50, 20), 30, saved=900, key="k1", team="sales")
    books.wrote(QWEN, Usage(10, 5), None, saved=70, after_s=3600, user="boris", outcome="failed")
    books.wrote(CLAUDE, Usage(200, 100), 4000, after_s=23 * 3600, key="k1", team="sales")
    books.wrote(CLAUDE, Usage(1, 1), None, after_s=86_400 * 2, user="boris")
    books.wrote(NOBODY, Usage(0, 0), 0, after_s=86_400 * 8)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("engine", ["anthropic", "ollama", "none"]),
        ("model", ["Qwen", "claude", "-"]),
        ("where", ["cloud", "local", "none"]),
        ("user", ["anna", "boris"]),
        ("key", ["-", "k1"]),
        ("team", ["-", "sales"]),
        ("task", ["chat"]),
        ("day", ["2026-11-16", "2026-11-18", "2026-11-24"]),
        ("week", ["2026-11-16", "2026-11-23"]),
    ],
)
def test_sums_by_anything(books: Books, by: Grouping, names: list[str]) -> None:
    """Every row is in exactly one sum; times in their order, the rest most requests first."""
    fill(books)
    sums = books.ledger.sums(by, Within())
    assert [each.name for each in sums] == names
    assert sum(each.requests for each in sums) == 5
    assert sum(each.cost_micros for each in sums) == 4030
    assert sum(each.unpriced for each in sums) == 2
    assert sum(each.saved_micros for each in sums) == 900


def test_one_sum_whole(books: Books) -> None:
    """Local and cloud money apart; a local answer without a known saving is counted as such."""
    fill(books)
    books.wrote(QWEN, Usage(0, 0), None, outcome="partial")
    books.wrote(QWEN, Usage(0, 0), 0, saved=0, outcome="failed")
    books.wrote(QWEN, Usage(0, 0), 0, saved=3, outcome="cancelled")
    local = next(each for each in books.ledger.sums("where", Within()) if each.name == "local")
    assert (local.requests, local.failed, local.local) == (5, 3, 2)
    assert (local.input_tokens, local.output_tokens, local.cached_tokens) == (110, 55, 20)
    assert (local.cost_micros, local.cloud_cost_micros, local.local_cost_micros) == (30, 0, 30)
    assert (local.unpriced, local.saved_micros, local.unsaved) == (2, 900, 1)
    assert books.ledger.totals()[0].saved_micros == 900
    cloud = next(each for each in books.ledger.sums("where", Within()) if each.name == "cloud")
    assert (cloud.cloud_cost_micros, cloud.local_cost_micros, cloud.unsaved) == (4000, 0, 0)


def test_days_are_of_the_house(books: Books) -> None:
    """23:00 in UTC is the next day in Tokyo, and 5:30 hours east begins on a half hour."""
    fill(books)
    for zone, days in (
        ("Asia/Tokyo", ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-24"]),
        ("Asia/Kolkata", ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-24"]),
        ("America/New_York", ["2026-11-15", "2026-11-16", "2026-11-17", "2026-11-23"]),
    ):
        ledger = SqlLedger(books.database, books.folder, zone=ZoneInfo(zone))
        assert [each.name for each in ledger.sums("day", Within())] == days


@pytest.mark.parametrize(
    ("within", "requests"),
    [
        (Within(), 5),
        (Within(since=MIDNIGHT + 1), 4),
        (Within(until=MIDNIGHT + 3600), 1),
        (Within(since=MIDNIGHT + 3600, until=MIDNIGHT + 3601), 1),
        (Within(key="k1"), 2),
        (Within(user="boris"), 2),
        (Within(team="sales", engine="ollama"), 1),
        (Within(model="qwen"), 2),
        (Within(user="nobody"), 0),
    ],
)
def test_filters(books: Books, within: Within, requests: int) -> None:
    """Sums, totals, rows and the first moment agree on which rows are meant."""
    fill(books)
    ledger = books.ledger
    assert sum(each.requests for each in ledger.sums("user", within)) == requests
    assert sum(each.requests for each in ledger.totals(within=within)) == requests
    rows = ledger.rows(within=within)
    assert len(rows) == requests
    assert ledger.first(within) == min((row.started_at for row in rows), default=None)


def test_totals_until(books: Books) -> None:
    """Totals have an end, and gross savings."""
    fill(books)
    (row,) = books.ledger.totals(until=MIDNIGHT + 1)
    assert (row.engine, row.requests, row.saved_micros) == ("ollama", 1, 900)


def test_hours_in_which_local_models_answered(books: Books) -> None:
    """Each hour and model once, however many requests; no failed row, no cloud, nothing before."""
    for _ in range(50):
        books.wrote(QWEN, Usage(1, 1), 0, after_s=5000)
    books.wrote(QWEN, Usage(1, 1), 0, after_s=3 * 3600)
    books.wrote(QWEN, Usage(1, 1), 0, after_s=6 * 3600, outcome="failed")
    books.wrote(CLAUDE, Usage(1, 1), 0, after_s=5000)
    found = books.ledger.hours_used(MIDNIGHT)
    hours = [(MIDNIGHT + each * 3600) // 3600 * 3600 for each in (1, 3)]
    assert sorted(found) == [(hour, QWEN.engine, QWEN.model) for hour in hours]
    assert books.ledger.hours_used(MIDNIGHT + 4 * 3600) == ()


def test_one_request_with_all_its_attempts(books: Books) -> None:
    """In the order in which they began; another request is not among them."""
    books.wrote(QWEN, Usage(0, 0), 0, request_id="a", outcome="failed")
    books.wrote(CLAUDE, Usage(9, 9), 81, request_id="a", after_s=2.0)
    books.wrote(CLAUDE, Usage(9, 9), 81, request_id="b", after_s=1.0)
    assert [(row.engine, row.outcome) for row in books.ledger.request("a")] == [
        ("ollama", "failed"),
        ("anthropic", "ok"),
    ]
    assert books.ledger.request("unknown") == ()


def test_what_was_spent(books: Books) -> None:
    """Money that left the house in a stretch of time, by the names of a scope."""
    fill(books)
    stretch = (MIDNIGHT, MIDNIGHT + 86_400)
    assert books.ledger.spent("key", *stretch) == {"k1": 4000}
    assert books.ledger.spent("user", *stretch) == {"anna": 4000}
    assert books.ledger.spent("team", *stretch) == {"sales": 4000}
    assert books.ledger.spent("model", *stretch) == {"claude": 4000}
    assert books.ledger.spent("house", *stretch) == {"house": 4000}
    assert books.ledger.spent("house", MIDNIGHT + 86_400, MIDNIGHT + 9 * 86_400) == {}


def test_money_can_be_worked_out_again(books: Books) -> None:
    """From stored tokens; a price that is not known any more keeps what was written; filters hold."""
    fill(books)
    seen: list[LedgerRow] = []

    def charge(row: LedgerRow) -> Charge:
        seen.append(row)
        return Charge(None) if row.where == "local" else Charge(2 * row.input_tokens)

    assert books.ledger.reprice(charge, Within(until=MIDNIGHT + 2)) == 0
    assert books.ledger.reprice(charge, Within()) == 2
    costs = {(row.engine, row.input_tokens): row.cost_micros for row in books.ledger.rows()}
    assert costs == {
        ("ollama", 100): 30,
        ("ollama", 10): None,
        ("anthropic", 200): 400,
        ("anthropic", 1): 2,
        ("none", 0): 0,
    }
    assert all(row.where != "none" for row in seen)
    assert books.ledger.reprice(charge, Within()) == 0


@pytest.mark.slow
def test_many_rows_are_worked_out_again(books: Books) -> None:
    """More rows than go into one batch."""
    for number in range(1203):
        books.wrote(CLAUDE, Usage(number, 1), None, after_s=float(number))
    assert books.ledger.reprice(lambda row: Charge(row.input_tokens + 1), Within()) == 1203
    (total,) = books.ledger.totals()
    assert (total.unpriced, total.cost_micros) == (0, sum(range(1204)))


def test_sums_read_the_index_alone(books: Books) -> None:
    """No sum touches the rows: what is asked for stands in the index, which 1 M rows need."""
    plans = []
    with books.database.read() as connection:
        for by in ("engine", "model", "user", "team", "key", "place"):
            query = (
                f"EXPLAIN QUERY PLAN SELECT {by}, count(*), sum(cost_micros), sum(saved_micros),"
                f" sum(cached_tokens) FROM ledger WHERE started_at >= 5 GROUP BY {by}"
            )
            plans += [str(row) for row in connection.exec_driver_sql(query) if "ledger" in str(row)]
    assert len(plans) == 6
    assert all("USING COVERING INDEX ledger_for_sums (started_at>?)" in plan for plan in plans)


def test_rows_know_who_paid(books: Books) -> None:
    """Key, team and saving stand in the row that is read back."""
    books.wrote(QWEN, Usage(3, 2, cache_write_tokens=1, reasoning_tokens=1), 5, saved=7, key="k", team="t")
    (row,) = books.ledger.rows()
    assert replace(row, total_ms=0.0) == LedgerRow(
        request_id="r",
        started_at=MIDNIGHT,
        user="anna",
        task="chat",
        engine="ollama",
        model="Qwen",
        where="local",
        outcome="ok",
        code=None,
        input_tokens=3,
        output_tokens=2,
        cached_tokens=0,
        estimated=False,
        cost_micros=5,
        first_token_ms=None,
        total_ms=0.0,
        reason="first in the order",
        key="k",
        team="t",
        cache_write_tokens=1,
        reasoning_tokens=1,
        saved_micros=7,
    )


def test_a_file_that_another_process_moved_meanwhile_is_no_error(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command beside a gateway moves, too; the second one finds nothing, and no row is lost or twice."""
    books.wrote(QWEN, Usage(100, 50), 30)
    books.journal.stop()
    there = list(books.folder.glob("*.journal"))
    assert there
    beside = SqlLedger(books.database, books.folder)
    taken: list[Path] = []

    def late(path: Path, offset: int, **more: int) -> Bodies:
        if not taken:
            taken.append(path)
            assert beside.move() == 1
        return read_bodies(path, offset, **more)

    monkeypatch.setattr(ledger_mover, "read_bodies", late)
    assert books.ledger.move() == 0
    assert taken == there
    assert [row.user for row in books.ledger.rows()] == ["anna"]
