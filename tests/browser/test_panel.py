"""The source panel: the quote marked exactly, in the middle, reachable by address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shoot, Watch
from tests.browser.house import House
from tests.browser.papers import LONG_QUOTE, PDF_QUOTE
from tests.browser.steps import ask, marked_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LEAVE = "Сколько календарных дней составляет ежегодный отпуск сотрудника?"
ARCHIVE = "How many years does the Vladivostok cellar archive keep signed originals?"
WARRANTY = "How long is the warranty on laminated doors?"


def quotes_of(house: House, page: Page) -> list[dict[str, str]]:
    """All citations of the open chat's last answer, as the server keeps them."""
    found = re.search(r"#/c/([^?]+)", page.url)
    assert found
    answer = house.call("GET", f"/app/chats/{found[1]}")["messages"][-1]["answer"]
    return [citation for sentence in answer["sentences"] for citation in sentence["citations"]]


def in_the_middle(page: Page) -> bool:
    """The mark lies within the middle half of the sheet."""
    sheet = page.get_by_test_id("sheet").bounding_box()
    mark = page.get_by_test_id("quote-mark").first.bounding_box()
    assert sheet
    assert mark
    middle = mark["y"] + mark["height"] / 2
    return sheet["y"] + sheet["height"] / 4 < middle < sheet["y"] + sheet["height"] * 3 / 4


def test_mark_is_the_quote(house: House, visit: Opener, shoot: Shoot) -> None:
    """A click on a number opens the document with exactly the quoted characters marked."""
    page = visit(house, language="ru-RU")
    answer = ask(page, LEAVE)
    answer.get_by_test_id("cite").first.click()
    quote = quotes_of(house, page)[0]
    assert marked_text(page) == quote["quote"]
    expect(page.get_by_test_id("panel-title")).to_have_text("Положение об отпусках")
    document = house.call("GET", f"/app/documents/{quote['document_id']}")
    assert page.get_by_test_id("document-text").evaluate("one => one.textContent") == document["text"]
    shoot(page, "answer-panel")


def test_long_document_opens_at_the_quote(house: House, visit: Opener) -> None:
    """Of a megabyte only a window is drawn, with the quote in its middle; more is a click away."""
    page = visit(house)
    ask(page, ARCHIVE).get_by_test_id("cite").first.click()
    assert LONG_QUOTE in marked_text(page)
    assert in_the_middle(page)
    drawn = page.get_by_test_id("document-text")
    assert len(drawn.inner_text()) < 60_000
    page.get_by_test_id("more-above").click()
    page.get_by_test_id("more-below").click()
    expect(page.get_by_test_id("more-above")).to_be_visible()
    assert len(drawn.inner_text()) > 30_000
    assert LONG_QUOTE in marked_text(page)


def test_address_survives_a_reload(house: House, visit: Opener) -> None:
    """The address names chat, message and citation; a reload shows the same mark."""
    page = visit(house)
    ask(page, ARCHIVE).get_by_test_id("cite").first.click()
    before = marked_text(page)
    assert re.search(r"#/c/[^?]+\?m=[^&]+&s=1$", page.url)
    page.reload()
    assert marked_text(page) == before
    page.get_by_test_id("panel-close").click()
    expect(page.get_by_test_id("panel")).to_have_count(0)
    page.go_back()
    assert marked_text(page) == before


def test_link_to_a_quote_opens_for_anyone(house: House, visit: Opener) -> None:
    """The quote button copies an address that marks the same characters for another visitor."""
    page = visit(house)
    ask(page, ARCHIVE).get_by_test_id("cite").first.click()
    before = marked_text(page)
    page.get_by_test_id("copy-quote").click()
    expect(page.get_by_test_id("notice")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert before in copied
    link = copied.splitlines()[-1]
    assert link.startswith(f"{house.url}/#/d/")
    other = visit(house, link.removeprefix(f"{house.url}/"))
    assert marked_text(other) == before


def test_arrows_walk_the_citations(house: House, visit: Opener) -> None:
    """Left and right go through the citations of the answer, and stop at its ends."""
    page = visit(house, language="ru-RU")
    ask(page, "Сколько дней составляет ежегодный отпуск и за сколько дней подаётся заявление на отпуск?")
    quotes = quotes_of(house, page)
    assert len({(one["document_id"], one["start"]) for one in quotes}) >= 2
    page.get_by_test_id("cite").first.click()
    first = marked_text(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("cite-position")).to_contain_text("2 из")
    assert marked_text(page) != first
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("cite-position")).to_contain_text("1 из")
    assert marked_text(page) == first
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("panel")).to_have_count(0)


