"""`usage`, `savings` and `roi`: what they print, as a table, JSON and CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inhouse.cli.output import money
from inhouse.gateway.ports import MoneyFacts, UsageSum
from inhouse.gateway.roi_presets import PRESETS
from inhouse.kernel.caller import ApiKey, Grant
from tests.cli.house import FakeBuilder, run
from tests.serve.fakes import FakeHouse, FakeLedger, FakeMoney


def document(tmp_path: Path, *words: str, builder: FakeBuilder | None = None) -> dict[str, Any]:
    """The one JSON document of a command."""
    result = run(tmp_path, *words, "--json", builder=builder)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("by", ["engine", "model", "key", "user", "team", "day", "week", "task", "where"])
def test_usage_by_anything(tmp_path: Path, by: str) -> None:
    """A table with one line per name, its money, and the currency on stderr."""
    result = run(tmp_path, "usage", "--by", by)
    assert result.exit_code == 0, result.stderr
    head, line = result.stdout.splitlines()
    assert head.split()[0] == by.upper()
    assert "0.0004" in line  # 450 micro-units, half of one goes to the even side
    assert "money in EUR" in result.stderr
    assert document(tmp_path, "usage", "--by", by)["sums"][0]["saved_micros"] == 900


def test_a_key_is_shown_with_its_name(tmp_path: Path) -> None:
    """Nobody knows keys by their ids: the name stands beside it, in the table, in JSON and for a spreadsheet;
    other sums have no such column, and requests without a key no name."""
    house = FakeHouse()
    house.keys.add(ApiKey(Grant(key="=one"), "build server", "digest", 1.0))
    builder = FakeBuilder(fakes=house)
    head, line = run(tmp_path, "usage", "--by", "key", builder=builder).stdout.splitlines()
    assert head.split()[:2] == ["KEY", "NAME"]
    assert line.split("  ")[:2] == ["=one", "build server"]
    (found,) = document(tmp_path, "usage", "--by", "key", builder=builder)["sums"]
    assert (found["name"], found["key_name"]) == ("=one", "build server")
    rows = run(tmp_path, "usage", "--by", "key", "--csv", builder=builder).stdout.splitlines()
    assert [row["key_name"] for row in csv.DictReader(rows)] == ["build server"]
    assert "key_name" not in run(tmp_path, "usage", "--by", "user", "--csv", builder=builder).stdout
    assert run(tmp_path, "usage", "--by", "key").stdout.splitlines()[1].split()[:2] == ["=one", "-"]


def test_usage_without_by_is_as_before(tmp_path: Path) -> None:
    """Sums by engine and model; unknown money is said."""
    result = run(tmp_path, "usage")
    assert "qwen2.5:7b" in result.stdout
    assert "unknown" in result.stdout
    assert document(tmp_path, "usage")["totals"][0]["unpriced"] == 1


def test_an_empty_stretch_is_not_an_empty_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left out is said, so that nobody takes it for a home that was never asked."""
    monkeypatch.setattr(FakeLedger, "totals", lambda *_self, **_asked: ())
    said = [
        run(tmp_path, "usage", *words).stderr.splitlines()[0]
        for words in ((), ("--since", "2030-01-01"), ("--user", "eve"))
    ]
    assert said == [
        "nothing was asked yet",
        "nothing was asked since 2030-01-01 00:00",
        "nothing was asked with --user eve",
    ]


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (None, "unknown"),
        (0, "0.0000"),
        (20, "0.000020"),
        (-3, "-0.000003"),
        (450, "0.0004"),
        (7_000_000, "7.0000"),
    ],
)
def test_small_amounts_are_not_zero(micros: int | None, shown: str) -> None:
    """Four digits, and six where four would show nothing."""
    assert money(micros) == shown


