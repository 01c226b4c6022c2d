"""Sentences that the house writes itself, from quotes and from conflicts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inhouse.kernel.documents import Citation
from inhouse.knowledge.extract import Quote
from inhouse.knowledge.plain import plain
from inhouse.knowledge.ports import Conflict, Sentence
from inhouse.knowledge.words import Language

__all__ = ["in_language", "of_conflict", "of_quote", "says_both_sides"]

_CYRILLIC, _LETTER = re.compile(r"[а-яё]", re.IGNORECASE), re.compile(r"[^\W\d_]")
FEWEST_LETTERS = 40
"""A shorter answer may be a name or a code, which have no language."""
LEAST_SHARE = 0.25
"""Russian answers about software are half English words; an English one with Russian names stays below."""


def of_quote(quote: Quote) -> Sentence:
    """A quote as a sentence of the answer; its text is empty when only marks stand there."""
    passage = quote.passage
    citation = Citation(
        document_id=passage.document_id,
        document=passage.document,
        source=passage.source,
        page=passage.page,
        start=quote.start,
        end=quote.end,
        quote=quote.text,
        # The passage came out of the document's text at these offsets a moment ago.
        verified=passage.text[quote.start - passage.start : quote.end - passage.start] == quote.text,
        doubtful=any(start < quote.end and quote.start < end for start, end in passage.doubts),
        modified_at=passage.modified_at,
    )
    return Sentence(plain(quote.text), (citation,), supported=True)


def of_conflict(conflict: Conflict) -> Sentence:
    """The statement of a conflict, which rests on a quote of each side."""
    return Sentence(conflict.statement, tuple(side.citation for side in conflict.sides), supported=True)


def says_both_sides(conflict: Conflict, sentences: Sequence[Sentence]) -> bool:
    """True when supported sentences cite every side, so that nothing has to be added."""
    cited = {
        (citation.document_id, citation.start)
        for sentence in sentences
        if sentence.supported
        for citation in sentence.citations
    }
    return all((side.citation.document_id, side.citation.start) in cited for side in conflict.sides)


def in_language(text: str, language: Language) -> bool:
    """False when an answer is plainly not in the language of its question."""
    letters = len(_LETTER.findall(text))
    if letters < FEWEST_LETTERS:
        return True
    share = len(_CYRILLIC.findall(text)) / letters
    return share >= LEAST_SHARE if language == "ru" else share <= 1 - LEAST_SHARE
