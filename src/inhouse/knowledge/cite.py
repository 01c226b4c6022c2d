"""Ties each sentence of a model's answer to the sentences of the documents, and checks the tie by code.

The model cites by id, `[S1.3]` is the third sentence of the first passage. Ids that do not exist are
dropped. A sentence is supported only when what it claims stands in what it cites: every figure with its
unit and beside the words it belongs to, every month, every name, and at least half of its other words, none
of them turned into its opposite. A model's word is never taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inhouse.kernel.documents import Citation, Passage
from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.claims import changes, date_holds
from inhouse.knowledge.polarity import contradicts
from inhouse.knowledge.ports import Sentence
from inhouse.knowledge.sentences import sentence_spans
from inhouse.knowledge.values import figures, values_of
from inhouse.knowledge.words import Vocabulary

__all__ = ["MARK", "Source", "check", "number_sources", "quote_of", "supports"]

MARK = re.compile(r"\s*\[\s*(S\d+(?:\.\d+)?(?:\s*[,;]\s*S\d+(?:\.\d+)?)*)\s*\]")
_ID = re.compile(r"S(\d+)(?:\.(\d+))?")
_FIGURE = re.compile(r"\d+(?:[  \u00a0\u202f]\d{3})*(?:[.,]\d+)?")
_NAME = re.compile(r"(?<=[\w,»”\")] )[«“\"]?([A-ZА-ЯЁ][\w-]+)")
_AFTER_FIGURE = re.compile(r"\d[\d  \u00a0.,]*\s*([%$€£₽]|[A-Za-zА-Яа-яё]{1,12})")
_MONTHS = (
    "january february march april may june july august september october november december"
    " январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь"
)
_LIGHT = "within lasts amounts течение составляет равна равен длится дадут дают является"
"""Words of a sentence's frame: a paraphrase changes them freely."""
_CLAUSE = re.compile(r"[,;:()|\n]|\s(?:and|but|while|whereas|и|а|но|или|or)\s", re.IGNORECASE)
SHARE_OF_WORDS = 0.5
"""Half of the other words: paraphrase stays possible, a new claim does not; tests hold cases of both."""
SHARE_WITHOUT_MARK = 0.75
"""A sentence without a mark gets a source only when the words leave little doubt."""


