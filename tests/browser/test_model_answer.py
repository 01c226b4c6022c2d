"""An answer as a model writes it: what is proved, what is not, where it was made and what it cost.

The house of these tests has no model, so the stream is given to the page as the server would send it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = "**Leave** is 28 days."
BARE = "Most people take it in summer."
ITEM = "- Hand it in two weeks before."


def passage(number: int, title: str) -> dict[str, object]:
    """A passage of its own document."""
    return {
        "document": f"hr/{number}.md",
        "document_id": f"d{number}",
        "source": "hr",
        "title": title,
        "page": number,
        "heading": [title, "Terms"],
        "start": 0,
        "end": 100,
        "text": "x" * 100,
        "score": 1 / number,
        "modified_at": 1.77e9,
    }


def sentence(text: str, *documents: int) -> dict[str, object]:
    """A sentence with one quote of each document; without any it is unsupported."""
    quotes = [
        {
            "document": f"hr/{number}.md",
            "document_id": f"d{number}",
            "source": "hr",
            "page": number,
            "start": 10,
            "end": 30,
            "quote": f"quote of {number}",
            "verified": True,
        }
        for number in documents
    ]
    return {"text": text, "citations": quotes, "supported": bool(documents)}


def written(**receipt: object) -> dict[str, object]:
    """A whole answer; `receipt` changes its receipt."""
    facts = {
        "engine": "ollama-1",
        "model": "qwen2.5:32b",
        "where": "local",
        "reason": "document answers stay local",
        "tokens_in": 1214,
        "tokens_out": 96,
        "cost_micros": 0,
        "saved_micros": 4200,
        "usage_estimated": False,
        "documents_searched": 1284,
        "ms": {"search": 12.0, "first_token": 640.0, "total": 1900.0},
    }
    return {
        "answer": f"{FIRST} {BARE}\n\n{ITEM}",
        "language": "en",
        "sentences": [sentence(FIRST, 1), sentence(BARE), sentence(ITEM, 2, 1)],
        "band": "hedge",
        "refused": False,
        "reason": "The term is not named outright.",
        "passages": [passage(1, "Leave policy"), passage(2, "Newcomer memo"), passage(3, "Calendar")],
        "receipt": {**facts, **receipt},
    }


def stream(answer: Mapping[str, object]) -> str:
    """The events of an answer that is not kept in a chat."""
    sentences = answer["sentences"]
    assert isinstance(sentences, list)
    events = [
        ("started", {"chat_id": None, "message_id": None}),
        ("passages", {"passages": answer["passages"]}),
        ("delta", {"text": answer["answer"]}),
        *(("sentence", one) for one in sentences),
        ("receipt", answer["receipt"]),
        ("done", {**answer, "chat_id": None, "message_id": None}),
    ]
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)


def told(page: Page, answer: Mapping[str, object]) -> Page:
    """Ask anything and get this answer."""
    body = stream(answer)
    page.route("**/app/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.get_by_test_id("composer-input").fill("How many days of leave?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("answer")).to_have_attribute("data-phase", "done")
    return page


def test_every_claim_wears_its_source_or_says_it_has_none(house: House, visit: Opener, shoot: Shoot) -> None:
    """Numbers stand behind sentences in prose and lists; what has no source is underlined and says so."""
    page = told(visit(house), written())
    text = page.get_by_test_id("answer-text")
    assert text.get_by_test_id("cite").all_inner_texts() == ["1", "2", "1"]
    expect(text.locator("strong")).to_have_text("Leave")
    expect(text.locator("li").get_by_test_id("cite")).to_have_count(2)
    expect(text.locator(".un")).to_have_text(BARE)
    expect(text.get_by_test_id("unsupported")).to_have_text("no source")
    expect(page.get_by_test_id("hedge")).to_contain_text("not named outright")
    expect(page.get_by_test_id("proof")).to_contain_text("2 of 3 sentences checked")
    shoot(page, "model-answer")


def test_used_sources_first_the_rest_on_request(house: House, visit: Opener) -> None:
    """After the answer only cited cards are shown; the others are one click away and keep their numbers."""
    page = told(visit(house), written())
    expect(page.get_by_test_id("card")).to_have_count(2)
    page.get_by_test_id("also-read").click()
    expect(page.get_by_test_id("card")).to_have_count(3)
    expect(page.get_by_test_id("card").last).to_contain_text("3")
    expect(page.get_by_test_id("card").last).to_contain_text("Calendar")


def test_receipt_of_a_local_answer(house: House, visit: Opener) -> None:
    """Local, engine, model, tokens, time, and a price that is zero because it is known."""
    receipt = told(visit(house), written()).get_by_test_id("receipt")
    expect(receipt.get_by_test_id("where")).to_have_text("Local")
    for part in ("qwen2.5:32b · ollama-1", "1,214 → 96 tokens", "1.9 s", "$0.0042 saved"):
        expect(receipt).to_contain_text(part)
    expect(receipt.get_by_test_id("cost")).to_have_text("$0")


def test_receipt_of_a_cloud_answer(house: House, visit: Opener) -> None:
    """Cloud is said in words; an unknown price is unknown, and an estimate says that it is one."""
    answer = written(where="cloud", cost_micros=None, saved_micros=None, usage_estimated=True)
    receipt = told(visit(house), answer).get_by_test_id("receipt")
    expect(receipt.get_by_test_id("where")).to_have_text("Cloud")
    expect(receipt).to_contain_text("cost unknown")
    expect(receipt).to_contain_text("≈ 1,214 → 96 tokens")
    expect(receipt.get_by_test_id("cost")).to_have_count(0)


def test_the_line_opens_to_what_was_done(house: House, visit: Opener) -> None:
    """The step line says time, documents and passages, and opens to times, route and scores."""
    page = told(visit(house), written())
    trace = page.get_by_test_id("trace")
    for part in ("Done in 1.9 s", "1,284 documents searched", "3 passages read"):
        expect(trace).to_contain_text(part)
    trace.click()
    expect(page.get_by_test_id("step")).to_contain_text("document answers stay local")
    expect(page.get_by_test_id("step").locator("tbody tr")).to_have_count(3)
