"""Orders the sentences of passages for a question: the unit that is quoted.

A sentence is judged by its own words, counted threefold, beside those of its surroundings (the sentence
before it, headings, title), by how near the question's words are to each other, by whether it holds the kind
of value asked for, and by the passage that it stands in.

    score = BM25(own x 3 + around) + 0.3 held + 0.5 closeness + 0.5 kind + 0.5 passage

Chosen on every third of 1,436 XQuAD questions, each sentence of 676 documents a unit, nDCG@10 ru / en: plain
BM25 .797 / .815, own words doubled beside the sentence before .806 / .854, with the passage's score .825 /
.873, own words threefold .830 / .882, with relatives of words .848 / .883, with held, closeness and kind
.854 / .891. The sentence after it as well: .817 / .857. bench/sentences.py prints what it is today.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inhouse.kernel.documents import Passage
from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.plain import plain
from inhouse.knowledge.rank import Weights, closeness
from inhouse.knowledge.sentences import sentence_spans
from inhouse.knowledge.sighting import Lookout, Sighting
from inhouse.knowledge.words import AnswerKind, Question, Vocabulary, holds_kind

__all__ = ["Line", "Scored", "rank_sentences", "read_lines", "score_lines"]

OWN_TIMES, K1, B, USUAL_STEMS = 3, 1.0, 0.6, 60
HELD_WEIGHT, CLOSENESS_WEIGHT, KIND_WEIGHT, PASSAGE_WEIGHT = 0.3, 0.5, 0.5, 0.5
SHORTEST = 3
"""Stems; anything shorter is a label, not a statement."""
LABEL_STEMS, LABEL_SHARE = 7, 0.6
"""A short line without a full stop or a figure is a label or an entry of a table of contents."""
_ENDS = re.compile(r"[.!?…;:]|\d|\|")


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, list item or table row: `start` and `end` are offsets in the document."""

    start: int
    end: int
    stems: tuple[str, ...]
    trust: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A line of a passage; `worth` is what its own words and surroundings say, `score` adds its passage."""

    passage: Passage
    line: Line
    worth: float
    score: float


@dataclass(frozen=True, slots=True)
class _Sought:
    question: Question
    weights: Weights
    lookout: Lookout


@dataclass(frozen=True, slots=True)
class _Sighted:
    """A line with what it says of the question; the next line is led by it."""

    line: Line
    seen: Sequence[Sighting]


def read_lines(passage: Passage, vocabulary: Vocabulary) -> tuple[Line, ...]:
    """The lines of a passage in order."""
    lines = []
    for start, end in sentence_spans(passage.text, read_blocks(passage.text)):
        text = passage.text[start:end]
        stems = tuple(vocabulary.stems(text))
        trust = LABEL_SHARE if len(stems) < LABEL_STEMS and not _ENDS.search(text) else 1.0
        lines.append(Line(passage.start + start, passage.start + end, stems, trust))
    return tuple(lines)


def rank_sentences(
    asked: Sequence[tuple[Question, Weights]], passages: Sequence[Passage], vocabulary: Vocabulary
) -> list[Scored]:
    """All sentences of the passages, best first, each with its best score for any of the things asked."""
    lines_of = [read_lines(passage, vocabulary) for passage in passages]
    best: dict[tuple[str, int], Scored] = {}
    for question, weights in asked:
        for one in score_lines(question, weights, passages, lines_of, vocabulary):
            key = (one.passage.document_id, one.line.start)
            if key not in best or best[key].score < one.score:
                best[key] = one
    return sorted(best.values(), key=lambda one: (-one.score, one.passage.document_id, one.line.start))


def score_lines(
    question: Question,
    weights: Weights,
    passages: Sequence[Passage],
    lines_of: Sequence[Sequence[Line]],
    vocabulary: Vocabulary,
) -> list[Scored]:
    """Every line of the passages with its score, in their order; `lines_of` goes with `passages`."""
    lookout = weights.lookout()
    sought = _Sought(question, weights, lookout)
    scored: list[Scored] = []
    for passage, lines in zip(passages, lines_of, strict=True):
        header = lookout.among(vocabulary.stems(" ".join((*passage.heading, passage.title))))
        before: _Sighted | None = None
        for line in lines:
            one = _Sighted(line, lookout.sight(line.stems))
            joined = before is not None and line.start - before.line.end <= 2
            worth = _worth(one, header, before if joined else None, sought)
            if worth > 0 and question.wants is not None and _holds(passage, line, question.wants):
                worth += KIND_WEIGHT * min(1.0, worth)
            worth *= line.trust
            score = worth + PASSAGE_WEIGHT * passage.score * line.trust if worth > 0 else 0.0
            scored.append(Scored(passage, line, worth, score))
            before = one
    return scored


def _worth(one: _Sighted, header: Mapping[str, float], lead: _Sighted | None, sought: _Sought) -> float:
    """What the line says of the question; surroundings count only beside words of its own or a lead.

    A lead is the sentence before: "Change the passcode. It must be longer than 14 characters."
    """
    line, seen = one.line, one.seen
    led = lead.seen if lead is not None else ()
    if len(line.stems) < SHORTEST:
        return 0.0
    if not seen and not led:
        return 0.0
    own: dict[str, float] = {}
    for _, stem, share in seen:
        own[stem] = own.get(stem, 0.0) + share
    counts = {stem: OWN_TIMES * n for stem, n in own.items()}
    for _, stem, share in led:
        counts[stem] = counts.get(stem, 0.0) + share
    for stem, share in header.items():
        counts[stem] = counts.get(stem, 0.0) + share
    length = OWN_TIMES * len(line.stems) + (len(lead.line.stems) if lead is not None else 0)
    norm = K1 * (1 - B + B * length / USUAL_STEMS)
    of = sought.weights.of
    return (
        sum(of[stem] * n * (K1 + 1) / (n + norm) for stem, n in counts.items())
        + HELD_WEIGHT * sum(of[stem] * min(1.0, n) for stem, n in own.items())
        + CLOSENESS_WEIGHT * closeness(sought.question.stems, seen, of)
    )


def _holds(passage: Passage, line: Line, wants: AnswerKind) -> bool:
    return holds_kind(plain(passage.text[line.start - passage.start : line.end - passage.start]), wants)
