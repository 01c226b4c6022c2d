"""What work inside the house costs: energy, tariffs by the hour, amortisation, shares of a machine's time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.gateway.costs import (
    HARDWARE,
    Band,
    Electricity,
    Machine,
    capacity_jobs,
    capacity_tokens,
    energy_cost,
    fixed_month,
    kwh,
    machine_of,
    power_at,
    read_band,
    run_cost,
)
from inhouse.gateway.edge.energy import PowerMeter, Rapl, Shares

CARD = Machine("card", idle_watts=30, peak_watts=350, capex=Decimal(1200), residual=Decimal(300))
TARIFF = Decimal("0.12")


def test_amortisation() -> None:
    """1,200 less 300 over 36 months is 25.00 a month; with idling at 30 W it is 27.628."""
    asleep = Machine("m", idle_watts=0, peak_watts=0, capex=Decimal(1200), residual=Decimal(300))
    assert fixed_month(asleep, TARIFF) == 25_000_000
    assert fixed_month(CARD, TARIFF) == 25_000_000 + Decimal(30) * 730 / 1000 * TARIFF * 1_000_000


@pytest.mark.parametrize(("utilisation", "watts", "money"), [(0.2, 94.0, "8.2344"), (0.05, 46.0, "4.02960")])
def test_energy_of_a_month(utilisation: float, watts: float, money: str) -> None:
    """Idle 30 W, peak 350 W: at a fifth of full load 94 W, which is 8.234 a month at 0.12."""
    power = power_at(CARD, utilisation)
    assert power == pytest.approx(watts)
    assert kwh(watts, 730) * TARIFF == Decimal(money)


@pytest.mark.parametrize(
    ("utilisation", "tokens", "per_million"), [(0.2, "21.024", "1.5808"), (0.05, "5.256", "5.5231")]
)
def test_price_of_a_million_tokens(utilisation: float, tokens: str, per_million: str) -> None:
    """40 tokens/s are 105.12 M a month; the price of one million hangs on how busy the machine is."""
    assert capacity_tokens(40) == 105_120_000
    written = capacity_tokens(40, utilisation) / 1_000_000
    assert written == Decimal(tokens)
    watts = power_at(CARD, utilisation)
    assert watts is not None
    month = 25 + kwh(round(watts, 6), 730) * TARIFF
    assert (month / written).quantize(Decimal("0.0001")) == Decimal(per_million)


def test_jobs_a_month() -> None:
    """10k/4k jobs at 1,000 tokens/s in and 40 out: 23,890 a month."""
    assert capacity_jobs(10_000, 4_000, prefill_per_s=1000, decode_per_s=40) == 23_890


def test_a_request_costs_what_is_above_idle() -> None:
    """Ten seconds at 320 W above idle; measured watts count instead where there are some."""
    assert run_cost(CARD, 10, TARIFF) == energy_cost(320, 10, TARIFF)
    assert run_cost(CARD, 10, TARIFF, watts=130, idle_watts=50) == energy_cost(80, 10, TARIFF)
    assert run_cost(CARD, 10, TARIFF, watts=20) == 0
    assert energy_cost(1000, 3600, TARIFF) == 120_000


def test_not_known_is_not_free() -> None:
    """Without a tariff or without watts neither a request nor a month has a cost."""
    nameless = Machine("m")
    assert run_cost(CARD, 10, None) is None
    assert run_cost(nameless, 10, TARIFF) is None
    assert fixed_month(CARD, None) is None
    assert fixed_month(nameless, TARIFF) is None
    assert power_at(nameless, 0.5) is None


def test_a_machine_paid_by_the_hour() -> None:
    """Used by the minute it costs its time; rented around the clock 292 a month and nothing more."""
    used = Machine("gpu", hourly=Decimal("0.40"))
    assert [run_cost(used, 1800, None), fixed_month(used, None)] == [200_000, 0]
    rented = Machine("gpu", hourly=Decimal("0.40"), hours_month=730)
    assert [run_cost(rented, 1800, None), fixed_month(rented, None)] == [0, 292_000_000]


def test_tariff_bands() -> None:
    """By the wall clock of the house, past midnight too; outside every band the ordinary price holds."""
    tariff = Electricity(Decimal("0.30"), (read_band("23-7=0.10"), Band(12, 14, Decimal("0.20"))))
    moscow = ZoneInfo("Europe/Moscow")

    def price(hour: int) -> Decimal | None:
        return tariff.price(datetime(2026, 5, 1, hour, 59, tzinfo=UTC).timestamp(), moscow)

    assert [price(hour) for hour in (19, 20, 3, 4, 8, 9, 11)] == [
        Decimal(each) for each in ("0.30", "0.10", "0.10", "0.30", "0.30", "0.20", "0.30")
    ]
    assert tariff.average() == (8 * Decimal("0.10") + 2 * Decimal("0.20") + 14 * Decimal("0.30")) / 24
    assert Electricity(None, (read_band("0-12=0.1"),)).average() is None


@pytest.mark.parametrize("text", ["", "7-8", "7=0.1", "25-3=0.1", "1-2=x", "1-2=-1", "a-b=0.1"])
def test_wrong_bands(text: str) -> None:
    """A band that is no band is refused."""
    with pytest.raises((ValueError, ArithmeticError)):
        read_band(text)


def test_which_machine() -> None:
    """The first machine whose patterns fit; none where none does."""
    machines = (Machine("gpu", ("vllm-*",)), Machine("mac", ("mlx", "ollama")))
    assert [machine_of(machines, each) for each in ("vllm-1", "ollama", "other")] == [*machines, None]


def test_presets_are_dated() -> None:
    """Every hardware preset says where its figures come from and when."""
    for preset in HARDWARE.values():
        assert preset.source
        assert preset.day[:2] == "20"


def test_side_by_side_each_pays_half() -> None:
    """Two requests of 10 s at the same time have 5 s each; alone it has all of its time."""
    shares = Shares()
    shares.begin(100)
    shares.begin(100)
    shares.end(110)
    assert shares.of(100, 110) == 5
    shares.end(120)
    assert shares.of(100, 120) == 15
    assert shares.of(200, 210) == 10  # nobody was counted: all of it


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 50)), min_size=1, max_size=12))
def test_shares_add_up_to_busy_time(spans: list[tuple[int, int]]) -> None:
    """However requests overlap, their shares are the time in which somebody was at work."""
    shares = Shares()
    changes = sorted(
        [(start, 1) for start, _length in spans] + [(start + length, 0) for start, length in spans]
    )
    for moment, begins in changes:
        (shares.begin if begins else shares.end)(1000.0 + moment)
    busy = {second for start, length in spans for second in range(start, start + length)}
    total = sum(shares.of(1000.0 + start, 1000.0 + start + length) for start, length in spans)
    assert total == pytest.approx(len(busy))


def test_shares_survive_a_clock_that_is_set() -> None:
    """A clock that goes back gives nobody more than its own time, and never less than none."""
    shares = Shares()
    shares.begin(1000)
    shares.end(900)
    assert 0 <= shares.of(1000, 1001) <= 1
    assert shares.of(1000, 900) == 0


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Fixed:
    """A source of watts that says what it was told to."""

    def __init__(self, *watts: float | None) -> None:
        self._watts = list(watts)

    def watts(self, now: float) -> float | None:
        return self._watts.pop(0)


def test_measured_power() -> None:
    """Sources are added; a moment in which one cannot tell is no sample; idle is the lowest that was seen."""
    clock = Clock()
    meter = PowerMeter((Fixed(10, None, 30), Fixed(100, 200, 300)), clock=clock)
    for clock.now in (100, 102, 104):
        meter.sample()
    assert meter.average(100, 104) == (110 + 330) / 2
    assert meter.average(103, 104) == 330
    assert meter.average(200, 210) is None
    assert meter.idle() == 110


def test_counters_of_the_processor(tmp_path: Path) -> None:
    """Microjoules between two looks are watts; one that began anew is left out; cores are not packages."""
    package, core = tmp_path / "intel-rapl:0", tmp_path / "intel-rapl:0:0"
    for folder in (package, core):
        folder.mkdir()
        (folder / "energy_uj").write_text("1000000")
    rapl = Rapl(tmp_path)
    assert rapl
    assert rapl.watts(10) is None
    (package / "energy_uj").write_text("21000000")
    assert rapl.watts(12) == 10
    (package / "energy_uj").write_text("5")
    assert rapl.watts(14) is None
    assert not Rapl(tmp_path / "nothing")
