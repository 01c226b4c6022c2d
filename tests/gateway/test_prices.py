"""Prices: the book, the administrator's own, currencies; and what is not known stays unknown."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import genai_prices
import pytest
from genai_prices.data import providers as vendors

from inhouse.gateway.currency import Rate, RateTable
from inhouse.gateway.edge.prices import PriceBook, Prices, read_book
from inhouse.gateway.fleet import Engine
from inhouse.gateway.prices import Override, Rates, Tariff, cost_of, micros, override_for
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import Usage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
FLASH = Tariff(Rates(Decimal("0.075"), Decimal("0.30")))
SONNET = Tariff(Rates(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75")))
SONNET_BATCH = Tariff(Rates(Decimal("1.5"), Decimal("7.5")))


@pytest.fixture(scope="module")
def book() -> PriceBook:
    """The book of the package."""
    return read_book()


def euros(cost: Decimal | None) -> Decimal | None:
    """Micro-units as whole units."""
    return None if cost is None else cost / 1_000_000


@pytest.mark.parametrize(
    ("tariff", "usage", "cost"),
    [
        (FLASH, Usage(500, 300), "0.0001275"),
        (SONNET, Usage(10_000, 4_000), "0.090"),
        (SONNET, Usage(10_000, 4_000, 8_000), "0.0684"),
        (SONNET_BATCH, Usage(10_000, 4_000), "0.045"),
        (SONNET, Usage(10_000, 0, cache_write_tokens=10_000), "0.0375"),
        (
            Tariff(Rates(Decimal(1), Decimal(2), reasoning=Decimal(3))),
            Usage(0, 10, reasoning_tokens=4),
            "0.000024",
        ),
        (SONNET, Usage(0, 0), "0"),
    ],
)
def test_what_tokens_cost(tariff: Tariff, usage: Usage, cost: str) -> None:
    """C1, C2, C2 with 80 % cached, C2 as a batch, and each category of its own, exactly."""
    assert euros(cost_of(tariff, usage)) == Decimal(cost)


def test_unknown_is_not_zero() -> None:
    """A price that is needed and missing makes the whole unknown; one that is not needed does not."""
    only_input = Tariff(Rates(input=Decimal(1)))
    assert cost_of(only_input, Usage(10, 0)) == 10
    assert cost_of(only_input, Usage(10, 1)) is None
    assert cost_of(Tariff(Rates()), Usage(0, 0)) == 0


def test_half_a_micro_unit_goes_to_the_even_side() -> None:
    """Rounding happens once, at the end, and does not drift."""
    assert [micros(Decimal(each)) for each in ("127.5", "128.5", "0.4", "-0.5")] == [128, 128, 0, 0]


def test_tiers_hold_for_the_whole_prompt(book: PriceBook) -> None:
    """Beyond the step every token has the price of the step, as vendors bill it."""
    tariff = book.tariff("google", "gemini-2.5-pro", NOW)
    assert tariff is not None
    assert cost_of(tariff, Usage(200_000, 0)) == 200_000 * Decimal("1.25")
    assert cost_of(tariff, Usage(200_001, 10)) == 200_001 * Decimal("2.5") + 10 * 15


def test_batch_prices_replace_what_they_name(book: PriceBook) -> None:
    """Batch halves input and output of the book's model; the cache price it does not name stays."""
    batch = book.tariff("google", "gemini-2.5-pro", NOW, batch=True)
    assert batch is not None
    assert batch.rates.input == Decimal("0.625")
    assert batch.rates.cached == Decimal("0.125")


def test_prices_change_on_their_day(book: PriceBook) -> None:
    """The day decides: the same model before and after its change of price."""
    before = book.tariff("openai", "o3", datetime(2025, 6, 9, tzinfo=UTC).timestamp())
    after = book.tariff("openai", "o3", datetime(2025, 6, 11, tzinfo=UTC).timestamp())
    assert before is not None
    assert after is not None
    assert before.rates.input != after.rates.input


