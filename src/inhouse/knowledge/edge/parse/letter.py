"""A letter, however it was stored: its head, its words, and what was attached, as text and layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inhouse.knowledge.edge.parse.archived import InnerFile
from inhouse.knowledge.edge.parse.draft import Draft
from inhouse.knowledge.edge.parse.drawn import Pictures
from inhouse.knowledge.edge.parse.inner import append, shown_name
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.unseen import visible
from inhouse.knowledge.layout import MailField, MailLayout, MailPart, write_layout

__all__ = ["Letter", "write_letter"]

_SHOWN = ("Subject", "From", "To", "Cc", "Date")


@dataclass(slots=True)
class Letter:
    """`head` by the names of `_SHOWN`; `pictures` are those inside the words of the letter."""

    head: dict[str, str]
    body: str = ""
    files: list[InnerFile] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    sent_at: float | None = None


def write_letter(letter: Letter, media_type: str, means: Means) -> Parsed:
    """Head, words, then each attachment under its name."""
    draft = Draft()
    fields: list[MailField] = []
    for name in _SHOWN:
        value = " ".join(visible(letter.head.get(name, "")).split())
        if value:
            start, end = draft.line(f"{name}: {value}")
            fields.append(MailField(name.lower(), start + len(name) + 2, end))
    if letter.files:
        draft.line("Attachments: " + ", ".join(shown_name(file.name) for file in letter.files))
    start, end = draft.block(letter.body.strip())
    end = max(end, _add_pictures(draft, letter.pictures, means))
    taken = append(draft, letter.files, means, title="Attachment")
    parts = tuple(
        MailPart(one.name, one.media_type, one.size_bytes, one.start, one.end, one.reason) for one in taken
    )
    return Parsed(
        draft.text(),
        "text",
        media_type,
        title=" ".join(visible(letter.head.get("Subject", "")).split())[:300],
        modified_at=letter.sent_at,
        layout=write_layout(MailLayout(tuple(fields), start, end, parts)),
        doubts=tuple(draft.doubts),
    )


def _add_pictures(draft: Draft, pictures: Sequence[bytes], means: Means) -> int:
    reader, end = Pictures(means), 0
    for data in pictures:
        start, at = draft.block(reader.words(data))
        end = at if at > start else end
    return end