@dataclass(frozen=True, slots=True)
class Source:
    """One sentence that may be cited, with the stems of its words and of what stands around it."""

    source_id: str
    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        """The verbatim words."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]


def number_sources(passages: Sequence[Passage]) -> dict[str, Source]:
    """Ids to sentences: `S1` is the first passage, `S1.1` its first sentence, in reading order."""
    sources: dict[str, Source] = {}
    for number, passage in enumerate(passages, start=1):
        spans = sentence_spans(passage.text, read_blocks(passage.text))
        for place, (start, end) in enumerate(spans, start=1):
            source_id = f"S{number}.{place}"
            sources[source_id] = Source(source_id, passage, passage.start + start, passage.start + end)
    return sources


def check(raw: str, sources: Mapping[str, Source], vocabulary: Vocabulary) -> Sentence:
    """One sentence of a model, marks included, as a checked sentence without them."""
    text = " ".join(MARK.sub("", raw).split())
    cited = _cited(raw, sources)
    good = [source for source in cited if supports(text, (source,), vocabulary)]
    if not good and len(cited) > 1 and supports(text, cited, vocabulary):
        good = list(cited)
    if not good and not cited:
        good = _likely(text, sources, vocabulary)
    if good:
        return Sentence(text, tuple(quote_of(source, verified=True) for source in good), supported=True)
    return Sentence(text, tuple(quote_of(source, verified=False) for source in cited), supported=False)


def quote_of(source: Source, *, verified: bool) -> Citation:
    """The citation of a source."""
    passage = source.passage
    return Citation(
        document_id=passage.document_id,
        document=passage.document,
        source=passage.source,
        page=passage.page,
        start=source.start,
        end=source.end,
        quote=source.text,
        verified=verified,
        doubtful=any(start < source.end and source.start < end for start, end in passage.doubts),
        modified_at=passage.modified_at,
    )


def supports(claim: str, sources: Sequence[Source], vocabulary: Vocabulary) -> bool:
    """True when the cited sentences, taken together, hold all that the claim states.

    Names may also stand in the title or the headings above the quote, figures may not.
    """
    quotes = " ".join(source.text for source in sources)
    around = " ".join(" ".join((*s.passage.heading, s.passage.title)) for s in sources)
    held = frozenset(vocabulary.stems(quotes))
    named = held | frozenset(vocabulary.stems(around))
    rest = _without_values_of(claim, quotes)
    if not _figures(rest) <= _figures(quotes) | figures(quotes):
        return False
    if not _units(rest, vocabulary) <= _units(quotes, vocabulary) or _swaps(claim, sources, vocabulary):
        return False
    months = frozenset(vocabulary.stems(_MONTHS))
    stems = [stem for stem in vocabulary.stems(claim) if stem not in vocabulary.stops]
    if any(stem in months and stem not in held for stem in vocabulary.stems(rest)):
        return False
    names = {stem for name in _NAME.findall(rest) for stem in vocabulary.stems(name)}
    if not (names - vocabulary.stops) <= named:
        return False
    counted = frozenset(stems) - frozenset(vocabulary.stems(rest))
    light = frozenset(vocabulary.stems(_LIGHT))
    words = [
        stem for stem in stems if not stem.isdigit() and stem not in counted and stem not in light - named
    ]
    texts = [source.text for source in sources]
    if contradicts(claim, texts, vocabulary) or changes(claim, texts, around, vocabulary):
        return False
    return bool(words) and sum(stem in named for stem in words) >= SHARE_OF_WORDS * len(words)


def _cited(raw: str, sources: Mapping[str, Source]) -> tuple[Source, ...]:
    """The sources that the marks name; a mark of a whole passage stands for all its sentences."""
    found: dict[str, Source] = {}
    for mark in MARK.finditer(raw):
        for passage, sentence in _ID.findall(mark.group(1)):
            if sentence:
                names: Iterable[str] = (f"S{passage}.{sentence}",)
            else:
                names = (name for name in sources if name.startswith(f"S{passage}."))
            found.update({name: sources[name] for name in names if name in sources})
    return tuple(found.values())


def _likely(text: str, sources: Mapping[str, Source], vocabulary: Vocabulary) -> list[Source]:
    """The one source that says nearly the same, for models that forget their marks."""
    words = {stem for stem in vocabulary.stems(text) if stem not in vocabulary.stops}
    if len(words) < 3:
        return []

    def share(source: Source) -> float:
        return len(words & frozenset(vocabulary.stems(source.text))) / len(words)

    best = max(sources.values(), key=share, default=None)
    if best is None or share(best) < SHARE_WITHOUT_MARK or not supports(text, (best,), vocabulary):
        return []
    return [best]


def _without_values_of(claim: str, quotes: str) -> str:
    """The claim less the values that the quotes give in other words: `two weeks` for `14 days`."""
    held = {(value.unit, value.amount) for value in values_of(quotes) if value.unit}
    days = [amount for unit, amount in held if unit == "date"]
    for value in reversed(values_of(claim)):
        if (value.unit, value.amount) in held or (
            value.unit == "date" and any(date_holds(value.amount, day) for day in days)
        ):
            claim = f"{claim[: value.start]} {claim[value.end :]}"
    return claim


def _swaps(claim: str, sources: Sequence[Source], vocabulary: Vocabulary) -> bool:
    """True when a figure stands beside words that the quotes put beside another figure.

    "14 days for managers, 28 for workers" holds every word of "28 days for managers, 14 for workers". What
    stands before the first figure ("Leave is …") may be about all of them, so both readings are tried.
    """
    said = [clause for clause in _clauses(claim, vocabulary, topic=True) if all(clause)]
    for topic in (True, False):
        told = [
            clause
            for source in sources
            for clause in _clauses(source.text, vocabulary, topic=topic)
            if all(clause)
        ]
        if any(_misplaced(numbers, words, told) for numbers, words in said):
            return True
    return False


_Clause = tuple[frozenset[str], frozenset[str]]
"""Figures and words of a part of a sentence; units and words without meaning are left out."""


def _misplaced(numbers: frozenset[str], words: frozenset[str], told: Sequence[_Clause]) -> bool:
    if len(told) < 2 or not any(numbers & theirs for theirs, _ in told):
        return False

    def near(around: frozenset[str]) -> tuple[int, float]:
        return len(words & around), len(words & around) / len(around)

    nearest = max(near(around) for _, around in told)
    beside = [theirs for theirs, around in told if nearest[0] and near(around) == nearest]
    return bool(beside) and not any(numbers & theirs for theirs in beside)


def _clauses(text: str, vocabulary: Vocabulary, *, topic: bool) -> list[_Clause]:
    """The clauses of a sentence, with or without the words that stand before its first figure."""
    first = _FIGURE.search(text)
    if first and not topic:
        text = text[first.start() :]
    found = []
    for clause in _CLAUSE.split(text):
        stems = {stem for stem in vocabulary.stems(clause) if not stem[0].isdigit()}
        found.append((_figures(clause), frozenset(stems - vocabulary.stops - _UNIT_STEMS)))
    return found


def _figures(text: str) -> frozenset[str]:
    """Figures as plain digits: `1 500`, `1500` and `1500,0` differ only where their values do."""
    found = set()
    for figure in _FIGURE.findall(text):
        digits = re.sub(r"[\s\u00a0\u202f]", "", figure).replace(",", ".")
        found.add(digits.rstrip("0").rstrip(".") if "." in digits else digits)
    return frozenset(found)


def _units(text: str, vocabulary: Vocabulary) -> frozenset[str]:
    """What the figures count, as stems: `14 дней` and `14 часов` are not the same claim."""
    units: set[str] = set()
    for unit in _AFTER_FIGURE.findall(text):
        stems = vocabulary.stems(unit) or [unit]
        units.update(_SAME_UNIT.get(stem, stem) for stem in stems if stem in _UNIT_STEMS or stem in "%$€£₽")
    return frozenset(units)


_SAME_UNIT = {
    "дне": "день",
    "дня": "день",
    "ден": "день",
    "дни": "день",
    "лет": "год",
    "₽": "руб",
    "рубл": "руб",
}
_UNIT_STEMS = frozenset(
    "дне дня ден дни день недел месяц год лет час минут руб рубл тыс млн млрд процент мм см метр кг"
    " day week month year hour minut dollar euro percent mm cm kg mile".split()
)
