"""Sentences that the house writes itself, from quotes and from conflicts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from inhouse.kernel.documents import Citation, Passage
from inhouse.knowledge.cite import Source
from inhouse.knowledge.extract import Quote
from inhouse.knowledge.plain import plain
from inhouse.knowledge.ports import Conflict, Sentence
from inhouse.knowledge.words import Language

__all__ = ["in_language", "lead_quotes", "of_conflict", "of_quote", "says_both_sides"]

_CYRILLIC, _LETTER = re.compile(r"[а-яё]", re.IGNORECASE), re.compile(r"[^\W\d_]")
LEAD_SENTENCES, FEWEST_WORDS = 3, 4
FEWEST_LETTERS = 40
"""A shorter answer may be a name or a code, which have no language."""
LEAST_SHARE = 0.25
"""Russian answers about software are half English words; an English one with Russian names stays below."""


def lead_quotes(passages: Sequence[Passage], sources: Mapping[str, Source]) -> tuple[Quote, ...]:
    """The first sentences of the best passage, where no word of the question says which of them answers.

    Only the vectors can bring up such a passage: one that says it otherwise, or in another language.
    """
    if not passages or passages[0].vector is None:
        return ()
    of_first = [source for source in sources.values() if source.passage is passages[0]]
    told = [source for source in of_first if len(plain(source.text).split()) >= FEWEST_WORDS]
    return tuple(Quote(passages[0], source.start, source.end, 0.0) for source in told[:LEAD_SENTENCES])


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
