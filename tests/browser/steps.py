"""What a person does on the page, in one word each."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

__all__ = ["ask", "last_answer", "marked_text", "no_sideways_scroll", "settled"]


def ask(page: Page, question: str) -> Locator:
    """Ask and wait for the end of the answer; return it."""
    page.get_by_test_id("composer-input").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("question").last).to_have_text(question)
    return settled(page)


def settled(page: Page) -> Locator:
    """The last answer, once it is done and no longer live."""
    answer = last_answer(page)
    expect(answer).to_have_attribute("data-phase", "done")
    expect(page.get_by_test_id("export-md")).to_be_visible()
    return answer


def last_answer(page: Page) -> Locator:
    return page.get_by_test_id("answer").last


def marked_text(page: Page) -> str:
    """What is marked in the panel, without anything of the page between."""
    page.get_by_test_id("quote-mark").first.wait_for(state="attached")
    return "".join(
        page.get_by_test_id("quote-mark").evaluate_all("marks => marks.map(one => one.textContent)")
    )


def no_sideways_scroll(page: Page) -> None:
    """Nothing on screen is wider than the screen, nor cut off at its right side."""
    wide = page.evaluate(
        """scrolling => [...document.querySelectorAll('main, main *, .panel, .panel *')].filter(one => {
            if (one.closest(scrolling)) return false;
            const box = one.getBoundingClientRect();
            return box.width > 0 && box.right > innerWidth + 1;
        }).map(one => one.outerHTML.slice(0, 120))""",
        ".cards, .tablebox, .sheet-table, .visually-hidden, thead, .trace-body",
    )
    assert wide == [], wide
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
