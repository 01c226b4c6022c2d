"""The first page: empty, then with a document, then with a question."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.steps import ask, no_sideways_scroll

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_empty_house_says_what_to_do(empty_house: House, visit: Opener, shoot: Shoot) -> None:
    """Without a document there is a drop zone, and no question field that could only disappoint."""
    page = visit(empty_house, language="ru-RU")
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.get_by_test_id("dropzone")).to_contain_text("Файлы остаются на этой машине")
    expect(page.get_by_test_id("composer")).to_have_count(0)
    shoot(page, "empty")
    page.set_viewport_size({"width": 360, "height": 740})
    no_sideways_scroll(page)
    shoot(page, "empty-360")


def test_first_file_leads_to_the_first_answer(
    empty_house: House, visit: Opener, tmp_path: Path, shoot: Shoot
) -> None:
    """A file chosen on the empty page is sent, read, and answers a question."""
    paper = tmp_path / "Отпуск.md"
    paper.write_text("# Отпуск\n\nОтпуск сотрудника составляет 28 календарных дней в году.\n", "utf-8")
    page = visit(empty_house, language="ru-RU")
    page.get_by_test_id("file-input").set_input_files(paper)
    expect(page.get_by_test_id("ready")).to_be_visible()
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "done")
    shoot(page, "ready")
    answer = ask(page, "Сколько дней отпуска у сотрудника?")
    expect(answer.get_by_test_id("answer-text")).to_contain_text("28 календарных дней")


def test_examples_are_real(house: House, visit: Opener) -> None:
    """What the page offers to start from are documents of this house; a click limits the question to one."""
    page = visit(house)
    names = {one["title"] for one in house.call("GET", "/app/documents?status=indexed")["documents"]}
    offered = page.get_by_test_id("ask-document")
    expect(offered.first).to_be_visible()
    assert set(offered.locator("span").all_inner_texts()) <= names
    name = offered.locator("span").first.inner_text()
    offered.first.click()
    expect(page.get_by_test_id("scope")).to_contain_text(name)
    page.get_by_test_id("scope-clear").click()
    expect(page.get_by_test_id("scope")).to_contain_text("All documents")
