"""What a page of the web says about itself and where it leads. Pure."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from html.parser import HTMLParser

__all__ = ["PageFacts", "is_html", "is_readable", "leads_to_page", "page_facts"]

MOST_LINKS = 5_000
MOST_BYTES = 5_000_000
"""As much of a page is looked through for its links: 30 s a page would be a way to keep us busy."""
_READABLE = re.compile(
    r"text/(plain|markdown|csv|rtf|html)|application/(pdf|rtf|msword|epub\+zip|xhtml\+xml|vnd\.ms-.*"
    r"|vnd\.openxmlformats-.*|vnd\.oasis\.opendocument\..*)"
)
_NO_PAGES = frozenset(
    "7z avi bmp bz2 css dmg eot exe flac gif gz ico iso jar jpeg jpg js json m4a map mjs mov mp3 mp4"
    " mpeg msi ogg otf png rar rss svg tar tgz tif tiff ttf wav webm webp woff woff2 xml xz zip".split()
)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A page's title, its links as they stand there, and whether it wants to be kept and followed."""

    title: str = ""
    links: tuple[str, ...] = ()
    base: str = ""
    keep: bool = True
    follow: bool = True


def is_html(media_type: str) -> bool:
    """True for the types that pages have."""
    return media_type in ("text/html", "application/xhtml+xml")


def is_readable(media_type: str) -> bool:
    """True for types that documents have; pictures, scripts and the like are left out."""
    return _READABLE.fullmatch(media_type) is not None


def leads_to_page(path: str) -> bool:
    """False where the ending of a path says that no document can be there."""
    return path.rpartition("/")[2].rpartition(".")[2].lower() not in _NO_PAGES


def page_facts(content: bytes, charset: str) -> PageFacts:
    """The facts of a page; `charset` is what its server said, empty when it said nothing."""
    told = charset or _told_charset(content)
    content = content[:MOST_BYTES]
    try:
        text = content.decode(told or "utf-8", "replace")
    except (LookupError, ValueError):  # no charset, or one that knows no `replace`, such as `undefined`
        text = content.decode("utf-8", "replace")
    reader = _Reader()
    # `<![x[` is an assertion of the library; what stands before it counts.
    with contextlib.suppress(AssertionError):
        reader.feed(text)
    return PageFacts(
        title=" ".join("".join(reader.title).split())[:500],
        links=tuple(reader.links),
        base=reader.base,
        keep=not {"noindex", "none"} & reader.robots,
        follow=not {"nofollow", "none"} & reader.robots,
    )


def _told_charset(content: bytes) -> str:
    found = _CHARSET.search(content[:4096])
    return found[1].decode("ascii") if found else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.links: list[str] = []
        self.base = ""
        self.robots: set[str] = set()
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in ("a", "area") and given.get("href") and len(self.links) < MOST_LINKS:
            if "nofollow" not in given.get("rel", "").lower().split():
                self.links.append(given["href"])
        elif tag == "base" and not self.base:
            self.base = given.get("href", "")
        elif tag == "meta" and given.get("name", "").lower() in ("robots", "inhouse"):
            self.robots |= {word.strip() for word in given.get("content", "").lower().split(",")}
        elif tag == "title":
            self._in_title = not self.title

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
