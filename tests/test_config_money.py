"""The settings about money: what they become, and what a wrong one says."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest

from inhouse.compose.money import open_cash, rented_engines, zone_of
from inhouse.config import Loaded, load
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.policy import Attempt
from inhouse.gateway.ports import MoneyFacts
from inhouse.kernel.errors import BadRequest
from tests.gateway.house import open_database


def loaded(tmp_path: Path, text: str) -> Loaded:
    """The settings of a home whose file holds `text`."""
    (tmp_path / "inhouse.toml").write_text(text, "utf-8")
    return load(tmp_path, environment={}, folder=tmp_path)


def facts(tmp_path: Path, text: str) -> MoneyFacts:
    """What these settings make of money."""
    database = open_database(tmp_path)
    try:
        ledger = SqlLedger(database, tmp_path / "journal")
        return open_cash(loaded(tmp_path, text), FleetBoard(time.time), ledger).money.facts()
    finally:
        database.close()


FULL = """
[money]
currency = "EUR"
timezone = "Europe/Berlin"
electricity_kwh = 0.30
electricity_bands = ["22-6=0.18"]
reference_factor = 1.15

[[rate]]
currency = "USD"
rate = 0.86
since = 2026-01-01

[[price]]
model = "house-*"
since = 2026-01-01
input = 0.1
output = 0.3

[[budget]]
scope = "team"
name = "sales"
period = "month"
limit = 12.5

[[hardware]]
name = "gpu-1"
engines = ["ollama"]
preset = "rtx3090-used"
residual = 132
maintenance_month = 5
"""


def test_all_of_it(tmp_path: Path) -> None:
    """Amounts are as written, a preset's dollars are euros, and the month adds up."""
    found = facts(tmp_path, FULL)
    assert (found.currency, found.reference_known, found.reference_factor) == ("EUR", True, "1.15")
    assert (found.machines, found.electricity_known) == (("gpu-1",), True)
    average = (16 * Decimal("0.30") + 8 * Decimal("0.18")) / 24
    capex = 1200 * Decimal("0.86")
    idle = Decimal(30) * 730 / 1000 * average + 5
    assert found.capex_micros == capex * 1_000_000
    assert found.idle_month_micros == pytest.approx(int(idle * 1_000_000), abs=2)
    assert found.fixed_month_micros == pytest.approx(int(((capex - 132) / 36 + idle) * 1_000_000), abs=2)


def test_nothing_is_known_before_it_is_written_down(tmp_path: Path) -> None:
    """Without settings: dollars, a reference, and no cost of local work."""
    found = facts(tmp_path, "")
    assert (found.currency, found.reference_known, found.fixed_month_micros) == ("USD", True, None)
    assert found.machines == ()


def test_a_house_without_a_rate_knows_no_price(tmp_path: Path) -> None:
    """Euros without a [[rate]]: the reference's price is unknown, not taken one to one."""
    assert not facts(tmp_path, '[money]\ncurrency = "EUR"\n').reference_known


def test_own_prices_reach_the_till(tmp_path: Path) -> None:
    """A [[price]] block without a currency is in the house currency, to the last digit."""
    database = open_database(tmp_path)
    ledger = SqlLedger(database, tmp_path / "journal")
    till = open_cash(loaded(tmp_path, FULL), FleetBoard(time.time), ledger).till
    attempt = Attempt("anything", "House-1", "cloud", "")
    assert till.estimate(attempt, 1_000_000, 100_000, time.time()) == 130_000
    database.close()


def test_settings_can_be_renewed(tmp_path: Path) -> None:
    """New prices and a new reference count from then on; wrong ones change nothing."""
    database = open_database(tmp_path)
    ledger = SqlLedger(database, tmp_path / "journal")
    cash = open_cash(loaded(tmp_path, FULL), FleetBoard(time.time), ledger)
    attempt = Attempt("anything", "house-1", "cloud", "")
    cash.renew(loaded(tmp_path, FULL.replace("input = 0.1", "input = 0.2")))
    assert cash.till.estimate(attempt, 1_000_000, 0, time.time()) == 200_000
    with pytest.raises(BadRequest, match="quantum"):
        cash.renew(loaded(tmp_path, FULL.replace("rtx3090-used", "quantum")))
    assert cash.till.estimate(attempt, 1_000_000, 0, time.time()) == 200_000
    assert cash.money.facts().machines == ("gpu-1",)
    database.close()


def test_a_rented_machine_is_outside_until_said_otherwise(tmp_path: Path) -> None:
    """Its engines are named for `where = cloud`; other engines are not."""
    text = """
[[engine]]
name = "runpod"
kind = "openai"
url = "http://10.0.0.7:8000/v1"

[[engine]]
name = "own"
kind = "openai"
url = "http://10.0.0.8:8000/v1"

[[hardware]]
name = "rented"
engines = ["run*"]
hourly = 0.4

[[hardware]]
name = "ours"
engines = ["own"]
"""
    assert rented_engines(loaded(tmp_path, text)) == {"runpod"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[money]\ncurrency = "Euro"\n', "money.currency"),
        ("[money]\nelectricity_kwh = -1\n", "money.electricity_kwh"),
        ('[money]\nreference_factor = "many"\n', "money.reference_factor"),
        ('[money]\ntimezone = "Mars/Olympus"\n', "Mars/Olympus"),
        ('[money]\nelectricity_bands = ["night=0.1"]\n', "night=0.1"),
        ('[money]\nprice_book = "/nowhere/book.json"\n', "/nowhere/book.json"),
        ('[[price]]\nmodel = "x"\ninput = 1\n', "[[price]] number 1, `output`"),
        ('[[price]]\nmodel = "x"\ninput = -1\noutput = 1\n', "[[price]] number 1, `input`"),
        ('[[price]]\nmodel = "x"\ninput = "cheap"\noutput = 1\n', "[[price]] number 1, `input`"),
        ('[[rate]]\ncurrency = "USD"\nrate = 0\nsince = 2026-01-01\n', "[[rate]] number 1, `rate`"),
        ('[[rate]]\ncurrency = "USD"\nrate = 1\n', "[[rate]] number 1, `since`"),
        ('[[budget]]\nscope = "planet"\nperiod = "day"\nlimit = 1\n', "[[budget]] number 1, `scope`"),
        ('[[budget]]\nscope = "house"\nperiod = "day"\nlimit = -1\n', "[[budget]] number 1, `limit`"),
        ('[[hardware]]\nname = "x"\npreset = "quantum"\n', "quantum"),
        ('[[hardware]]\nname = "x"\nmonths = 0\n', "[[hardware]] number 1, `months`"),
        (
            '[money]\ncurrency = "EUR"\n[[hardware]]\nname = "x"\npreset = "rtx4090"\n',
            "priced in USD",
        ),
    ],
)
def test_wrong_settings_are_refused_at_the_start(tmp_path: Path, text: str, words: str) -> None:
    """Each names the setting or block, and gives a way out."""
    with pytest.raises(BadRequest) as caught:
        facts(tmp_path, text)
    assert words in caught.value.message
    assert caught.value.hint


def test_the_clock_of_this_machine() -> None:
    """Without a name the machine's own wall clock is taken."""
    assert zone_of("") is not None
