"""What a model leaves behind: answers without an end, claims that fail, tables; and what it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.steps import ask, last_answer
from tests.browser.test_model_answer import BARE, FIRST, passage, sentence, told, written

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PART = {
    "answer": f"{FIRST} Most people",
    "sentences": [sentence(FIRST, 1)],
    "passages": [passage(1, "Leave policy"), passage(2, "Newcomer memo")],
}
TABLE = "Leave by kind:\n\n| Kind | Days |\n|---|---|\n| Yearly | 28 |\n| Study |  up to\u00a040 |"
ROWS = ("Leave by kind:", "| Kind | Days |", "|---|---|", "| Yearly | 28 |", "| Study | up to 40 |")


def kept(page: Page, status: str, answer: Mapping[str, object]) -> None:
    """Let the server know one chat, `x1`, whose only answer ended like this."""
    question = {"message_id": "q", "role": "user", "status": "done", "text": "How many days?"}
    reply = {"message_id": "a", "role": "assistant", "status": status, "text": answer["answer"]}
    messages = [question | {"answer": None}, reply | {"answer": answer}]
    body = {"chat_id": "x1", "title": "How many days?", "messages": messages}
    page.route("**/app/chats/x1", lambda route: route.fulfill(json=body))


def test_a_stopped_answer_keeps_its_sources(house: House, visit: Opener) -> None:
    """What the server kept of a cancelled answer is drawn with its cards and its checked sentences."""
    page = visit(house)
    kept(page, "cancelled", PART)
    page.goto(f"{house.url}/#/c/x1")
    answer = last_answer(page)
    expect(answer.get_by_test_id("stopped")).to_be_visible()
    expect(answer.get_by_test_id("cite")).to_have_text("1")
    expect(answer.get_by_test_id("card")).to_contain_text("Leave policy")
    expect(answer.get_by_test_id("also-read")).to_contain_text("1 more")


def test_a_failure_keeps_its_reason_beside_what_was_kept(house: House, visit: Opener) -> None:
    """After the kept chat was loaded, the tab that saw the failure still says why, with the sources."""
    page = visit(house)
    kept(page, "failed", PART)
    events = [
        ("started", {"chat_id": "x1", "message_id": "a"}),
        ("passages", {"passages": PART["passages"]}),
        ("delta", {"text": PART["answer"]}),
        ("error", {"code": "disk_full", "message": "The disk is full", "hint": ""}),
    ]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    page.route("**/app/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.get_by_test_id("composer-input").fill("How many days?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("export-md")).to_be_visible()
    expect(last_answer(page).get_by_test_id("cite")).to_have_text("1")
    expect(page.get_by_test_id("failed")).to_contain_text("The disk is full")


def test_a_source_that_does_not_say_it_is_no_proof(house: House, visit: Opener, shoot: Shoot) -> None:
    """A claim its own source does not carry says so, on the page and on the clipboard, and looks unproved."""
    claim = "The bonus is 99 million."
    wrong = sentence(claim, 2) | {"supported": False}
    sentences = [sentence(FIRST, 1), wrong, sentence(BARE)]
    page = told(visit(house), written() | {"answer": f"{FIRST} {claim} {BARE}", "sentences": sentences})
    marks = page.get_by_test_id("unsupported")
    assert marks.all_inner_texts() == ["not confirmed by its source", "no source"]
    assert "unsure" in (page.get_by_test_id("cite").nth(1).get_attribute("class") or "")
    assert "unsure" not in (page.get_by_test_id("cite").first.get_attribute("class") or "")
    shoot(page, "model-unconfirmed")
    page.get_by_test_id("copy-answer").click()
    expect(page.get_by_test_id("notice")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert f"{claim} [2] (not confirmed by its source)" in text


def test_a_table_of_a_model_stays_a_table(house: House, visit: Opener) -> None:
    """Rows wear their numbers inside the table; the line under its head is no claim."""
    sentences = [sentence(row, 1) if "28" in row or "40" in row else sentence(row) for row in ROWS]
    page = told(visit(house), written() | {"answer": TABLE, "sentences": sentences})
    table = page.get_by_test_id("answer-text").locator("table")
    expect(table.locator("th")).to_have_count(2)
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.locator("tbody td")).to_have_count(4)
    expect(table.locator("tbody").get_by_test_id("cite")).to_have_count(2)
    expect(page.get_by_test_id("proof")).to_contain_text("2 of 4 sentences")


def test_an_address_at_the_end_of_a_sentence_stays_itself(house: House, visit: Opener) -> None:
    """The number of the sentence stands behind the link and is no part of its address."""
    text = "The form is at https://forms.example/leave"
    page = told(visit(house), written() | {"answer": text, "sentences": [sentence(text, 1)]})
    link = page.get_by_test_id("answer-text").locator("a")
    expect(link).to_have_attribute("href", "https://forms.example/leave")
    expect(link.get_by_test_id("cite")).to_have_count(0)
    expect(page.get_by_test_id("cite")).to_have_count(1)


def test_a_long_question_leaves_its_answer_in_sight(house: House, visit: Opener, shoot: Shoot) -> None:
    """20,000 characters are folded to some lines and can be read whole."""
    page = visit(house, language="en-US")
    ask(page, ("How much may a hotel room cost per night? " * 500)[:20_000].strip())
    expect(page.get_by_test_id("question")).to_be_in_viewport()
    expect(page.get_by_test_id("answer")).to_be_in_viewport()
    shoot(page, "long-question")
    fold = page.get_by_test_id("question-fold")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    assert page.get_by_test_id("question").evaluate("one => one.scrollHeight - one.clientHeight") <= 1


def test_other_tabs_hear_of_a_question_when_it_begins(house: House, visit: Opener) -> None:
    """A follow-up that is still being answered is announced, not only one that has ended."""
    page = visit(house)
    ask(page, "How much may a hotel room cost per night?")
    chat_id = page.url.split("#/c/")[1].split("?")[0]
    other = page.context.new_page()
    other.goto(f"{house.url}/")
    other.evaluate(
        """() => { window.heard = [];
        new BroadcastChannel("inhouse").onmessage = one => { window.heard.push(one.data); }; }"""
    )
    page.evaluate(
        """chat_id => { const real = window.fetch; window.fetch = (path, options) => {
        if (path !== "/app/ask") return real(path, options);
        const data = JSON.stringify({ chat_id, message_id: "m" });
        const body = new ReadableStream({ start: one =>
            one.enqueue(new TextEncoder().encode(`event: started\\ndata: ${data}\\n\\n`)) });
        return Promise.resolve(new Response(body)); } }""",
        chat_id,
    )
    page.get_by_test_id("composer-input").fill("And in Berlin?")
    page.keyboard.press("Enter")
    other.evaluate(
        """() => new Promise(done => { const look = () =>
            window.heard.length ? done() : setTimeout(look, 20); look(); })"""
    )
    assert other.evaluate("window.heard") == ["chats"]
    expect(page.get_by_test_id("stop")).to_be_visible()


def test_quotes_in_place_of_a_model_say_why(house: House, visit: Opener) -> None:
    """Where a model is set up and did not write the answer, the receipt holds the reason; elsewhere not."""
    reason = "the model did not answer: the answer is made of quotes"
    answer = written(where="none", engine="none", model=None, reason=reason)
    without = told(visit(house), answer)
    expect(without.get_by_test_id("why-quotes")).to_have_text("verbatim quotes")
    state = house.call("GET", "/app/state")
    state["engines"] = [{"name": "ollama-1", "kind": "ollama", "allowed": True, "state": "down"}]
    page = visit(house)
    page.route("**/app/state", lambda route: route.fulfill(json=state))
    page.reload()
    expect(told(page, answer).get_by_test_id("why-quotes")).to_have_text(reason)
