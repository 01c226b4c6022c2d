"""Hostile text, broken servers: nothing runs, nothing leaves, everything is said."""

from __future__ import annotations

import json
import pathlib

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot, Watch
from tests.browser.house import House, open_house
from tests.browser.papers import EVIL, PAPERS
from tests.browser.steps import ask, marked_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODEL_TEXT = """# Big

**bold** `code` <img src=x onerror=document.title='pwned'> <svg onload=document.title='pwned'>

![a](http://evil.example/a.png) ![b][ref] <style>body{display:none}</style> <a href='javascript:1'>j</a>

[j](javascript:document.title='pwned') [d](data:text/html,x) [v](vbscript:x) [ok](https://example.com/page)

<iframe src='http://evil.example'></iframe> <form action='http://evil.example'><input></form>

[ref]: http://evil.example/b.png

| a | b |
|---|---|
| 1 | 2 |

- one
- two
"""
ATTRIBUTES = (
    """text => [...text.querySelectorAll('*')].flatMap(one => [...one.attributes].map(each => each.name))"""
)


def test_document_with_markup_is_only_text(house: House, visit: Opener) -> None:
    """Markup in a document is shown as its characters, in the answer, the panel and the popover."""
    page = visit(house)
    answer = ask(page, "Which code opens the parking barrier for visitors?")
    answer.get_by_test_id("cite").first.click()
    marked_text(page)
    expect(page.get_by_test_id("document-text")).to_contain_text(EVIL)
    for place in (page.get_by_test_id("document-text"), answer):
        assert place.locator("img, script, iframe, svg[onload]").count() == 0
        assert place.locator("a[href^='javascript']").count() == 0
    assert "pwned" not in page.title()


def test_model_markdown_is_tamed(house: House, visit: Opener) -> None:
    """Of a hostile answer only structure is left: no image, handler or form; links show their host."""
    page = visit(house)
    body = f"event: delta\ndata: {json.dumps({'text': MODEL_TEXT})}\n\n"
    page.route("**/app/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.get_by_test_id("composer-input").fill("Anything?")
    page.keyboard.press("Enter")
    text = page.get_by_test_id("answer-text")
    expect(text.locator("strong")).to_have_text("bold")
    expect(text.locator("td")).to_have_count(2)
    expect(text.locator("li")).to_have_count(2)
    assert text.locator("img, svg, style, iframe, form, input, script").count() == 0
    names = set(text.evaluate(ATTRIBUTES))
    assert {name for name in names if name.startswith("on") or name == "style"} == set()
    links = text.locator("a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(text).to_contain_text("ok (example.com)")
    assert "pwned" not in page.title()


def test_policy_is_strict_and_really_on(house: House, visit: Opener, watch: Watch) -> None:
    """Inline code and foreign images are blocked by the policy itself: the control of all tests here."""
    watch.expected.append("Content Security Policy")
    page = visit(house)
    page.evaluate(
        """() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        const image = new Image();
        image.src = 'http://127.0.0.1:9/x.png';
        document.body.append(script, image);
        }"""
    )
    assert page.evaluate("window.ran") is None
    watch.foreign = [url for url in watch.foreign if url != "http://127.0.0.1:9/x.png"]


def test_server_that_goes_away_and_comes_back(
    tmp_path: pathlib.Path, visit: Opener, watch: Watch, shoot: Shoot
) -> None:
    """Without a server a banner says so, what was read stays, and the page finds it again by itself."""
    watch.expected.append("ERR_CONNECTION_REFUSED")
    with open_house(tmp_path / "home") as first:
        first.add({name: PAPERS[name] for name in ("hr/leave.md", "hr/travel.md")})
        port = int(first.url.rpartition(":")[2])
        page = visit(first)
        ask(page, "How much is reimbursed for meals during business trips?")
        before = page.get_by_test_id("answer-text").text_content() or ""
        assert "40 euros" in before
        first.stop()
        page.evaluate("dispatchEvent(new Event('focus'))")
        expect(page.get_by_test_id("unreachable")).to_be_visible()
        assert page.get_by_test_id("answer-text").text_content() == before
        shoot(page, "unreachable")
    with open_house(tmp_path / "home", port=port):
        expect(page.get_by_test_id("unreachable")).to_have_count(0)
        page.reload()
        expect(page.get_by_test_id("answer-text")).to_have_text(before)
