"""Workbooks, slides and mails open as they look, with exactly the quote marked."""

from __future__ import annotations

from typing import Any  # JSON of every route

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.steps import marked_text, no_sideways_scroll
from tests.knowledge.office_samples import shape, show
from tests.knowledge.samples import mail, xlsx

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS: list[list[str | float]] = [[f"Person {n}", float(n)] for n in range(400)]
BUDGET = xlsx(
    {
        "Plan": [["Item", "Amount"], ["Hammers 𝟐", 1200], ["Nails", 45]],
        "Staff": [["Name", "Days"], *ROWS],
    }
)
SHOW = show(
    {
        "slide1": shape("Launch plan", (100, 20, 800, 80), "title"),
        "slide2": shape("Risks", (100, 20, 800, 80), "title")
        + shape("The crane is late.", (100, 150, 600, 60)),
    }
)


@pytest.fixture(scope="module")
def looks(house: House) -> House:
    """The house with one document of each look."""
    house.add(
        {
            "look/budget.xlsx": BUDGET,
            "look/launch.pptx": SHOW,
            "look/offer.eml": mail("Offer 7", "The crane costs 900 euros.\n"),
        }
    )
    return house


def opened(house: House, visit: Opener, name: str, quote: str) -> tuple[Page, dict[str, Any]]:
    """The page with a document open at a quote, and the document."""
    listed = house.call("GET", f"/app/documents?q={name}")["documents"]
    document = house.call("GET", f"/app/documents/{listed[0]['document_id']}")
    start = document["text"].index(quote)
    return visit(house, f"#/d/{document['document_id']}?start={start}&end={start + len(quote)}"), document


def test_a_workbook_opens_at_the_cell(looks: House, visit: Opener, shoot: Shoot) -> None:
    """The sheet of the quote is in front, its cell marked at its address; other sheets are a click away."""
    page, document = opened(looks, visit, "budget.xlsx", "Person 300")
    assert document["look"] == "sheets"
    assert marked_text(page) == "Person 300"
    expect(page.locator("td.quoted")).to_have_attribute("data-cell", "A302")
    expect(page.get_by_test_id("sheet-tab").nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("more-above")).to_be_visible()
    page.get_by_test_id("more-above").click()
    assert marked_text(page) == "Person 300"
    shoot(page, "workbook")
    page.get_by_test_id("sheet-tab").first.click()
    expect(page.locator("td[data-cell=A2]")).to_have_text("Hammers 𝟐")
    expect(page.locator("td[data-cell=B2]")).to_have_css("text-align", "right")
    page.get_by_test_id("view-text").click()
    assert marked_text(page) == "Person 300"


def test_offsets_count_characters_beyond_the_basic_plane(looks: House, visit: Opener) -> None:
    """A cell after such a character is marked exactly."""
    page, _ = opened(looks, visit, "budget.xlsx", "Nails")
    assert marked_text(page) == "Nails"
    expect(page.locator("td.quoted")).to_have_attribute("data-cell", "A3")


def test_a_presentation_opens_at_the_slide(looks: House, visit: Opener, shoot: Shoot) -> None:
    """The slide of the quote is shown, its words lie in their box, the others can be turned to."""
    page, document = opened(looks, visit, "launch.pptx", "The crane is late.")
    assert document["look"] == "slides"
    assert marked_text(page) == "The crane is late."
    slide = page.get_by_test_id("slide").bounding_box()
    mark = page.get_by_test_id("quote-mark").bounding_box()
    assert slide
    assert mark
    assert 0.05 < (mark["x"] - slide["x"]) / slide["width"] < 0.15
    assert 0.2 < (mark["y"] - slide["y"]) / slide["height"] < 0.6
    shoot(page, "slide")
    page.get_by_test_id("page-prev").click()
    expect(page.get_by_test_id("slide")).to_contain_text("Launch plan")


def test_a_mail_opens_as_a_mail(looks: House, visit: Opener, shoot: Shoot) -> None:
    """Subject and head stand above the words, and the quote is marked in them; also on a phone."""
    page, document = opened(looks, visit, "offer.eml", "900 euros")
    assert document["look"] == "mail"
    assert marked_text(page) == "900 euros"
    expect(page.locator(".mail-subject")).to_have_text("Offer 7")
    expect(page.locator(".mail-head")).to_contain_text("anna@example.org")
    page.set_viewport_size({"width": 390, "height": 800})
    no_sideways_scroll(page)
    shoot(page, "mail-phone")
