"""What `doctor` says about the price table."""

from __future__ import annotations

from dataclasses import replace

from inhouse.ops.doctor import Finding, PricesFact, examine
from tests.ops.facts import GOOD

FRESH = PricesFact("genai-prices 0.2.3", "2026-11-09", 12, stale=False)


def prices(fact: PricesFact | None) -> list[Finding]:
    """What is found about prices."""
    return [each for each in examine(replace(GOOD, prices=fact)) if each.subject == "prices"]


def test_an_old_table_is_said() -> None:
    """A stale table is a note with its age and the way out; a fresh one is shown with its day."""
    (old,) = prices(replace(FRESH, age_days=91, stale=True))
    assert old.level == "note"
    assert "91 days old" in old.message
    assert "money.price_book" in old.remedy
    (fresh,) = prices(FRESH)
    assert (fresh.level, fresh.message, fresh.remedy) == ("ok", "genai-prices 0.2.3 of 2026-11-09", "")


def test_what_has_no_price_is_said() -> None:
    """What is not known stands behind the table; without a look at it nothing is said."""
    (found,) = prices(replace(FRESH, unknown="local work has no cost"))
    assert found.message.endswith("; local work has no cost")
    assert prices(None) == []
