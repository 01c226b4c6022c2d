"""Finds documents that say different things about the same, and says so.

Two sentences of different documents are in conflict when they speak of the same thing (nearly the same
words once figures, units and everyday words are left out), answer the question equally well, and give one
value of one kind differently, or one allows what the other forbids. Careful by design: `28 days` for
managers and `14 days` for workers are no conflict, because each names whom it is for; what is not sure is
not said. No model is asked. Both sides are always quotes with their places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from inhouse.kernel.documents import Passage
from inhouse.knowledge.cite import Source, quote_of
from inhouse.knowledge.claims import other_ends
from inhouse.knowledge.plain import plain
from inhouse.knowledge.polarity import contradicts
from inhouse.knowledge.ports import Conflict, Side
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.values import Value, values_of
from inhouse.knowledge.words import Language, Question, Vocabulary

__all__ = ["find_conflicts", "stated_date"]

MOST_CONFLICTS, MOST_SIDES = 2, 4
LONGEST_SENTENCE = 400
SAME_WORDS, SAME_WORDS_OF_EDITIONS = 0.6, 0.45
"""Share of common words that makes two sentences speak of the same thing; tests hold cases of both kinds.
Documents of nearly one title (two editions of a policy) need less."""
SAME_TITLE = 0.6
ANSWERS_SHARE = 0.5
"""Both sentences, with title and headings, hold at least this weight of the question's words."""
_EVERYDAY = (
    "employee staff worker person people everyone every each year calendar company"
    " organization total amount number equal constitute provide receive give get grant entitle eligible set"
    " make take follow use apply currently new now pay paid per up day days working business must request"
    " submit later earlier advance prior before within than not need require rule policy"
    " сотрудник работник человек каждый год годовой календарный рабочий компания организация"
    " всего общий размер количество равен равна составлять составляет предоставлять получать давать"
    " полагаться установить устанавливать действовать применять новый теперь оплачиваемый платить"
    " выплачивать день дней подавать подать поздно позднее раньше заранее до течение нужно требовать"
    " правило положение порядок срок продолжительность длиться предоставляется предоставить предоставят"
    " allow allowed permit permitted prohibit prohibited forbid forbidden banned запрещено запрещена"
    " запрещается"
    " разрешено разрешена разрешается допускается можно нельзя"
    " составит устанавливается полагается положен положено получает выплачивается длится длительность"
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NOT_THE_RULE = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\.|suppose|draft|proposed|formerly|previously|used to"
    r"|например|к примеру|допустим|черновик\w*|предлагается)\b"
    r"|\b(?:until|before|prior to|до) (?:\w+ )?(?:19|20)\d\d\b.*"
    r"\b(?:was|were|составлял\w*|был[аио]?|действовал\w*)\b"
    r"|\b(?:was|were|составлял\w*|был[аио]?|действовал\w*)\b.*"
    r"\b(?:until|before|prior to|до) (?:\w+ )?(?:19|20)\d\d"
    r"|\b(?:раньше|ранее|прежде)\b.*\b(?:составлял\w*|был[аио]?|действовал\w*)\b",
    re.IGNORECASE | re.DOTALL,
)
"""An example, a draft or what was once: no side of a conflict about what holds now."""
_STATED = re.compile(
    r"(?<!\d)(?P<d>\d{1,2})[._](?P<m>\d{1,2})[._](?P<y>(?:19|20)\d\d)(?!\d)"
    r"|(?<!\d)(?P<y2>(?:19|20)\d\d)[-._](?P<m2>\d{1,2})(?:[-._](?P<d2>\d{1,2}))?(?!\d)"
)


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence that may be a side: its words that mean something, and its values by unit."""

    source: Source
    text: str
    subject: frozenset[str]
    values: Mapping[str, Value]
    title: frozenset[str]
    date: float


def find_conflicts(
    asked: Sequence[tuple[Question, Weights]],
    sources: Mapping[str, Source],
    told: frozenset[tuple[str, int]],
    vocabulary: Vocabulary,
) -> tuple[Conflict, ...]:
    """Conflicts about what is asked, at most two, each with its newest side first.

    `told` are the (document id, start) of the sentences that the answer rests on: one side of a conflict is
    always among them, for what is not said needs no objection.
    """
    found: list[Conflict] = []
    above = _Above(vocabulary)
    for question, weights in asked:
        said = [
            one for source in sources.values() if (one := _read(source, question, weights, above)) is not None
        ]
        for one in said:
            if (one.source.passage.document_id, one.source.start) not in told:
                continue
            against = _against(one, said, question, vocabulary)
            if against:
                conflict = _conflict([one, *against], question)
                if conflict and all(not _shared(conflict, other) for other in found):
                    found.append(conflict)
            if len(found) == MOST_CONFLICTS:
                return tuple(found)
    return tuple(found)


def stated_date(passage: Passage) -> float:
    """When a document is from: the date or year in its name or title, else the date of its file."""
    for text in (passage.document.rpartition("/")[2], passage.title):
        match = _STATED.search(text)
        if match:
            year = int(match["y"] or match["y2"])
            month, day = int(match["m"] or match["m2"]), int(match["d"] or match["d2"] or 1)
            try:
                return datetime(year, month, day, tzinfo=UTC).timestamp()
            except ValueError:
                pass  # 2024-99 is no month; the year below still counts
        years = _YEAR.findall(text)
        if years:
            return datetime(int(max(years)), 1, 1, tzinfo=UTC).timestamp()
    return passage.modified_at


class _Above:
    """What stands above the sentences of a passage, as stems: looked at once for all of them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._known: dict[tuple[str, tuple[str, ...]], tuple[frozenset[str], frozenset[str]]] = {}

    def of(self, passage: Passage) -> tuple[frozenset[str], frozenset[str]]:
        """The title's words with meaning, and these with the headings'."""
        key = (passage.title, passage.heading)
        if key not in self._known:
            title = frozenset(self.vocabulary.stems(passage.title)) - self.vocabulary.stops
            around = title | frozenset(self.vocabulary.stems(" ".join(passage.heading)))
            self._known[key] = (title, around)
        return self._known[key]


