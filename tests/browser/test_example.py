"""The browser example: a page of another origin, its answer piece by piece, and the local/cloud badge."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Shoot, Watch
from tests.browser.house import House, open_house

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "examples" / "browser"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The example's folder, served from an origin of its own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(PAGE)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def allowing(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that lets this one origin in."""
    settings = {
        "INHOUSE_SERVER_CORS_ORIGINS": site,
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_SERVER_OLLAMA_PORT": "0",
    }
    with open_house(tmp_path_factory.mktemp("house") / "home", settings=settings) as running:
        yield running


def opened(browser: Browser, watch: Watch, site: str, house: House) -> Page:
    """The example's page, pointed at the house; both origins are expected, no other."""
    watch.origins |= {site, house.url}
    context = browser.new_context(viewport={"width": 900, "height": 700})
    watch.attach(context)
    page = context.new_page()
    page.goto(f"{site}/?inhouse={house.url}")
    return page


def test_an_answer_with_its_badge(
    browser: Browser, watch: Watch, site: str, allowing: House, shoot: Shoot
) -> None:
    """The page reads the exposed headers: the badge says local and names the model; the text arrives."""
    page = opened(browser, watch, site, allowing)
    page.get_by_label("Question").fill("Say hello.")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#badge")).to_have_text("local · smollm2-135m-demo", timeout=60_000)
    assert "by embedded" in (page.locator("#badge").get_attribute("title") or "")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=60_000)
    assert page.locator("#answer").inner_text().strip()
    shoot(page, "example-answer")
    page.context.close()


def test_what_must_stay_stays(browser: Browser, watch: Watch, site: str, allowing: House) -> None:
    """With the box ticked the preflight and the request carry the word, and a local model answers."""
    page = opened(browser, watch, site, allowing)
    page.get_by_label("keep it in the house").check()
    page.get_by_label("Question").fill("Say hello.")
    with page.expect_request("**/v1/chat/completions") as asked:
        page.get_by_role("button", name="Ask").click()
    assert asked.value.headers["x-inhouse-data"] == "local_only"
    expect(page.locator("#badge")).to_have_class("badge local", timeout=60_000)
    page.context.close()


def test_another_origin_is_shut_out(browser: Browser, watch: Watch, site: str, house: House) -> None:
    """The control: a house that allows nobody answers the page with nothing it may read."""
    watch.expected += ["CORS", "Failed to load resource", "403"]
    page = opened(browser, watch, site, house)
    page.get_by_label("Question").fill("Say hello.")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#badge")).to_have_text("failed")
    page.context.close()
