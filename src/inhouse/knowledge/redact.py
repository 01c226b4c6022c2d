"""Takes what a document said out of a kept answer, and marks quotes that its document no longer holds. Pure.

An answer is JSON as some version of inhouse wrote it. Whatever names a document (a citation, a passage, the
side of a conflict) is emptied when that document is gone, and so is every sentence or statement that leans
on it, alone or with others: a sentence from two documents may tell what either of them says. A document that
was deleted and one that the reader may not see look alike, so that nobody learns which it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from typing import TypeGuard

__all__ = ["GONE", "documents_in", "mark_changed", "redact"]

GONE = {"ru": "[источник удалён или недоступен]", "en": "[source deleted or not available]"}
_SAID = frozenset({"text", "statement", "value"})
"""Keys of a thing that leans on documents under which words of theirs stand."""
_BETWEEN = re.compile(r"[\W_]*(?:\d{1,3}[.)][\W_]*)?")
"""What may stand between the sentences of an answer: signs, ends of lines, the number of an item."""

Same = Callable[[str, int, int, str], bool]
"""(document id, start, end, quote): whether the document still says so there."""


def documents_in(answer: object) -> frozenset[str]:
    """Ids of all documents that an answer names."""
    return frozenset(_ids(answer))


def redact(answer: object, text: str, gone: Set[str]) -> tuple[object, str]:
    """The answer and its plain text without anything of the documents that are gone.

    What is taken out reads "source deleted" in the answer's language; emptied citations and passages have
    `deleted: true`. An answer that names none of these documents comes back as it was.
    """
    if not _is_dict(answer) or not documents_in(answer) & gone:
        return answer, text
    words = GONE["ru" if answer.get("language", _language(text)) == "ru" else "en"]
    before = _sentences(answer)
    kept, _ = _emptied(answer, gone, words)
    assert _is_dict(kept)
    after = [one if one.get("citations") else {**one, "text": words} for one in _sentences(kept)]
    if isinstance(kept.get("sentences"), list):
        kept["sentences"] = after
    if kept.get("reason"):
        kept["reason"] = words
    pairs = [
        (str(old.get("text", "")), str(new.get("text", ""))) for old, new in zip(before, after, strict=True)
    ]
    written = _rewritten(text, pairs, words)
    if "answer" in kept:
        kept["answer"] = _rewritten(str(kept["answer"]), pairs, words)
    return kept, written


def mark_changed(answer: object, same: Same) -> object:
    """The answer with `changed: true` on each quote that its document does not hold at its place any more."""
    if isinstance(answer, list):
        return [mark_changed(one, same) for one in answer]
    if not _is_dict(answer):
        return answer
    marked = {key: mark_changed(value, same) for key, value in answer.items()}
    quote = marked.get("quote") or marked.get("text")
    document_id, start, end = (marked.get(key) for key in ("document_id", "start", "end"))
    if not isinstance(document_id, str) or not isinstance(quote, str) or not document_id or not quote:
        return marked
    if isinstance(start, int) and isinstance(end, int) and not same(document_id, start, end, quote):
        marked["changed"] = True
    return marked


def _emptied(node: object, gone: Set[str], words: str) -> tuple[object, bool]:
    """The node without what is gone, and whether it had anything of it."""
    if isinstance(node, list):
        pairs = [_emptied(one, gone, words) for one in node]
        return [one for one, _ in pairs], any(touched for _, touched in pairs)
    if not _is_dict(node):
        return node, False
    if node.get("document_id") in gone:
        return {key: _blank(key, value) for key, value in node.items()} | {"deleted": True}, True
    found = {key: _emptied(value, gone, words) for key, value in node.items()}
    touched = any(hit for _, hit in found.values())
    kept = {key: value for key, (value, _) in found.items()}
    if touched and "sentences" not in kept and "passages" not in kept:
        kept |= dict.fromkeys(_SAID & kept.keys(), words)
        kept |= {key: None for key in ("modified_at",) if key in kept}
    return kept, touched


def _blank(key: str, value: object) -> object:
    if key in ("page", "modified_at") or value is None:
        return None
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return ""
    return [] if isinstance(value, list) else 0 if isinstance(value, int | float) else None


def _rewritten(text: str, pairs: list[tuple[str, str]], words: str) -> str:
    """The text with each sentence replaced in its place; from the sentences alone where it holds more."""
    pieces: list[str] = []
    at = 0
    for old, new in pairs:
        place = text.find(old, at) if old else -1
        if place < 0 or not _BETWEEN.fullmatch(text[at:place]):
            return _joined([new for _, new in pairs], words)
        pieces += [text[at:place], new]
        at = place + len(old)
    if not pairs or not _BETWEEN.fullmatch(text[at:]):
        return _joined([new for _, new in pairs], words)
    return "".join([*pieces, text[at:]])


def _joined(sentences: list[str], words: str) -> str:
    """One to a line, what was taken out only once in a row; the words alone when nothing is left."""
    kept = [one for at, one in enumerate(sentences) if at == 0 or one != words or sentences[at - 1] != words]
    return "\n".join(kept) or words


def _ids(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _ids(one)
    elif _is_dict(node):
        if isinstance(node.get("document_id"), str) and node["document_id"]:
            yield str(node["document_id"])
        for value in node.values():
            yield from _ids(value)


def _sentences(answer: dict[str, object]) -> list[dict[str, object]]:
    found = answer.get("sentences")
    return [one for one in found if _is_dict(one)] if isinstance(found, list) else []


def _is_dict(node: object) -> TypeGuard[dict[str, object]]:
    return isinstance(node, dict)


def _language(text: str) -> str:
    return "ru" if re.search("[а-яё]", text, re.IGNORECASE) else "en"
