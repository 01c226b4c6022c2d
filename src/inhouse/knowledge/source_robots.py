"""What a site's robots.txt and sitemaps say. Pure.

Source: RFC 9309 (robots.txt: groups, longest match, `*` and `$`), sitemaps.org protocol 0.9. `Crawl-delay`
is no standard, and many sites mean it.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Robots", "read_robots", "read_sitemap"]

MOST_BYTES = 500_000
"""RFC 9309 asks for as much of a robots.txt to be read; the rest is left out."""
MOST_RULES = 5_000
MOST_PLACES = 50_000
"""Addresses in one sitemap, as its protocol has it."""
LONGEST_DELAY_S = 30.0
# Nothing in it gives back what it took (`+` after a count): a hostile sitemap costs no more than its length.
_LOCATION = re.compile(
    rb"<(?:\w{1,20}:)?loc>\s{0,100}+(?:<!\[CDATA\[)?+([^<>\]]{1,4200}+)(?:\]\]>)?+\s{0,100}+</(?:\w{1,20}:)?loc>"
)


@dataclass(frozen=True, slots=True)
class Robots:
    """The lines that are for us: (allowed, pattern), and the pause that is asked for."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay_s: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, target: str) -> bool:
        """True when this path and query may be asked for; the longest line decides, `allow` of two equals."""
        path = _plain(target)
        best = (-1, True)
        for allowed, pattern in self.rules:
            if pattern and _matches(pattern, path):
                best = max(best, (len(pattern), allowed))
        return best[1]


def read_robots(content: bytes, product: str) -> Robots:
    """What is said to `product` (`inhouse`), or to everybody when nothing is said to it."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    sitemaps: list[str] = []
    in_rules = False
    for line in content[:MOST_BYTES].decode("utf-8", "replace").lstrip("\ufeff").splitlines():
        key, separator, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not separator:
            continue
        if key == "sitemap":
            sitemaps.append(value)
        elif key == "user-agent":
            agents = [] if in_rules else agents
            in_rules = False
            agents.append(value.lower())
            groups.setdefault(value.lower(), [])
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for agent in agents:
                groups[agent].append((key, value))
    lines = groups.get(product.lower(), groups.get("*", []))
    delays = [float(value) for key, value in lines if key == "crawl-delay" and _is_number(value)]
    return Robots(
        tuple((key == "allow", _plain(value)) for key, value in lines if key != "crawl-delay")[:MOST_RULES],
        min(max(delays, default=0.0), LONGEST_DELAY_S),
        tuple(sitemaps),
    )


def read_sitemap(content: bytes) -> tuple[bool, Sequence[str]]:
    """Whether it lists other sitemaps instead of pages, and its addresses in their order.

    Read by pattern, not by an XML reader: nothing in it can then ask for other files or grow without end.
    """
    if b"<" not in content[:1000]:
        lines = content.decode("utf-8", "replace").splitlines()
        return False, [line.strip() for line in lines if line.strip()][:MOST_PLACES]
    index = re.search(rb"<(?:\w+:)?sitemapindex[\s>]", content[:5000]) is not None
    found = (one[1] for one in itertools.islice(_LOCATION.finditer(content), MOST_PLACES))
    return index, [html.unescape(one.decode("utf-8", "replace")).strip() for one in found]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) is not None


def _plain(target: str) -> str:
    return unquote(target.replace("%2F", "%252F").replace("%2f", "%252f"), errors="replace")


def _matches(pattern: str, path: str) -> bool:
    """True when the path begins as the pattern says; each `*` takes as little as it can, and is tried once.

    No regular expression: `/*a*a*a*a*b` would try every way to share out a long path among its stars.
    """
    ends = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not others:
        return path == first if ends else path.startswith(first)
    if not path.startswith(first):
        return False
    at = len(first)
    last = others.pop() if ends else ""
    for piece in others:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(path) - len(last) >= at and path.endswith(last)
