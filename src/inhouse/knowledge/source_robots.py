"""What a site's robots.txt and sitemaps say. Pure.

Source: RFC 9309 (robots.txt: groups, longest match, `*` and `$`), sitemaps.org protocol 0.9. `Crawl-delay`
is no standard, and many sites mean it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Robots", "read_robots", "read_sitemap"]

MOST_BYTES = 500_000
"""RFC 9309 asks for as much of a robots.txt to be read; the rest is left out."""
LONGEST_DELAY_S = 30.0
_LOCATION = re.compile(
    rb"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<>\]]{1,4000}?)\s*(?:\]\]>)?\s*</(?:\w+:)?loc>"
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
            if pattern and _expression(pattern).match(path):
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
        tuple((key == "allow", _plain(value)) for key, value in lines if key != "crawl-delay"),
        min(max(delays, default=0.0), LONGEST_DELAY_S),
        tuple(sitemaps),
    )


def read_sitemap(content: bytes) -> tuple[bool, Sequence[str]]:
    """Whether it lists other sitemaps instead of pages, and its addresses in their order.

    Read by pattern, not by an XML reader: nothing in it can then ask for other files or grow without end.
    """
    if b"<" not in content[:1000]:
        lines = content.decode("utf-8", "replace").splitlines()
        return False, [line.strip() for line in lines if line.strip()]
    index = re.search(rb"<(?:\w+:)?sitemapindex[\s>]", content[:5000]) is not None
    return index, [html.unescape(one.decode("utf-8", "replace")) for one in _LOCATION.findall(content)]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) is not None


def _plain(target: str) -> str:
    return unquote(target.replace("%2F", "%252F").replace("%2f", "%252f"), errors="replace")


def _expression(pattern: str) -> re.Pattern[str]:
    ends = pattern.endswith("$")
    pieces = [re.escape(piece) for piece in pattern.removesuffix("$").split("*")]
    return re.compile(".*".join(pieces) + (r"\Z" if ends else ""), re.DOTALL)