def test_usage_as_csv(tmp_path: Path) -> None:
    """A spreadsheet reads it, and takes no name for a formula; nothing else is on stdout."""
    rows = list(csv.DictReader(run(tmp_path, "usage", "--by", "user", "--csv").stdout.splitlines()))
    assert rows[0]["user"] == "'=one"
    assert rows[0]["cost_micros"] == "450"
    plain = list(csv.DictReader(run(tmp_path, "usage", "--csv").stdout.splitlines()))
    assert plain[0]["model"] == "qwen2.5:7b"


def test_a_day_as_the_end_counts_as_a_whole(tmp_path: Path) -> None:
    """`--until` with a day ends at the next midnight, with a time exactly there."""
    asked = [
        document(tmp_path, "savings", "--since", "2026-11-01", "--until", until)
        for until in ("2026-11-02", "2026-11-03T00:00:01")
    ]
    assert asked[1]["until"] - asked[0]["until"] == 1


def test_one_request_is_found_by_its_id(tmp_path: Path) -> None:
    """Who, which engine, why, tokens and money; an unknown id is an error with a hint."""
    result = run(tmp_path, "usage", "show", "r1")
    assert result.exit_code == 0, result.stderr
    for words in (
        "1 of 1: ok",
        "local",
        "qwen2.5:7b",
        "first local engine",
        "10 in, 5 out",
    ):
        assert words in result.stdout
    assert "cost unknown" in result.stdout
    assert document(tmp_path, "usage", "show", "r1")["rows"][0]["request_id"] == "r1"
    missing = run(tmp_path, "usage", "show", "r2")
    assert missing.exit_code == 2
    assert "x-inhouse-request-id" in missing.stderr


def test_money_is_worked_out_again(tmp_path: Path) -> None:
    """The command says how many rows changed, and hands the filters on."""
    house = FakeHouse()
    result = run(
        tmp_path,
        "usage",
        "reprice",
        "--since",
        "2026-11-01",
        "--model",
        "m",
        builder=FakeBuilder(fakes=house),
    )
    assert result.exit_code == 0, result.stderr
    assert "7 rows" in result.stdout
    assert house.money.repriced[0].model == "m"
    assert document(tmp_path, "usage", "reprice") == {"changed": 7}


@pytest.mark.parametrize("by", ["day", "week", "model", "team"])
def test_savings(tmp_path: Path, by: str) -> None:
    """Lines, gross, fixed and net; what is unknown stands in a column of its own."""
    result = run(tmp_path, "savings", "--by", by)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0].split() == [
        by.upper(), "REQUESTS", "LOCAL", "UNKNOWN", "REFERENCE", "LOCAL", "COST", "GROSS", "CLOUD", "COST"
    ]  # fmt: skip
    assert "gross  0.0009  (1 of 2 local requests unknown)" in result.stdout
    assert "0.0009 + 1 unknown" in result.stdout
    assert "net    -" in result.stdout
    assert "tokenizer" in result.stderr
    found = document(tmp_path, "savings", "--by", by)
    assert (found["by"], found["total"]["gross_micros"], found["total"]["unknown"]) == (by, 900, 1)
    assert found["net_micros"] == 900 - found["fixed_micros"]
    rows = list(csv.DictReader(run(tmp_path, "savings", "--by", by, "--csv").stdout.splitlines()))
    assert rows[0]["reference_micros"] == "950"


