"""Judges searches and answers against what a question file expects. Numbers only; no model has a say.

A place counts as found when it overlaps the evidence by offsets in the document's own text, so that a quote
of the right words from the wrong page does not. Evidence that does not stand in its document (a typing error
in the question file, another version of the text) is told apart: such a question measures nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from inhouse.knowledge.values import figures
from inhouse.knowledge.words import Language, language_of

__all__ = [
    "Expected",
    "GivenAnswer",
    "GivenSentence",
    "Place",
    "find_quote",
    "judge_answer",
    "judge_search",
    "read_questions",
]

SEARCHED = 10
UNANSWERABLE = "unanswerable"
CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of a question file. `evidence` are (file, quote); `kind` is the file's `type`.

    `user` is on whose behalf it is asked, "" for the caller of the run; passages and citations of
    `forbidden` documents are leaks.
    """

    question_id: str
    kind: str
    language: Language
    question: str
    evidence: tuple[tuple[str, str], ...] = ()
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    user: str = ""
    forbidden: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """False for questions whose answer no document holds."""
        return self.kind != UNANSWERABLE


@dataclass(frozen=True, slots=True)
class Place:
    """`text[start:end]` of the document at that path below its source."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class GivenSentence:
    """A sentence of an answer with where it is cited; `quotes` are the words of these places."""

    text: str
    supported: bool
    cited: tuple[Place, ...]
    quotes: tuple[str, ...]
    verified: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What the house answered. `passages` are in its order; `stated` counts conflicts that it named."""

    text: str
    band: str
    reason: str
    passages: tuple[Place, ...]
    sentences: tuple[GivenSentence, ...]
    stated: int = 0


def read_questions(text: str) -> tuple[Expected, ...]:
    """A question file: one JSON object a line, keys as in the guide `evaluate`; unknown keys are left alone.

    Raises:
        ValueError: if a line is no such object; it names the line.
    """
    found: list[Expected] = []
    seen: set[str] = set()
    # Not splitlines: JSON may hold U+2028 and other "line ends" inside a string.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            evidence = tuple((str(each["file"]), str(each["quote"])) for each in row.get("evidence") or ())
            found.append(
                Expected(
                    question_id=str(row.get("id") or number),
                    kind=str(row.get("type") or ("single" if evidence else UNANSWERABLE)),
                    language=_language(row),
                    question=str(row["question"]),
                    evidence=evidence,
                    must=_words(row.get("answer_must_contain")),
                    must_not=_words(row.get("answer_must_not_contain")),
                    user=str(row.get("as") or ""),
                    forbidden=_words(row.get("forbidden")),
                )
            )
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no question: {error!r}") from None
        if found[-1].question_id in seen:
            raise ValueError(f"line {number} has the id {found[-1].question_id!r} of an earlier line")
        seen.add(found[-1].question_id)
    return tuple(found)


def _language(row: Mapping[str, object]) -> Language:
    given = row.get("language") or language_of(str(row["question"]))
    for known in get_args(Language):
        if given == known:
            return cast("Language", known)
    raise ValueError(f"language {given!r}, not one of {', '.join(get_args(Language))}")


