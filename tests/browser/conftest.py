"""A browser, a house with papers in it, and what every page is watched for.

Whatever a test does, at its end it is asserted that no page asked another origin for anything, that the
content-security policy blocked nothing, and that no script failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.house import House, open_house
from tests.browser.papers import PAPERS

SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip
WAIT_MS = 20_000

Opener = Callable[..., Page]
Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house that has read the papers."""
    with open_house(tmp_path_factory.mktemp("house") / "home") as running:
        running.add(PAPERS)
        yield running


@pytest.fixture
def empty_house(tmp_path: Path) -> Iterator[House]:
    """A running house without a document."""
    with open_house(tmp_path / "home") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per file of tests: its event loop must not outlive them, other files run their own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGS))
        yield started
        started.close()


class Watch:
    """What a page must never do, noted while it happens."""

    def __init__(self) -> None:
        self.origins: set[str] = set()
        self.foreign: list[str] = []
        self.requests = 0
        self.complaints: list[str] = []
        self.expected: list[str] = []
        """Parts of console messages that a test provokes on purpose."""

    def attach(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _request(self, request: Request) -> None:
        self.requests += 1
        inside = request.url.startswith(("data:", "blob:")) or any(
            request.url.startswith(f"{origin}/") for origin in self.origins
        )
        if not inside:
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.complaints.append(message.text)

    def verdict(self) -> None:
        """Assert that all was well, and that something was watched at all."""
        assert self.requests > 0
        assert self.foreign == []
        assert self.complaints == []


@pytest.fixture
def watch() -> Iterator[Watch]:
    """The watch over all pages of a test; its verdict falls at the end."""
    watching = Watch()
    yield watching
    watching.verdict()


@pytest.fixture
def visit(browser: Browser, watch: Watch) -> Iterator[Opener]:
    """Open pages: `visit(house, "#/documents", width=360, …)`. Each call is a new visitor (own storage)."""
    contexts: list[BrowserContext] = []

    def opened(
        house: House,
        path: str = "",
        *,
        width: int = 1440,
        height: int = 900,
        language: str = "en-US",
        dark: bool = False,
    ) -> Page:
        watch.origins.add(house.url)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{house.url}/{path}")
        page.get_by_test_id("sidebar").wait_for(state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def shoot() -> Shoot:
    """Keep a picture to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def shot(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return shot