def _read(source: Source, question: Question, weights: Weights, above: _Above) -> _Said | None:
    vocabulary = above.vocabulary
    text = plain(source.text)
    if not text or len(text) > LONGEST_SENTENCE or _NOT_THE_RULE.search(text):
        return None
    passage = source.passage
    stems = [stem for stem in vocabulary.stems(text) if stem not in vocabulary.stops]
    title, around = above.of(passage)
    asked = [stem for stem in question.content if stem not in _everyday(vocabulary)] or question.content
    wanted = sum(weights.of.get(stem, 0.0) for stem in asked)
    there = around.union(stems)
    held = sum(weights.of.get(stem, 0.0) for stem in asked if stem in there)
    own = any(stem in stems for stem in asked)
    if not own or wanted <= 0 or held < ANSWERS_SHARE * wanted:
        return None
    values: dict[str, Value] = {}
    several: set[str] = set()
    for value in values_of(text):
        if value.unit in values and values[value.unit].amount != value.amount:
            several.add(value.unit)  # which of them is meant cannot be told
        values[value.unit] = value
    units = {stem for value in values.values() for stem in vocabulary.stems(value.written)}
    subject = frozenset(stem for stem in stems if not stem[0].isdigit()) - _everyday(vocabulary) - units
    kept = {unit: value for unit, value in values.items() if unit not in several}
    return _Said(source, text, subject, kept, title - _years(title), stated_date(passage))


def _against(one: _Said, said: Sequence[_Said], question: Question, vocabulary: Vocabulary) -> list[_Said]:
    """The sentences of other documents that contradict `one`, at most one of each document."""
    found: dict[str, _Said] = {}
    for other in said:
        document = other.source.passage.document_id
        if document == one.source.passage.document_id or document in found:
            continue
        if _about_the_same(one, other, question, vocabulary) and _differ(one, other, vocabulary):
            found[document] = other
    return list(found.values())[: MOST_SIDES - 1]


