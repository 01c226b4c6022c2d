"""Words on the pictures inside a document, as far as OCR can tell, within limits for each document."""

from __future__ import annotations

import hashlib
import re

from inhouse.knowledge.edge.parse.draft import marked
from inhouse.knowledge.edge.parse.inner import read_part
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.pictures import picture_size
from inhouse.knowledge.edge.parse.unseen import visible

__all__ = ["MAX_PICTURE_BYTES", "Pictures", "described"]

MAX_PICTURES = 20
MAX_PICTURE_BYTES = 30 << 20
MIN_PICTURE_PX = 80
_NO_DESCRIPTION = re.compile(
    r"\.(?:png|jpe?g|gif|emf|wmf|bmp|svg|tiff?)$|^(?:picture|рисунок|image) ?\d*$", re.IGNORECASE
)


class Pictures:
    """Reads each picture of one document once; without OCR there are never any words."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._left = MAX_PICTURES if means.languages else 0
        self._seen: set[bytes] = set()

    @property
    def more(self) -> bool:
        """True while another picture may be read."""
        return self._left > 0

    def words(self, data: bytes) -> str:
        """What stands on the picture, its doubts marked for the draft; "" for logos, photographs, repeats."""
        if not self.more or len(data) > MAX_PICTURE_BYTES:
            return ""
        width, height = picture_size(data)
        if min(width, height) < MIN_PICTURE_PX and (width < 2 * MIN_PICTURE_PX or height < 20):
            return ""
        key = hashlib.blake2b(data, digest_size=16).digest()
        if key in self._seen:
            return ""
        self._seen.add(key)
        self._left -= 1
        read = read_part(data, "picture", self._means)
        self._means.beat()
        if not isinstance(read, Parsed) or not _is_prose(read.text):
            return ""
        return marked(read.text, read.doubts)


def _is_prose(words: str) -> bool:
    """OCR of a photograph gives crumbs of letters; text gives words."""
    long = re.findall(r"[^\W\d_]{3,}", words)
    return len(long) >= 2 and sum(map(len, long)) >= 0.5 * sum(not char.isspace() for char in words)


def described(words: str | None) -> str:
    """The description of a picture, marked as one; "" for names of files and what programs fill in."""
    line = " ".join(visible(words or "").split())
    if not line or _NO_DESCRIPTION.search(line):
        return ""
    return f"[Picture: {line[:1000].replace(']', ')')}]"