@pytest.mark.parametrize("vendor", ["anthropic", "openai", "google", "deepseek", "mistral", "groq", "azure"])
def test_the_book_says_what_the_library_says(vendor: str, book: PriceBook) -> None:
    """Every model that is billed by tokens costs the same by our extract and by `genai-prices` itself."""
    list_of = next(each for each in vendors if each.id == vendor)
    compared = 0
    for model in list_of.models:
        tariff = book.tariff(vendor, model.id, NOW)
        if tariff is None or tariff.rates.input is None or tariff.rates.output is None:
            continue
        for usage in (Usage(1000, 500), Usage(300_000, 500, 1000)):
            theirs = genai_prices.calc_price(
                genai_prices.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cached_tokens,
                ),
                model.id,
                provider_id=vendor,
                genai_request_timestamp=datetime.fromtimestamp(NOW, UTC),
            )
            assert euros(cost_of(tariff, usage)) == theirs.total_price, model.id
            compared += 1
    assert compared >= 8


def test_the_book_is_of_the_library_that_is_installed(book: PriceBook) -> None:
    """A new `genai-prices` without a new book is noticed: run tools/price_book.py."""
    assert book.source == f"genai-prices {genai_prices.__version__}"


def test_age_is_known(book: PriceBook) -> None:
    """Ninety days are fresh, ninety-one are stale, and a book of the future is not older than nothing."""
    day = datetime.combine(book.day, datetime.min.time(), UTC).timestamp()
    assert (book.age_days(day + 90 * 86400), book.is_stale(day + 90 * 86400)) == (90, False)
    assert book.is_stale(day + 91 * 86400)
    assert book.age_days(day - 86400) == 0


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"source": "x", "date": "soon", "providers": {}}'])
def test_a_wrong_book_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing or wrong file is an error with its path, never an empty table."""
    path = tmp_path / "book.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadRequest, match=r"book\.json"):
        read_book(path)


def engine(kind: str, url: str) -> Engine:
    """An engine at an address."""
    return Engine("e", kind, "cloud", url, "up")  # type: ignore[arg-type]  # the kinds of the table below


@pytest.mark.parametrize(
    ("kind", "url", "model", "known"),
    [
        ("anthropic", "http://127.0.0.1:9", "claude-sonnet-4-5", True),
        ("gemini", "https://generativelanguage.googleapis.com", "gemini-2.5-flash", True),
        ("openai", "https://api.openai.com/v1", "gpt-4o-mini", True),
        ("openai", "https://api.mistral.ai/v1", "mistral-large-latest", True),
        ("openai", "http://127.0.0.1:9/v1", "gpt-4o-mini", True),
        ("openai", "http://proxy.internal/v1", "gpt-4o-mini", True),
        ("openai", "http://127.0.0.1:9/v1", "my-own-model", False),
        ("openai", "https://cheap-tokens.example/v1", "gpt-4o-mini", False),
        ("ollama", "http://127.0.0.1:11434", "gpt-oss:120b-cloud", False),
        ("anthropic", "http://127.0.0.1:9", "claude-not-yet-invented", False),
    ],
)
def test_whose_list_holds(kind: str, url: str, model: str, known: bool, book: PriceBook) -> None:
    """Vendors are told by kind or address; a reseller's and an unknown model's prices are not known."""
    prices = Prices(lambda: book, (), RateTable(), engine_of=lambda _name: engine(kind, url))
    assert (prices.tariff("e", model, NOW) is not None) == known


def override(model: str, since: date, price: str, *, engine: str = "*", currency: str = "USD") -> Override:
    """A price that an administrator wrote down."""
    return Override(engine, model, since, currency, Rates(Decimal(price), Decimal(price)))


def test_own_prices_win_from_their_day_on(book: PriceBook) -> None:
    """Before its first day the book counts, then the first override, then the second."""
    own = (override("gpt-4o*", date(2026, 11, 1), "7"), override("gpt-4o*", date(2026, 11, 10), "8"))
    prices = Prices(
        lambda: book, own, RateTable(), engine_of=lambda _name: engine("openai", "https://api.openai.com/v1")
    )

    def paid(day: int, month: int) -> Decimal | None:
        found = prices.tariff("e", "GPT-4o-mini", datetime(2026, month, day, tzinfo=UTC).timestamp())
        return found.rates.input if found else None

    assert [paid(31, 10), paid(1, 11), paid(10, 11)] == [Decimal("0.15"), 7, 8]


def test_own_prices_of_one_engine() -> None:
    """A pattern of engines narrows; batch prices hold where they were written down."""
    day = date(2026, 1, 1)
    first = override("m", day, "1", engine="vllm-*")
    assert override_for((first,), "vllm-1", "m", day=day) == first
    assert override_for((first,), "ollama", "m", day=day) is None
    batch = Override("*", "m", day, "USD", Rates(Decimal(2)), Rates(Decimal(1)))
    found = override_for((batch,), "x", "m", day=day, batch=True)
    assert found is not None
    assert found.rates.input == 1


def test_an_unknown_rate_makes_money_unknown(book: PriceBook) -> None:
    """Dollars in a house of euros: unknown before the first rate, converted after it, never one to one."""
    rates = RateTable("EUR", (Rate("USD", Decimal("0.80"), date(2026, 11, 1)),))
    prices = Prices(
        lambda: book, (), rates, engine_of=lambda _name: engine("anthropic", "https://api.anthropic.com")
    )
    early, late = (datetime(2026, month, 15, tzinfo=UTC).timestamp() for month in (10, 11))
    assert prices.tariff("e", "claude-haiku-4-5", early) is None
    found = prices.tariff("e", "claude-haiku-4-5", late)
    assert found is not None
    assert found.rates.output == 4


def test_rates_are_dated() -> None:
    """The newest rate that has begun counts; the house's own currency needs none."""
    table = RateTable(
        "EUR", (Rate("USD", Decimal("0.9"), date(2026, 2, 1)), Rate("USD", Decimal("0.8"), date(2026, 1, 1)))
    )
    assert table.factor("USD", date(2025, 12, 31)) is None
    assert table.factor("USD", date(2026, 1, 15)) == Decimal("0.8")
    assert table.factor("USD", date(2026, 3, 1)) == Decimal("0.9")
    assert table.factor("EUR", date(2000, 1, 1)) == 1
    assert table.factor("RUB", date(2026, 3, 1)) is None


