"""For everyone: two languages, keyboard alone, every width, dark and light, less motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.steps import ask, marked_text, no_sideways_scroll, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAIRS = (
    ("ink", "paper"), ("ink-2", "paper"), ("ink-3", "paper"), ("ink-3", "card"), ("ink-3", "line-2"),
    ("accent", "paper"), ("accent", "accent-soft"), ("accent-ink", "accent"), ("warn", "paper"),
    ("warn", "card"), ("cloud", "paper"), ("bad", "card"), ("ink", "mark"), ("ink", "bad-soft"),
)  # fmt: skip
SHADE = """name => {
    const probe = document.createElement('i');
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const channels = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
    probe.remove();
    return channels;
}"""
QUESTION = "Сколько календарных дней составляет ежегодный отпуск сотрудника?"


def test_language_follows_the_browser_and_the_choice(house: House, visit: Opener) -> None:
    """Russian browsers get Russian; a choice is kept over a reload."""
    page = visit(house, language="ru-RU")
    expect(page.get_by_test_id("new-question")).to_contain_text("Новый вопрос")
    page.get_by_test_id("lang-en").click()
    expect(page.get_by_test_id("new-question")).to_contain_text("New question")
    page.reload()
    expect(page.get_by_test_id("new-question")).to_contain_text("New question")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_keyboard_alone_is_enough(house: House, visit: Opener) -> None:
    """Ask, reach a citation, open it, walk back and start anew without a mouse."""
    page = visit(house)
    page.get_by_test_id("ready").wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.press("Tab")
    page.locator("body").click(position={"x": 700, "y": 880})
    page.keyboard.press("/")
    expect(page.get_by_test_id("composer-input")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    settled(page)
    cite = page.get_by_test_id("cite").first
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if cite.evaluate("one => one === document.activeElement"):
            break
    expect(cite).to_be_focused()
    outline = cite.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert marked_text(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("panel")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("ready")).to_be_visible()
    expect(page.get_by_test_id("composer-input")).to_be_focused()


def test_scope_menu_by_keyboard(house: House, visit: Opener) -> None:
    """The menu opens, moves, chooses and closes by keys."""
    page = visit(house)
    page.get_by_test_id("scope").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("scope-menu")).to_have_count(0)
    expect(page.get_by_test_id("scope")).to_contain_text("uploads")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("scope-menu")).to_have_count(0)
    expect(page.get_by_test_id("scope")).to_be_focused()


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 1440, 2560, 3840])
def test_every_width_fits(house: House, visit: Opener, shoot: Shoot, width: int) -> None:
    """Start, answer, panel and documents have nothing that sticks out at the right."""
    page = visit(
        house, width=width, height=740 if width < 700 else 1000 if width < 2000 else 1440, language="ru-RU"
    )
    page.get_by_test_id("ready").wait_for()
    no_sideways_scroll(page)
    shoot(page, f"ready-{width}")
    answer = ask(page, QUESTION)
    no_sideways_scroll(page)
    shoot(page, f"answer-{width}")
    answer.get_by_test_id("cite").first.click()
    assert marked_text(page)
    no_sideways_scroll(page)
    shoot(page, f"panel-{width}")
    page.goto(f"{house.url}/#/documents")
    page.get_by_test_id("document-row").first.wait_for()
    no_sideways_scroll(page)
    shoot(page, f"documents-{width}")


def test_drawer_on_a_phone(house: House, visit: Opener, shoot: Shoot) -> None:
    """The sidebar is a drawer that opens, leads somewhere and closes by Escape."""
    page = visit(house, width=390, height=844)
    expect(page.get_by_test_id("nav-documents")).not_to_be_visible()
    page.get_by_test_id("open-drawer").click()
    expect(page.get_by_test_id("nav-documents")).to_be_visible()
    shoot(page, "drawer-390")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("nav-documents")).not_to_be_visible()
    page.get_by_test_id("open-drawer").click()
    page.get_by_test_id("nav-documents").click()
    expect(page.get_by_test_id("documents")).to_be_visible()
    expect(page.get_by_test_id("nav-documents")).not_to_be_visible()


def test_dark_follows_the_system_and_the_choice(house: House, visit: Opener, shoot: Shoot) -> None:
    """A dark system gets a dark page; the button overrules it and the choice is kept."""
    page = visit(house, dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    answer = ask(page, QUESTION)
    answer.get_by_test_id("cite").first.click()
    assert marked_text(page)
    shoot(page, "dark")
    page.get_by_test_id("theme").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_small_text_can_be_read(house: House, visit: Opener, dark: bool) -> None:
    """Ink on paper has the contrast that WCAG 2.2 AA asks for (4.5) in all three shades and accents."""
    page = visit(house, dark=dark)
    shades = {
        name: [channel / 255 for channel in page.evaluate(SHADE, name)] for pair in PAIRS for name in pair
    }
    ratios = {f"{ink} on {paper}": contrast(shades[ink], shades[paper]) for ink, paper in PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def contrast(one: list[float], other: list[float]) -> float:
    """Source: WCAG 2.2, "contrast ratio" and "relative luminance"."""
    dim, bright = sorted(
        sum(weight * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
            for weight, v in zip((0.2126, 0.7152, 0.0722), shade, strict=True))
        for shade in (one, other)
    )  # fmt: skip
    return (bright + 0.05) / (dim + 0.05)
