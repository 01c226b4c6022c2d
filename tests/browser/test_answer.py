"""Asking: cards before words, numbers behind sentences, the receipt, refusals, stop and again."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.papers import LEAVE_QUOTE
from tests.browser.steps import ask, last_answer, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTION = "Сколько календарных дней составляет ежегодный отпуск сотрудника?"
PASSAGE = {
    "document": "a.md",
    "document_id": "x",
    "source": "s",
    "title": "Paper A",
    "page": 2,
    "heading": ["H"],
    "start": 0,
    "end": 5,
    "text": "Hello",
    "score": 1.0,
    "modified_at": 1.7e9,
}
UNKNOWN = "Какова зарплата космонавта на Марсе?"


def test_answer_wears_its_sources(house: House, visit: Opener, shoot: Shoot) -> None:
    """Cards, a number behind the sentence, its quote on focus, and a receipt that says no model was used."""
    page = visit(house, language="ru-RU")
    answer = ask(page, QUESTION)
    expect(answer.get_by_test_id("card").first).to_contain_text("Положение об отпусках")
    expect(answer.get_by_test_id("answer-text")).to_contain_text("28 календарных дней")
    expect(answer.get_by_test_id("where")).to_have_text("Без модели")
    expect(answer.get_by_test_id("proof")).to_contain_text("проверено")
    cite = answer.get_by_test_id("cite").first
    page.keyboard.press("Tab")
    cite.focus()
    expect(page.get_by_test_id("popover")).to_contain_text("28 календарных дней")
    shoot(page, "answer-popover")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("popover")).to_have_count(0)
    cite.blur()
    cite.focus()
    expect(page.get_by_test_id("popover")).to_have_count(1)
    page.get_by_test_id("composer-input").focus()
    expect(page.get_by_test_id("popover")).to_have_count(0)


def test_cards_come_before_the_first_word(house: House, visit: Opener) -> None:
    """The first paint of cards is not later than the first paint of text."""
    page = visit(house)
    page.evaluate(
        """() => { window.seen = [];
        const note = what => window.seen.includes(what) || window.seen.push(what);
        new MutationObserver(() => {
            if (document.querySelector('[data-testid=card]')) note('cards');
            if (document.querySelector('[data-testid=answer-text]')) note('text');
        }).observe(document.body, { childList: true, subtree: true }); }"""
    )
    ask(page, "How much is reimbursed for meals during business trips?")
    assert page.evaluate("window.seen") == ["cards", "text"]


def test_refusal_shows_the_nearest_places(house: House, visit: Opener, shoot: Shoot) -> None:
    """No answer is said in the language of the question, with at most three places to look at."""
    page = visit(house, language="en-US")
    answer = ask(page, UNKNOWN)
    refusal = answer.get_by_test_id("refusal")
    expect(refusal).to_be_visible()
    words = refusal.locator(".refusal-words")
    expect(words).to_have_attribute("lang", "ru")
    assert any("а" <= letter <= "я" for letter in words.inner_text().lower())
    assert answer.get_by_test_id("nearest").get_by_test_id("card").count() <= 3
    expect(answer.get_by_test_id("cite")).to_have_count(0)
    shoot(page, "refusal")


def test_copy_brings_the_sources_along(house: House, visit: Opener) -> None:
    """The copied text holds question, answer and a numbered list of documents."""
    page = visit(house, language="ru-RU")
    answer = ask(page, QUESTION)
    answer.get_by_test_id("copy-answer").click()
    expect(page.get_by_test_id("notice")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(QUESTION)
    assert LEAVE_QUOTE in text
    assert "Источники:\n[1]" in text
    assert "hr/leave.md" in text


def test_again_is_another_attempt_at_one_question(house: House, visit: Opener) -> None:
    """Answering again keeps one question with two attempts, also after a reload."""
    page = visit(house)
    ask(page, "How much may a hotel room cost per night?")
    page.get_by_test_id("again").click()
    expect(page.get_by_test_id("variants")).to_contain_text("2 / 2")
    settled(page)
    expect(page.get_by_test_id("turn")).to_have_count(1)
    page.reload()
    expect(page.get_by_test_id("variants")).to_contain_text("2 / 2")
    page.get_by_test_id("variants").get_by_role("button").first.click()
    expect(page.get_by_test_id("variants")).to_contain_text("1 / 2")


def test_follow_up_stays_in_the_conversation(house: House, visit: Opener) -> None:
    """A second question stands below the first, in the same chat."""
    page = visit(house)
    ask(page, "How much is reimbursed for meals during business trips?")
    address = page.url
    ask(page, "How much may a hotel room cost per night?")
    assert page.url == address
    expect(page.get_by_test_id("turn")).to_have_count(2)


def test_scope_limits_the_sources(house: House, visit: Opener) -> None:
    """A question limited to one document shows cards of that document only."""
    page = visit(house, "#/documents")
    row = page.get_by_test_id("document-row").filter(has_text="hr/travel.md")
    row.get_by_test_id("document-ask").click()
    expect(page.get_by_test_id("scope")).to_contain_text("Travel")
    answer = ask(page, "How much is reimbursed for meals during business trips?")
    also = answer.get_by_test_id("also-read")
    if also.count():
        also.click()
    for card in answer.get_by_test_id("card").all():
        assert (card.get_attribute("title") or "").endswith("hr/travel.md")


def test_stopped_answer_can_be_asked_again(house: House, visit: Opener) -> None:
    """Stop ends the stream at once; what is kept says so and offers to try again."""
    page = visit(house)
    page.route("**/app/ask", lambda route: None)  # a server that never answers
    page.get_by_test_id("composer-input").fill("How much may a hotel room cost per night?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stopped")).to_be_visible()
    page.unroute("**/app/ask")
    page.get_by_test_id("retry").click()
    settled(page)


def test_stream_that_breaks_off_is_said(house: House, visit: Opener) -> None:
    """A stream without its end shows what came, says that it was cut, and can be tried again."""
    page = visit(house)
    body = (
        f"event: passages\ndata: {json.dumps({'passages': [PASSAGE]})}\n\n"
        'event: delta\ndata: {"text":"Hel"}\n\n: comment\n\nevent: delta\ndata: {"text":"lo"}\n\n'
    )
    page.route("**/app/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.get_by_test_id("composer-input").fill("How much may a hotel room cost per night?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("failed")).to_contain_text("cut off")
    expect(last_answer(page).get_by_test_id("answer-text")).to_have_text("Hello")
    expect(last_answer(page).get_by_test_id("card")).to_contain_text("Paper A")
    page.unroute("**/app/ask")
    page.get_by_test_id("retry").click()
    settled(page)
