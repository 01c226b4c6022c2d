"""Sources, people, access and the trash, as a stranger would use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot, Watch
from tests.browser.house import House
from tests.browser.steps import no_sideways_scroll

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A folder with two departments."""
    for name, words in {
        "pay/grades.md": "Grade 7 is paid 5000 euros.",
        "menu.md": "Soup on Mondays.",
    }.items():
        path = tmp_path / "papers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {path.stem}\n\n{words}\n", "utf-8")
    return tmp_path / "papers"


def test_a_stranger_adds_a_source_and_sees_who_reads_it(
    empty_house: House, visit: Opener, papers: Path, shoot: Shoot
) -> None:
    """Source with readers, a user, and the reason why somebody does and does not see a document."""
    page = visit(empty_house, "#/sources")
    expect(page.get_by_test_id("no-sources")).to_be_visible()
    page.get_by_test_id("add-source").click()
    page.get_by_test_id("source-name").fill("Papers")
    page.get_by_test_id("source-address").fill(str(papers))
    page.get_by_test_id("source-readers").fill("finance")
    page.get_by_test_id("source-submit").click()
    card = page.get_by_test_id("source")
    expect(card).to_contain_text("finance")
    expect(card.get_by_test_id("source-last")).to_contain_text("2 added")
    shoot(page, "sources")
    page.get_by_test_id("tab-people").click()
    page.get_by_test_id("group-name").fill("finance")
    page.get_by_test_id("group-add").click()
    expect(page.get_by_test_id("group-row").filter(has_text="finance")).not_to_contain_text("nobody made it")
    for user, groups in (("anna", "finance"), ("boris", "")):
        page.get_by_test_id("user-name").fill(user)
        page.get_by_test_id("user-groups").fill(groups)
        page.get_by_test_id("user-add").click()
        expect(page.get_by_test_id("user-row").filter(has_text=user)).to_be_visible()
    for user, may in (("anna", "true"), ("boris", "false")):
        page.get_by_test_id("explain-user").fill(user)
        page.get_by_test_id("explain-document").fill("pay/grades.md")
        page.get_by_test_id("explain-ask").click()
        told = page.get_by_test_id("explanation")
        expect(told).to_contain_text(user)
        expect(told).to_have_attribute("data-may", may)
    shoot(page, "people")
    page.get_by_test_id("tab-sources").click()
    card.get_by_test_id("source-edit").click()
    card.get_by_test_id("source-groups").fill("everyone")
    card.get_by_test_id("source-save").click()
    expect(card).to_contain_text("everyone")
    page.get_by_test_id("tab-documents").click()
    row = page.get_by_test_id("document-row").filter(has_text="menu")
    row.get_by_test_id("document-about").click()
    dialog = page.get_by_test_id("about")
    dialog.get_by_test_id("why-query").fill("dragons")
    dialog.get_by_test_id("why-ask").click()
    expect(dialog.get_by_test_id("why-answer")).not_to_be_empty()
    dialog.get_by_test_id("about-groups").fill("finance:2")
    dialog.get_by_test_id("about-save").click()
    expect(dialog.locator(".tag").first).to_have_text("finance:2")
    shoot(page, "about-document")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("document-row").filter(has_text="menu")).to_have_count(0)


def test_a_removed_source_can_be_brought_back(
    empty_house: House, visit: Opener, papers: Path, shoot: Shoot
) -> None:
    """Its documents go to the trash, are found nowhere, and come back with one click; all fits a phone."""
    page = visit(empty_house, "#/sources")
    page.get_by_test_id("add-source").click()
    page.get_by_test_id("source-name").fill("Papers")
    page.get_by_test_id("source-address").fill(str(papers))
    page.get_by_test_id("source-readers").fill("everyone")
    page.get_by_test_id("source-submit").click()
    card = page.get_by_test_id("source")
    expect(card.get_by_test_id("source-last")).to_contain_text("2 added")
    card.get_by_test_id("source-remove").click()
    page.get_by_test_id("confirm-yes").click()
    expect(page.get_by_test_id("no-sources")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{empty_house.url}/#/trash")
    expect(page.get_by_test_id("trash-row")).to_have_count(2)
    no_sideways_scroll(page)
    shoot(page, "trash-phone")
    page.get_by_test_id("restore-all").click()
    expect(page.get_by_test_id("no-trash")).to_be_visible()
    assert empty_house.call("GET", "/app/state")["documents"]["indexed"] == 2


def test_who_does_not_administer_is_told_so(house: House, visit: Opener, watch: Watch) -> None:
    """Sources, people and trash explain themselves to a colleague, in the page's language."""
    watch.expected.append("403")
    page = visit(house, "#/documents", language="ru-RU")
    page.context.set_extra_http_headers({"x-inhouse-user": "anna"})
    for view in ("sources", "people", "trash"):
        page.get_by_test_id(f"tab-{view}").click()
        expect(page.get_by_test_id("not-yours")).to_contain_text("Только для администраторов")
        expect(page.get_by_test_id("add-source")).to_have_count(0)


def test_an_upload_is_for_the_chosen_group(empty_house: House, visit: Opener, tmp_path: Path) -> None:
    """The group is chosen before the files; the list then says who may read them."""
    page = visit(empty_house, "#/people")
    page.get_by_test_id("group-name").fill("finance")
    page.get_by_test_id("group-add").click()
    expect(page.get_by_test_id("group-row").filter(has_text="finance")).to_be_visible()
    page.get_by_test_id("tab-documents").click()
    page.get_by_test_id("upload-readers").select_option("finance")
    paper = tmp_path / "grades.md"
    paper.write_text("# Grades\n\nGrade 7 is paid.", "utf-8")
    page.locator("input[type=file]").first.set_input_files(paper)
    expect(page.get_by_test_id("upload").first).to_have_attribute("data-state", "done")
    expect(page.get_by_test_id("upload").first).to_contain_text("finance")
    assert empty_house.call("GET", "/app/documents")["documents"] == []