def _about_the_same(one: _Said, other: _Said, question: Question, vocabulary: Vocabulary) -> bool:
    """Nearly the same words. Words of the question on one side only are a different case, not a conflict."""
    asked = frozenset(question.content) - _everyday(vocabulary)
    if (one.subject ^ other.subject) & asked:
        return False
    whole = one.subject | other.subject
    if not whole:
        return _nearly(one.title, other.title) >= SAME_TITLE
    editions = _nearly(one.title, other.title) >= SAME_TITLE
    needed = SAME_WORDS_OF_EDITIONS if editions else SAME_WORDS
    if _nearly(one.subject, other.subject) < needed:
        return False
    # Each side naming something of its own is two cases side by side: `managers …`, `workers …`.
    own, others = one.subject - other.subject, other.subject - one.subject
    return editions or not (own and others)


def _differ(one: _Said, other: _Said, vocabulary: Vocabulary) -> bool:
    years = _own_years(one), _own_years(other)
    if (all(years) and not years[0] & years[1]) or other_ends(one.text, other.text):
        return False  # each speaks of its own year, or one gives the least and the other the most
    for unit in one.values.keys() & other.values.keys():
        mine, theirs = one.values[unit].amount, other.values[unit].amount
        if mine != theirs and not (unit == "date" and _same_day(mine, theirs)):
            return True
    if one.values or other.values:
        return False
    return contradicts(one.text, [other.text], vocabulary)


def _own_years(said: _Said) -> frozenset[str]:
    """The years that a sentence speaks of: `in 2023`, not the year of a date that is its value."""
    text = said.text
    for value in reversed(values_of(text)):
        if value.unit == "date":
            text = f"{text[: value.start]} {text[value.end :]}"
    return frozenset(_YEAR.findall(text))


def _same_day(mine: str, theirs: str) -> bool:
    """`15 March` and `15 March 2025` do not contradict each other."""
    return mine.endswith(theirs) or theirs.endswith(mine)


def _conflict(sides: Sequence[_Said], question: Question) -> Conflict | None:
    ordered = sorted(sides, key=lambda side: (side.source.passage.superseded, -side.date))
    unit = next(
        (u for u in ordered[0].values if all(_gives(side, u, ordered[0]) for side in ordered[1:])), ""
    )
    shown = tuple(
        Side(
            value=side.values[unit].written if unit in side.values else side.text,
            citation=quote_of(side.source, verified=True),
            modified_at=side.date,
            superseded=side.source.passage.superseded,
        )
        for side in ordered
    )
    return Conflict(_statement(ordered, shown, question.language), shown)


def _gives(side: _Said, unit: str, first: _Said) -> bool:
    return unit in side.values and side.values[unit].amount != first.values[unit].amount


def _statement(sides: Sequence[_Said], shown: Sequence[Side], language: Language) -> str:
    words = [
        f"{_named(said, language)} — {side.value.rstrip('.')}"
        for said, side in zip(sides, shown, strict=True)
    ]
    dated = len({said.date for said in sides}) > 1 or sides[-1].source.passage.superseded
    if language == "ru":
        end = " Первым назван более новый документ." if dated else ""
        return f"Документы расходятся: {'; '.join(words)}.{end}"
    end = " The newer document comes first." if dated else ""
    return f"The documents disagree: {'; '.join(words)}.{end}"


def _named(said: _Said, language: Language) -> str:
    title = plain(said.source.passage.title) or said.source.passage.document
    day = datetime.fromtimestamp(said.date, UTC)
    if (day.month, day.day, day.hour) == (1, 1, 0):  # a document that states only its year
        date = str(day.year)
    else:
        date = day.strftime("%d.%m.%Y") if language == "ru" else day.strftime("%Y-%m-%d")
    return f"«{title}» ({date})" if language == "ru" else f"“{title}” ({date})"


def _shared(one: Conflict, other: Conflict) -> bool:
    """The same places again, found from the other side or for another part of the question."""
    places = {(side.citation.document_id, side.citation.start) for side in one.sides}
    return any((side.citation.document_id, side.citation.start) in places for side in other.sides)


def _nearly(one: frozenset[str], other: frozenset[str]) -> float:
    whole = one | other
    return len(one & other) / len(whole) if whole else 1.0


def _years(stems: frozenset[str]) -> frozenset[str]:
    return frozenset(stem for stem in stems if stem[0].isdigit())


@lru_cache(maxsize=4)
def _everyday(vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(vocabulary.stems(_EVERYDAY))