def test_reference_models_by_name(book: PriceBook) -> None:
    """`provider/model`, a maker's own name, and nothing for a stranger."""
    prices = Prices(lambda: book, (), RateTable(), engine_of=lambda _name: None)
    for name in ("anthropic/claude-sonnet-5-5", "claude-sonnet-5-5"):
        found = prices.of_name(name, NOW)
        assert found is not None
        assert found.rates.output == 10
    own = Prices(
        lambda: book,
        (override("claude-sonnet*", date(2026, 1, 1), "7"),),
        RateTable(),
        engine_of=lambda _name: None,
    )
    written = own.of_name("anthropic/claude-sonnet-5-5", NOW)
    assert written is not None
    assert written.rates.output == 7
    assert prices.of_name("no-such-model", NOW) is None
    assert prices.of_name("nobody/claude-sonnet-5-5", NOW) is None


@pytest.mark.slow
def test_the_hot_path_loads_no_price_library() -> None:
    """Serving imports our extract's reader only: neither `genai_prices` nor its HTTP client."""
    line = (
        "import sys, inhouse.gateway.edge.prices as p; b = p.read_book();"
        "assert b.tariff('openai', 'gpt-4o', 1.7e9);"
        "heavy = {'genai_prices', 'httpx2', 'httpx', 'httpcore2'};"
        "assert not heavy & {m.split('.')[0] for m in sys.modules}"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", line], check=True, timeout=60)
