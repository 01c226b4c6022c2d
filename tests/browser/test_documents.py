"""The documents view: states with reasons, search, upload with its states, removal."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Shoot
from tests.browser.house import House
from tests.browser.papers import PAPERS
from tests.browser.steps import ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_list_says_what_could_not_be_read_and_why(house: House, visit: Opener, shoot: Shoot) -> None:
    """Every refused or empty file has its reason beside it."""
    page = visit(house, "#/documents")
    expect(page.get_by_test_id("document-row")).to_have_count(len(PAPERS))
    for state in ("refused", "empty"):
        for row in page.locator(f"[data-testid=document-row][data-status={state}]").all():
            expect(row.locator(".reason")).not_to_be_empty()
    shoot(page, "documents")
    page.get_by_test_id("filter-status").select_option("indexed")
    expect(page.get_by_test_id("document-row")).to_have_count(len(PAPERS) - 2)
    page.get_by_test_id("document-search").fill("leave")
    expect(page.get_by_test_id("document-row")).to_have_count(1)
    page.get_by_test_id("document-search").fill("nothing like it")
    expect(page.get_by_test_id("no-documents")).to_be_visible()


def test_upload_open_ask_and_remove(house: House, visit: Opener, tmp_path: Path) -> None:
    """A file comes in by the chooser, can be read and asked, and after removal is in no answer."""
    paper = tmp_path / "Canteen.md"
    paper.write_text("# Canteen\n\nThe canteen serves soup on Wednesdays from 11:45 until 14:10.\n", "utf-8")
    page = visit(house, "#/documents")
    page.get_by_test_id("file-input").set_input_files(paper)
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "done")
    row = page.get_by_test_id("document-row").filter(has_text="Canteen")
    expect(row).to_have_attribute("data-status", "indexed")
    row.get_by_role("link").first.click()
    expect(page.get_by_test_id("document-text")).to_contain_text("soup on Wednesdays")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(ask(page, "When does the canteen serve soup on Wednesdays?")).to_contain_text("11:45")
    page.get_by_test_id("nav-documents").click()
    row.get_by_test_id("document-delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(row).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(ask(page, "When does the canteen serve soup on Wednesdays?")).not_to_contain_text("11:45")


def test_refused_upload_says_why(house: House, visit: Opener, tmp_path: Path, shoot: Shoot) -> None:
    """A file that cannot be read shows its reason and can be tried again."""
    bad = tmp_path / "broken.pdf"
    bad.write_bytes(b"%PDF-1.7 and then nothing of the kind")
    page = visit(house, "#/documents")
    page.get_by_test_id("file-input").set_input_files(bad)
    upload = page.get_by_test_id("upload")
    expect(upload).to_have_attribute("data-state", "refused")
    expect(upload.locator(".reason")).not_to_be_empty()
    expect(upload.get_by_test_id("upload-retry")).to_be_visible()
    shoot(page, "documents-upload")
    upload.get_by_test_id("upload-retry").click()
    expect(upload).to_have_attribute("data-state", "processing")
    expect(upload).to_have_attribute("data-state", "refused")  # known already, and still not readable
    expect(upload.locator(".reason")).not_to_be_empty()


def test_size_is_checked_before_sending(house: House, visit: Opener, tmp_path: Path) -> None:
    """A file over the limit is refused without a request; the limit is the server's."""
    page = visit(house)
    state = house.call("GET", "/app/state")
    state["limits"]["max_file_bytes"] = 10
    page.route("**/app/state", lambda route: route.fulfill(json=state))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/app/uploads" in request.url else None)
    page.goto(f"{house.url}/#/documents")
    page.reload()
    paper = tmp_path / "large.md"
    paper.write_text("more than ten bytes", "utf-8")
    page.get_by_test_id("file-input").set_input_files(paper)
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "refused")
    assert sent == []


def test_upload_can_be_cancelled_and_tried_again(house: House, visit: Opener, tmp_path: Path) -> None:
    """Cancel ends a transfer; trying again brings the file in."""
    page = visit(house, "#/documents")
    page.route("**/app/uploads*", lambda route: None)  # a transfer that never ends
    paper = tmp_path / "Garage.md"
    paper.write_text("# Garage\n\nThe garage closes at nine.\n", "utf-8")
    page.get_by_test_id("file-input").set_input_files(paper)
    page.get_by_test_id("upload-cancel").click()
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "cancelled")
    page.unroute("**/app/uploads*")
    page.get_by_test_id("upload-retry").click()
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "done")
    row = page.get_by_test_id("document-row").filter(has_text="Garage")
    row.get_by_test_id("document-delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(row).to_have_count(0)


def test_drop_anywhere(house: House, visit: Opener) -> None:
    """Files dropped on the window are taken in, with a veil while they are held over it."""
    page = visit(house)
    page.get_by_test_id("ready").wait_for()
    transfer = page.evaluate_handle(
        """() => { const held = new DataTransfer();
        held.items.add(new File(['# Ladder\\n\\nThe ladder stands in room 12.\\n'], 'Ladder.md'));
        return held; }"""
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    expect(page.get_by_test_id("drop-veil")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(page.get_by_test_id("drop-veil")).to_have_count(0)
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "done")
    page.get_by_test_id("nav-documents").click()
    row = page.get_by_test_id("document-row").filter(has_text="Ladder")
    row.get_by_test_id("document-delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(row).to_have_count(0)


def test_folder_keeps_its_paths(house: House, visit: Opener, tmp_path: Path) -> None:
    """A chosen folder comes in with the paths below it; the noise of desktops stays out."""
    folder = tmp_path / "Depot"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "list.md").write_text("# Key list\n\nThe depot has nine keys.\n", "utf-8")
    (folder / ".DS_Store").write_bytes(b"noise")
    page = visit(house, "#/documents")
    page.get_by_test_id("folder-input").set_input_files(folder)
    expect(page.get_by_test_id("upload")).to_have_count(1)
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "done")
    row = page.get_by_test_id("document-row").filter(has_text="Depot/keys/list.md")
    row.get_by_test_id("document-delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(row).to_have_count(0)


def test_running_ingest_is_seen_and_questions_still_work(house: House, visit: Opener, shoot: Shoot) -> None:
    """While documents are read every view says how far, how fast and how long still; asking goes on."""
    page = visit(house)
    state = house.call("GET", "/app/state")
    state["ingest"] = [
        {
            "job_id": "j1",
            "state": "running",
            "source": "handbook",
            "total_files": 236,
            "done_files": 92,
            "total_bytes": 2000,
            "done_bytes": 900,
            "elapsed_s": 11.5,
            "eta_s": 17.0,
            "current": "people/onboarding.md",
            "error": None,
        }
    ]
    page.route("**/app/state", lambda route: route.fulfill(json=state))
    page.reload()
    strip = page.get_by_test_id("ingest-strip")
    for part in ("handbook", "92 of 236 files", "8 files/s", "about 17 s left", "people/onboarding.md"):
        expect(strip).to_contain_text(part)
    shoot(page, "ingest")
    ask(page, "How much may a hotel room cost per night?")
    expect(page.get_by_test_id("ingest-line")).to_contain_text("Reading 92 of 236")
