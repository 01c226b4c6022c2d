"""What money costs in time: one request through the till, and sums over a million rows of the ledger.

    python -m bench.money [ROWS]

The till's figures are medians of five rounds; a request is `budget`, `estimate`, `hold`, `charge` and
`settle`, with three budgets in force. Sums are taken over all rows, from a file that is in the page cache.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from inhouse.gateway.accounts import BudgetRule
from inhouse.gateway.costs import Electricity, Machine
from inhouse.gateway.currency import RateTable
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.gateway.edge.prices import Prices, read_book
from inhouse.gateway.edge.till import HouseTill, MoneyRules
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt
from inhouse.gateway.ports import Grouping, Within
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database, Migrations

GRANT = Grant(key="k1", user="anna", team="sales")
ROUNDS, TIMES = 5, 20_000


def counter() -> HouseTill:
    """A till with three budgets, a machine and the package's prices."""
    claude = Engine("anthropic", "anthropic", "cloud", "https://api.anthropic.com", "up")
    prices = Prices(read_book, (), RateTable(), engine_of=lambda _name: claude)
    rules = MoneyRules(
        reference="anthropic/claude-sonnet-5-5",
        electricity=Electricity(Decimal("0.3")),
        machines=(Machine("gpu", ("ollama",), idle_watts=50, peak_watts=400),),
        budgets=(
            BudgetRule("key", "*", "month", 10**15),
            BudgetRule("team", "*", "month", 10**15),
            BudgetRule("house", "*", "day", 10**15),
        ),
    )
    return HouseTill(rules, prices, UTC, clock=time.time)


def request(till: HouseTill, attempt: Attempt) -> Callable[[], None]:
    """One request from start to end."""
    used = EngineUsed(attempt.engine, attempt.model, attempt.where, "")
    usage = Usage(1000, 300, 200)

    def run() -> None:
        now = time.time()
        till.budget(GRANT, "anna", attempt.model, now)
        cost = till.estimate(attempt, 1000, 512, now)
        hold = till.hold(GRANT, "anna", attempt, cost, now)
        hold.settle(till.charge(used, usage, now, 0.5).cost_micros)

    return run


def microseconds(run: Callable[[], None]) -> float:
    """Median of the rounds, per call."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(TIMES):
            run()
        rounds.append((time.perf_counter() - began) / TIMES * 1e6)
    return statistics.median(rounds)


FILL = """
INSERT INTO ledger (entry, request_id, started_at, user, task, engine, model, place, outcome, input_tokens,
    output_tokens, cached_tokens, estimated, cost_micros, total_ms, reason, key, team, saved_micros)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
SELECT 'e' || i, 'r' || i, 1.7e9 + i * 30.0, 'user-' || (i % 50), 'chat', 'engine-' || (i % 4),
    'model-' || (i % 12), CASE WHEN i % 3 THEN 'local' ELSE 'cloud' END, 'ok', i % 4000, i % 900, i % 300, 0,
    i % 5000, 800.0, 'local, ollama: first in the order', 'key-' || (i % 20), 'team-' || (i % 6), i % 9000
FROM n
"""


def main() -> None:
    """Print all figures."""
    till = counter()
    cloud = Attempt("anthropic", "claude-sonnet-5-5", "cloud", "")
    print(f"till, cloud request     {microseconds(request(till, cloud)):8.1f} us")
    local = Attempt("ollama", "qwen", "local", "")
    print(f"till, local request     {microseconds(request(till, local)):8.1f} us")
    began = time.perf_counter()
    read_book().tariff("anthropic", "claude-sonnet-5-5", 1.79e9)
    print(f"price book, first price {(time.perf_counter() - began) * 1000:8.1f} ms")
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = Database.open(home / "inhouse.db", [Migrations(FOLDER, HEAD)], backups=home / "backups")
        with database.write() as connection:
            connection.exec_driver_sql(FILL.replace(":rows", str(rows)))
        ledger = SqlLedger(database, home / "journal")
        groups: tuple[Grouping, ...] = ("engine", "model", "user", "team", "key", "day")
        for by in groups:
            began = time.perf_counter()
            ledger.sums(by, Within())
            month = time.perf_counter()
            ledger.sums(by, Within(since=1.7e9 + (rows - 86_400) * 30))
            ended = time.perf_counter()
            print(f"{rows} rows by {by:7} {month - began:6.2f} s, last 30 days {ended - month:6.2f} s")
        database.close()


if __name__ == "__main__":
    main()
