"""The title of a document: what its author called it, else its first heading, else its file name. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["title_of"]

LOOKED_AT_CHARS = 4_000
LONGEST = 200
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_HEADING = re.compile(r"^#\s+(.+?)\s*#*\s*$", re.MULTILINE)


def title_of(text: str, stated: str, document: str) -> str:
    """One line, never empty. `stated` is the title in the file's own metadata, "" when there is none."""
    head = text[:LOOKED_AT_CHARS]
    front = _FRONT_MATTER.match(head)
    found = _FRONT_TITLE.search(front.group(1)) if front else None
    heading = _HEADING.search(head)
    from_text = found.group(1) if found else heading.group(1) if heading else ""
    name = PurePosixPath(document).stem.replace("_", " ")
    title = " ".join((stated or _plain(from_text)).split()) or name or document
    return title if len(title) <= LONGEST else title[: LONGEST - 1] + "…"


def _plain(heading: str) -> str:
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"\{[#:.][^}]*\}|[*_`]{1,3}", "", words)
