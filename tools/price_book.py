"""Writes the price book of the package, from the `genai-prices` that is installed.

    python tools/price_book.py [PATH]

`genai-prices` is read here and never by the product: importing it takes 0.2 to 0.4 s and 22 MB, most of it
for an HTTP client that the gateway has no use for (docs/decisions/0010-price-book.md). Nothing is fetched:
what comes out is what that version of the package says. The date of the book is the newest day that the
package itself names and that is not in the future, which is at most a few days before its release.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import sys
from decimal import Decimal
from pathlib import Path

from genai_prices import data, types

TARGET = Path(__file__).resolve().parent.parent / "src/inhouse/gateway/edge/price_book.json"
CATEGORIES = {
    "input_mtok": "i",
    "output_mtok": "o",
    "cache_read_mtok": "c",
    "cache_write_mtok": "w",
    "output_reasoning_mtok": "r",
}
NOT_BY_TOKEN = ("requests_kcount", "input_text_messages_kcount")
"""A model that also costs something per call would look cheaper than it is; it is left out, so unknown."""


def clause(match: object) -> list[object]:
    """A rule about names in the short form that `gateway.prices.matches` reads."""
    match match:
        case types.ClauseEquals():
            return ["=", match.equals.lower()]
        case types.ClauseStartsWith():
            return ["^", match.starts_with.lower()]
        case types.ClauseEndsWith():
            return ["$", match.ends_with.lower()]
        case types.ClauseContains():
            return ["~", match.contains.lower()]
        case types.ClauseRegex():
            return ["r", match.regex]
        case types.ClauseOr():
            return ["|", *map(clause, match.or_)]
        case types.ClauseAnd():
            return ["&", *map(clause, match.and_)]
    raise SystemExit(f"error: genai-prices has a new kind of rule: {match!r}")


def step(price: object) -> list[object]:
    """`[price]`, or `[price, [above, price], ...]`."""
    if isinstance(price, types.TieredPrices):
        return [text(price.base), *([tier.start, text(tier.price)] for tier in price.tiers)]
    assert isinstance(price, Decimal)
    return [text(price)]


def text(price: Decimal) -> str:
    """Without trailing zeros and exponent."""
    return format(price.normalize(), "f")


def steps(prices: types.ModelPrice) -> dict[str, list[object]]:
    """The categories that are counted in tokens."""
    named = vars(prices)
    return {short: step(named[name]) for name, short in CATEGORIES.items() if named.get(name) is not None}


def when(constraint: object) -> str | None:
    """A day, hours of UTC, or always."""
    match constraint:
        case None:
            return None
        case types.StartDateConstraint():
            return constraint.start_date.isoformat()
        case types.TimeOfDateConstraint():
            return f"{constraint.start_time:%H:%M}-{constraint.end_time:%H:%M}"
    raise SystemExit(f"error: genai-prices has a new kind of condition: {constraint!r}")


def model(entry: types.ModelInfo) -> list[object] | None:
    """One line of the book, None for a model that is not billed by tokens alone."""
    prices = (
        [types.ConditionalPrice(prices=entry.prices)]
        if isinstance(entry.prices, types.ModelPrice)
        else entry.prices
    )
    if any(vars(each.prices).get(name) for each in prices for name in NOT_BY_TOKEN):
        return None
    written = [[when(each.constraint), steps(each.prices)] for each in prices]
    if not any(found for _when, found in written):
        return None
    batch = [
        [when(each.constraint), steps(each.prices)]
        for each in reversed(entry.price_variants or ())
        if each.when == {"processing": "batch"}
    ]
    return [entry.id, clause(entry.match), written, *([batch] if batch else [])]


def newest(today: datetime.date) -> str:
    """The newest day on which a price of the package began to hold."""
    days = [
        each.constraint.start_date
        for provider in data.providers
        for entry in provider.models
        for each in (*(entry.price_variants or ()), *(entry.prices if isinstance(entry.prices, list) else ()))
        if isinstance(each.constraint, types.StartDateConstraint) and each.constraint.start_date <= today
    ]
    return max(days).isoformat()


def main() -> None:
    """Write the book."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    providers = {
        provider.id: {
            "url": provider.api_pattern,
            "match": clause(provider.model_match) if provider.model_match else None,
            "fallback": list(provider.fallback_model_providers or ()),
            "models": [line for entry in provider.models if (line := model(entry)) is not None],
        }
        for provider in data.providers
    }
    book = {
        "source": f"genai-prices {importlib.metadata.version('genai-prices')}",
        "date": newest(datetime.datetime.now(datetime.UTC).date()),
        "providers": providers,
    }
    lines = json.dumps(book, separators=(",", ":"), ensure_ascii=False)
    # One vendor a line: a new version of the book can be read as a difference.
    target.write_text(lines.replace('},"', '},\n"') + "\n", "utf-8")
    said = f"{target}: {book['source']}, {book['date']}, {target.stat().st_size // 1000} kB"
    sys.stdout.write(said + "\n")


if __name__ == "__main__":
    main()
