"""The page's files: types, freshness, and no way out of their folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.serve.middleware import Door
from inhouse.serve.static import StaticFiles
from tests.serve.client import call


@pytest.fixture
def app(tmp_path: Path) -> Door:
    root = tmp_path / "static"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<p>page</p>")
    (root / "js" / "app.js").write_text("1")
    (root / ".hidden.js").write_text("hidden")
    (root / "notes.py").write_text("source")
    (tmp_path / "outside.js").write_text("outside")
    return Door(StaticFiles(root), max_body_bytes=1000)


async def test_the_page_and_its_files(app: Door) -> None:
    """`/` is index.html; types come from our own table."""
    page = await call(app, "GET", "/")
    assert (page.body, page.headers["content-type"]) == (b"<p>page</p>", "text/html; charset=utf-8")
    script = await call(app, "GET", "/static/js/app.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_browser_asks_again_and_gets_nothing_new(app: Door) -> None:
    """ETag and no-cache: 304 while the file is the same, a head without a body."""
    first = await call(app, "GET", "/static/js/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await call(app, "GET", "/static/js/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = await call(app, "HEAD", "/static/js/app.js")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../outside.js",
        "/static/js/../../outside.js",
        "/static//outside.js",
        "/static/js\\..\\..\\outside.js",
        "/static/.hidden.js",
        "/static/notes.py",
        "/static/js",
        "/static/",
        "/static/js/app.js\0.js",
        "/static/c:/outside.js",
        "/static/js/app.js/",
    ],
)
async def test_no_name_leads_out(app: Door, path: str) -> None:
    """Parent folders, hidden files, other types and odd names are not found."""
    reply = await call(app, "GET", path)
    assert (reply.status, reply.code) == (404, "not_found")


async def test_files_are_only_read(app: Door) -> None:
    """Any other method is refused."""
    assert (await call(app, "POST", "/")).status == 400


def test_every_file_of_the_package_can_be_served() -> None:
    """Each file in static/ has a type in our table, licences and hashes apart."""
    from importlib.resources import files

    from inhouse.serve.static import MEDIA_TYPES

    root = Path(str(files("inhouse.serve"))) / "static"
    served = [path for path in root.rglob("*") if path.is_file() and path.suffix[1:] in MEDIA_TYPES]
    assert root / "index.html" in served


@pytest.mark.parametrize("name", ["a" * 300, "\u00e9" * 200, "a/" * 3000])
async def test_a_name_that_no_file_may_have_is_not_found(app: Door, name: str) -> None:
    """The system calls it an error, which is none of ours."""
    assert (await call(app, "GET", f"/static/{name}x.js")).status == 404
    assert app.failures == 0