def test_a_saving_that_nobody_knows_is_no_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one known request gross is unknown; with a few, it says how many it leaves out; where all are
    known, nothing is said."""

    def gross(saved_micros: int, unsaved: int) -> tuple[str, str]:
        total = UsageSum("2026-11-21", 60, 0, 60, 9, 9, 0, 0, 0, 0, unsaved, saved_micros, unsaved)
        monkeypatch.setattr(FakeLedger, "sums", lambda *_self, **_asked: (total,))
        lines = run(tmp_path, "savings").stdout.splitlines()
        usage = run(tmp_path, "usage", "--by", "day").stdout.splitlines()[1]
        return next(line for line in lines if line.startswith("gross")), usage

    told, usage = gross(0, 60)
    assert told == "gross  unknown  (60 of 60 local requests unknown)"
    assert usage.endswith("unknown")
    told, usage = gross(0, 57)
    assert told == "gross  0.0000  (57 of 60 local requests unknown)"
    assert usage.endswith("0.0000 + 57 unknown")
    told, usage = gross(900, 0)
    assert told == "gross  0.0009"
    assert usage.endswith("  0.0009")


def test_an_old_price_table_is_said(tmp_path: Path) -> None:
    """In `usage` and in `savings`, with its age."""
    for command in ("usage", "savings"):
        house = FakeHouse(money=FakeMoney(stale=True))
        assert "200 days old" in run(tmp_path, command, builder=FakeBuilder(fakes=house)).stderr
        assert "days old" not in run(tmp_path, command).stderr


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset(tmp_path: Path, name: str) -> None:
    """Claimed beside computed, a verdict with its rule, and the honest statement."""
    result = run(tmp_path, "roi", "--preset", name)
    assert result.exit_code == 0, result.stderr
    assert "CLAIMED" in result.stdout
    assert result.stdout.splitlines()[-1].split(":")[0] in ("proceed", "delay", "no")
    assert "not against flash-class prices" in result.stderr
    (scenario,) = document(tmp_path, "roi", "--preset", name)["scenarios"]
    assert scenario["rule"]
    assert any(figure["claimed"] for figure in scenario["figures"])


def test_never(tmp_path: Path) -> None:
    """A scenario that never pays says so, and no."""
    result = run(tmp_path, "roi", "--preset", "000-s1")
    paid = next(line for line in result.stdout.splitlines() if line.startswith("months until"))
    assert paid.count("never") == 2
    assert result.stdout.splitlines()[-1].startswith("no: never paid back")
    figures = {
        each["figure"]: each
        for each in document(tmp_path, "roi", "--preset", "000-s1")["scenarios"][0]["figures"]
    }
    assert (figures["payback_months"]["low"], figures["payback_months"]["high"]) == (None, None)
    assert figures["cost_per_request"]["low"] == "0.0001275"


def test_all_scenarios_and_ones_own_use(tmp_path: Path) -> None:
    """Without options every preset, and first what the ledger says."""
    found = document(tmp_path, "roi")
    assert [each["name"] for each in found["scenarios"]] == ["own", *PRESETS]
    result = run(tmp_path, "roi")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in PRESETS)


def test_why_ones_own_use_is_not_shown(tmp_path: Path) -> None:
    """Machines without a price: the presets alone, and the reason."""

    class Blind(FakeMoney):
        def facts(self) -> MoneyFacts:
            return replace(super().facts(), capex_micros=None)

    result = run(tmp_path, "roi", builder=FakeBuilder(fakes=FakeHouse(money=Blind())))
    assert "own use is not shown" in result.stderr


def test_ones_own_figures(tmp_path: Path) -> None:
    """Requests at a model's price against a machine: 400 of 10k/4k at 3/15 are 36 a month."""
    words = ("--requests-month", "400", "--tokens-in", "10000", "--tokens-out", "4000", "--capex", "1200")
    (scenario,) = document(tmp_path, "roi", *words, "--energy-month", "8.25")["scenarios"]
    figures = {each["figure"]: each["low"] for each in scenario["figures"]}
    assert figures["cloud_month"] == "36"
    assert figures["saving_month"] == "27.75"
    assert scenario["currency"] == "EUR"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--capex", "1200"), "--requests-month"),
        (("--preset", "000-s1", "--capex", "1"), "of its own"),
        (("--preset", "nothing"), "000-s1"),
        (("--requests-month", "1", "--model", "unheard-of"), "not known in EUR"),
        (("--requests-month", "-1"), "not an amount"),
        (("--requests-month", "NaN"), "not an amount"),
        (("--requests-month", "many"), "not a number"),
    ],
)
def test_wrong_use_of_roi(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and what is wrong."""
    result = run(tmp_path, "roi", *words)
    assert result.exit_code == 2
    assert said in result.stderr
