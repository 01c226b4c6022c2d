"""Conversations: restored, renamed, deleted, searched, and the same in two tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Watch
from tests.browser.house import House
from tests.browser.steps import ask, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEALS = "How much is reimbursed for meals during business trips?"
HOTEL = "How much may a hotel room cost per night?"


def test_reload_restores_the_answer(house: House, visit: Opener) -> None:
    """After a reload the same words, numbers and receipt are there."""
    page = visit(house)
    ask(page, MEALS)
    before = page.get_by_test_id("answer").inner_text()
    page.reload()
    settled(page)
    assert page.get_by_test_id("answer").inner_text() == before


def test_rename_search_and_delete(house: House, visit: Opener) -> None:
    """A conversation gets a new title, is found by it, and is gone after a question in the page."""
    page = visit(house)
    ask(page, HOTEL)
    entry = page.locator("[data-testid=chat-entry].on")
    entry.hover()
    entry.get_by_test_id("chat-rename").click()
    field = page.get_by_test_id("chat-title-input")
    field.fill("Rooms <b>of</b> the year")
    field.press("Enter")
    named = page.get_by_test_id("chat-entry").filter(has_text="Rooms <b>of</b> the year")
    expect(named).to_have_count(1)
    page.get_by_test_id("chat-search").fill("Rooms <b>of")
    expect(page.get_by_test_id("chat-entry")).to_have_count(1)
    page.get_by_test_id("chat-search").fill("zzzz")
    expect(page.get_by_test_id("chat-entry")).to_have_count(0)
    page.get_by_test_id("chat-search").fill("")
    expect(named).to_have_count(1)
    named.hover()
    named.get_by_test_id("chat-delete").click()
    page.get_by_test_id("confirm-no").click()
    expect(named).to_have_count(1)
    named.hover()
    named.get_by_test_id("chat-delete").click()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("confirm")).to_have_count(0)
    expect(named).to_have_count(1)
    named.hover()
    named.get_by_test_id("chat-delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(named).to_have_count(0)
    expect(page.get_by_test_id("ready")).to_be_visible()


def test_two_tabs_agree(house: House, visit: Opener, watch: Watch) -> None:
    """What one tab asks or deletes is seen in the other without a reload."""
    watch.expected.append("404")  # the second tab looks for the deleted chat
    first = visit(house)
    ask(first, MEALS)
    second = first.context.new_page()
    second.goto(first.url)
    settled(second)
    ask(first, HOTEL)
    expect(second.get_by_test_id("turn")).to_have_count(2)
    expect(second.get_by_test_id("answer").last).to_have_attribute("data-phase", "done")
    entry = first.locator("[data-testid=chat-entry].on")
    entry.hover()
    entry.get_by_test_id("chat-delete").click()
    first.get_by_test_id("confirm-yes").click()
    second.bring_to_front()
    expect(second.get_by_test_id("chat-missing")).to_be_visible()


def test_export_holds_the_conversation(house: House, visit: Opener) -> None:
    """The exports are files that hold question and answer."""
    page = visit(house)
    ask(page, MEALS)
    for kind in ("md", "json"):
        with page.expect_download() as waiting:
            page.get_by_test_id(f"export-{kind}").click()
        text = waiting.value.path().read_text("utf-8")
        assert MEALS in text
        assert "40 euros" in text


def test_unknown_chat_is_said(house: House, visit: Opener, watch: Watch) -> None:
    """An address of a chat that does not exist leads back to a new question."""
    watch.expected.append("404")
    page = visit(house, "#/c/nothing")
    expect(page.get_by_test_id("chat-missing")).to_be_visible()
