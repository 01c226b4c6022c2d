"""Document text as a person reads it, without Markdown marks; for display only, offsets are the quote's."""

from __future__ import annotations

import re

__all__ = ["plain"]

_TAGS = (
    "a|abbr|b|blockquote|br|center|code|dd|del|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|img|ins|kbd"
    "|li|mark|ol|p|pre|s|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul"
)
_BULLET = re.compile(r"^\s*(?:[-*+•–]|#{1,6}|\(?\d{1,3}[.)])\s+(?=\S)")
_STEPS = (
    (re.compile(r'\{%-?\s*(?:cut|note\s+\w+)\s+"([^"]*)"\s*-?%\}'), r"\1 "),  # YFM: these titles are shown
    (
        re.compile(r"(?m)\s*\{[#.][\w.-]+\}|^\s*(?:#\||\|#|\|\|)|(?:\|\||\|#)\s*$"),
        "",
    ),  # anchors, tables of YFM
    (re.compile(r"\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)(?:\{[^}]*\})?"), r"\1"),
    (re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE), " "),
    (re.compile(r"<((?:https?|mailto):[^<>\s]+)>"), r"\1"),
    (re.compile(r"(?m)^\s*(?:>\s?)+"), ""),
    (_BULLET, ""),
    (re.compile(r"(?<!\w)([*_]{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"\*\*|`"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|-])"), r"\1"),
)
_MARKED = re.compile(r"[{\[<>#|*_`\\]")
"""What every mark but a bullet holds; most prose has none of it and needs none of the steps."""
_CELLS = re.compile(r"\s*\|\s*")


def plain(quote: str) -> str:
    """One line without marks; a table row becomes its cells with middle dots between them."""
    if not _MARKED.search(quote):
        return " ".join(_BULLET.sub("", quote).split())
    text = quote
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    if text.strip().startswith("|") and text.strip().endswith("|"):
        cells = [cell for cell in _CELLS.split(text.strip().strip("|")) if cell.strip(" -:")]
        text = " · ".join(cells)
    return " ".join(text.split())