def _words(given: object) -> tuple[str, ...]:
    """A list of words; one word alone is a list of one, never its letters."""
    if given is None:
        return ()
    if isinstance(given, str | int | float):
        given = [given]
    if not isinstance(given, list):
        raise TypeError(f"{given!r} is no list of words")
    return tuple(word for each in given if (word := str(each).strip()))


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Where a quote stands, whatever the white space; None when it does not."""
    words = [re.escape(word) for word in quote.split()]
    match = re.search(r"\s+".join(words), text) if words else None
    return match.span() if match else None


def judge_search(
    expected: Expected, places: Sequence[Place], evidence: Sequence[Place]
) -> Mapping[str, float]:
    """Scores of one search, 0-1 each; `evidence` are the places where the quotes stand.

    `ndcg@10` gains one for each piece of evidence when it is first covered. `leaks` counts, and is no share.
    """
    scores = {"leaks": float(_leaks(expected, places))}
    if not evidence:
        return scores
    first = [
        next((rank for rank, place in enumerate(places) if _overlap(place, piece)), math.inf)
        for piece in evidence
    ]
    best = min(first)
    for k in (1, 5, SEARCHED):
        scores[f"recall@{k}"] = float(best < k)
    scores["all@5"] = float(max(first) < 5)
    scores[f"mrr@{SEARCHED}"] = 1 / (best + 1) if best < SEARCHED else 0.0
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(evidence), SEARCHED)))
    gain = sum(1 / math.log2(rank + 2) for rank in _distinct(first) if rank < SEARCHED)
    scores[f"ndcg@{SEARCHED}"] = min(1.0, gain / ideal)
    return scores


def judge_answer(expected: Expected, given: GivenAnswer, evidence: Sequence[Place]) -> Mapping[str, float]:
    """Scores of one answer, 0-1 each, only those that this question can measure.

    `citation_precision` counts a cited place as right when it overlaps the evidence of the file, so other
    true places count as wrong; it compares runs, and is no verdict on one.
    """
    cited = [place for sentence in given.sentences for place in sentence.cited]
    scores = {"leaks": float(_leaks(expected, [*given.passages, *cited]))}
    refused = given.band == "refuse"
    if not expected.answerable:
        scores["refused_unanswerable"] = float(refused)
        scores["refused_or_hedged_unanswerable"] = float(given.band != "answer")
    else:
        scores["answered"] = float(not refused)
    if refused:
        scores["refusal_precision"] = float(not expected.answerable)
    if evidence:
        covered = [any(_overlap(place, piece) for place in given.passages) for piece in evidence]
        scores["quote_in_context"], scores["all_quotes_in_context"] = float(any(covered)), float(all(covered))
        found = [any(_overlap(place, piece) for place in cited) for piece in evidence]
        scores["citation_recall"] = sum(found) / len(found)
        if cited:
            right = sum(any(_overlap(place, piece) for piece in evidence) for place in cited)
            scores["citation_precision"] = right / len(cited)
        if expected.kind == CONFLICT:
            files = {place.document for place in evidence}
            both = files <= {place.document for place in cited}
            scores["both_sides_cited"] = float(both)
            scores["conflict_stated"] = float(given.stated > 0)
    scores.update(_wording(expected, given, refused=refused))
    return scores


def _wording(expected: Expected, given: GivenAnswer, *, refused: bool) -> dict[str, float]:
    scores: dict[str, float] = {}
    text = given.text.casefold()
    if expected.must and expected.answerable:
        scores["expected_words"] = float(
            not refused and all(word.casefold() in text for word in expected.must)
        )
    if expected.must_not:
        scores["no_wrong_words"] = float(not any(word.casefold() in text for word in expected.must_not))
    checks = [verified for sentence in given.sentences for verified in sentence.verified]
    if checks:
        scores["citations_verified"] = sum(checks) / len(checks)
    if given.sentences:
        scores["supported_sentences"] = sum(one.supported for one in given.sentences) / len(given.sentences)
    numbers = [
        number in figures(" ".join(sentence.quotes))
        for sentence in given.sentences
        for number in figures(sentence.text)
    ]
    if numbers:
        scores["number_fidelity"] = sum(numbers) / len(numbers)
    return scores


def _overlap(one: Place, other: Place) -> bool:
    return one.document == other.document and one.start < other.end and other.start < one.end


def _distinct(ranks: Sequence[float]) -> list[float]:
    """Two pieces of evidence in one passage are found by one look at it, each gains its place."""
    taken: list[float] = []
    for rank in sorted(ranks):
        taken.append(max(rank, len(taken)))
    return taken


def _leaks(expected: Expected, places: Sequence[Place]) -> int:
    return sum(place.document in expected.forbidden for place in places)