def test_pdf_shows_the_page_with_boxes(house: House, visit: Opener, shoot: Shoot) -> None:
    """A PDF opens as the picture of its page with the quote boxed; its text is one click away."""
    page = visit(house)
    ask(page, WARRANTY).get_by_test_id("cite").first.click()
    image = page.get_by_test_id("page-image")
    expect(image).to_be_visible()
    expect(page.get_by_test_id("quote-box").first).to_be_visible()
    sheet = image.bounding_box()
    box = page.get_by_test_id("quote-box").first.bounding_box()
    assert sheet
    assert box
    assert sheet["x"] <= box["x"]
    assert box["x"] + box["width"] <= sheet["x"] + sheet["width"] + 1
    shoot(page, "pdf-page")
    page.get_by_test_id("view-text").click()
    assert PDF_QUOTE in " ".join(marked_text(page).split())


def test_original_can_be_downloaded(house: House, visit: Opener) -> None:
    """The original is the file as it came."""
    page = visit(house)
    ask(page, WARRANTY).get_by_test_id("cite").first.click()
    with page.expect_download() as waiting:
        page.get_by_test_id("panel-original").click()
    assert waiting.value.path().read_bytes().startswith(b"%PDF-1.4")


def test_document_that_is_gone_is_said(house: House, visit: Opener, watch: Watch) -> None:
    """An address of a document that does not exist says so instead of an empty panel."""
    watch.expected.append("404")
    page = visit(house, "#/d/nothing?start=1&end=5")
    expect(page.get_by_test_id("panel-failed")).to_contain_text("no longer here")


def test_document_that_goes_while_it_is_read_is_said(house: House, visit: Opener, watch: Watch) -> None:
    """Removing a document elsewhere replaces it in an open panel; another removal leaves a panel alone."""
    watch.expected.append("404")
    house.add({"gone/first.md": b"# First\n\nOne.\n", "gone/second.md": b"# Second\n\nTwo.\n"})
    found = house.call("GET", "/app/documents?q=gone/")["documents"]
    ids = {one["document"]: one["document_id"] for one in found}
    page = visit(house, f"#/d/{ids['gone/second.md']}")
    expect(page.get_by_test_id("document-text")).to_contain_text("Two.")
    house.call("DELETE", f"/app/documents/{ids['gone/first.md']}")
    with page.expect_response(lambda one: one.url.endswith(ids["gone/second.md"])):
        page.evaluate("() => { dispatchEvent(new Event('focus')); }")
    expect(page.get_by_test_id("document-text")).to_contain_text("Two.")
    house.call("DELETE", f"/app/documents/{ids['gone/second.md']}")
    page.evaluate("() => { dispatchEvent(new Event('focus')); }")
    expect(page.get_by_test_id("panel-failed")).to_contain_text("no longer here")


@pytest.mark.parametrize(
    ("name", "quote", "cells"),
    [
        ("sales/prices.csv", "W-7;Wardrobe Ladoga;66300", ["W-7", "Wardrobe Ladoga", "66300"]),
        ("sales/rates.md", "| Region \\| north | 2400 | 3 |", ["Region \\| north", "2400", "3"]),
    ],
)
def test_tables_look_like_tables_and_stay_exact(
    house: House, visit: Opener, name: str, quote: str, cells: list[str]
) -> None:
    """Rows have cells, numbers stand right, and yet every character of the text and the mark is there."""
    listed = house.call("GET", "/app/documents?limit=100")["documents"]
    document = house.call(
        "GET", next(f"/app/documents/{one['document_id']}" for one in listed if one["document"] == name)
    )
    start = document["text"].index(quote)
    page = visit(house, f"#/d/{document['document_id']}?start={start}&end={start + len(quote)}")
    if document["look"]:
        page.get_by_test_id("view-text").click()
    assert marked_text(page) == quote
    assert page.get_by_test_id("document-text").evaluate("one => one.textContent") == document["text"]
    row = page.locator(".sheet-row").filter(has=page.get_by_test_id("quote-mark"))
    expect(row.locator(".sheet-cell")).to_have_count(3)
    assert [cell.strip() for cell in row.locator("mark:not(.unseen mark)").all_inner_texts()] == cells
    expect(row.locator(".sheet-cell.num").first).to_have_css("text-align", "right")
