"""Citations: what code accepts as supported, and what it marks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inhouse.kernel.documents import Passage
from inhouse.knowledge.cite import MARK, check, number_sources
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.stream import AnswerText
from inhouse.knowledge.words import Vocabulary

VOCABULARY = Vocabulary.of(analyzer())
TEXT = (
    "Отпуск в первый год длится 28 календарных дней. Заявление подают за 14 дней до начала."
    " Директор Анна Ковалёва утверждает график до 15 декабря. Штраф составляет 1 500 рублей."
)
PASSAGE = Passage("d", "hr.md", "s", "Положение", None, ("Отпуск",), 100, 100 + len(TEXT), TEXT, 1, 1, 0)
SOURCES = number_sources([PASSAGE])


def test_sources_are_verbatim_at_their_offsets() -> None:
    """`S1.2` is the second sentence of the first passage, at the document's offsets."""
    assert list(SOURCES) == ["S1.1", "S1.2", "S1.3", "S1.4"]
    second = SOURCES["S1.2"]
    assert second.text == "Заявление подают за 14 дней до начала."
    assert TEXT[second.start - 100 : second.end - 100] == second.text


@pytest.mark.parametrize(
    "claim",
    [
        "В первый год отпуск длится 28 календарных дней. [S1.1]",
        "Заявление на отпуск подают за 14 дней [S1.2].",
        "График утверждает директор Анна Ковалёва до 15 декабря [S1.3].",
        "Штраф 1500 рублей [S1.4]",
    ],
)
def test_supported(claim: str) -> None:
    """A paraphrase with the same figures, units, months and names is supported by its verified quote."""
    sentence = check(claim, SOURCES, VOCABULARY)
    assert sentence.supported
    assert all(citation.verified for citation in sentence.citations)
    assert "[" not in sentence.text


@pytest.mark.parametrize(
    "claim",
    [
        "В первый год отпуск длится 31 календарный день. [S1.1]",  # another figure
        "Заявление подают за 14 часов до начала [S1.2].",  # another unit
        "Заявление подают за 28 дней до начала [S1.2].",  # a figure of another sentence
        "График утверждает директор Иван Петров до 15 декабря [S1.3].",  # another name
        "График утверждает директор до 15 января [S1.3].",  # another month
        "Обычно сотрудники ездят летом к морю [S1.1].",  # other words
        "Штраф составляет 1 500 рублей [S9.9]",  # a source that does not exist is no citation
    ],
)
def test_unsupported(claim: str) -> None:
    """A claim that its source does not hold is never shown as supported."""
    sentence = check(claim, SOURCES, VOCABULARY)
    if "S9.9" in claim:
        # The words themselves stand in a real source, so that one is found and shown instead.
        assert sentence.citations[0].quote == "Штраф составляет 1 500 рублей."
        return
    assert not sentence.supported
    assert not any(citation.verified for citation in sentence.citations)


def test_a_forgotten_mark_is_found_only_for_near_quotes() -> None:
    """Without a mark a near-verbatim sentence gets its source, a free one does not."""
    assert check("Заявление подают за 14 дней до начала.", SOURCES, VOCABULARY).supported
    assert not check("Сотрудникам положен отдых в течение 28 дней.", SOURCES, VOCABULARY).supported


ANSWER = "Отпуск — 28 дней [S1.1]. Подают за 14 дней. [S1.2, S1.3]\nСкидка [не более 5 %] по ст. 7 есть. Да"


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
@example([56])  # in mid-mark, behind a whole one
@example([57])
def test_stream_is_the_same_however_it_is_split(cuts: list[int]) -> None:
    """Any split of the model's text shows the same words, never a mark, and ends the same sentences."""
    whole = AnswerText()
    first = whole.feed(ANSWER)
    last = whole.finish()
    text = AnswerText()
    places = sorted({0, *cuts, len(ANSWER)})
    pieces = [ANSWER[a:b] for a, b in pairwise(places)]
    outs = [text.feed(piece) for piece in pieces] + [text.finish()]
    assert "".join(out.shown for out in outs) == first.shown + last.shown == MARK.sub("", ANSWER)
    assert [s for out in outs for s in out.ended] == [*first.ended, *last.ended]


def test_stream_ends_sentences_with_their_marks() -> None:
    """Marks before and after the full stop belong to the sentence; brackets that are no marks stay."""
    text = AnswerText()
    ended = [*text.feed(ANSWER).ended, *text.finish().ended]
    assert ended == [
        "Отпуск — 28 дней [S1.1].",
        "Подают за 14 дней. [S1.2, S1.3]",
        "Скидка [не более 5 %] по ст. 7 есть.",
        "Да",
    ]


SWAPPED = (
    "Leave is 28 days for managers and 14 days for workers. The fee is $10 for members, $25 for guests."
    " Notice is fourteen days."
)
SWAPPED_SOURCES = number_sources(
    [Passage("d", "hr.md", "s", "Policy", None, (), 0, len(SWAPPED), SWAPPED, 1, 1, 5.0, doubts=((9, 11),))]
)


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("Managers get 28 days of leave, and workers 14 days [S1.1].", True),
        ("Managers get 14 days of leave, and workers 28 days [S1.1].", False),
        ("Workers get 28 days of leave [S1.1].", False),
        ("Workers get 14 days of leave [S1.1].", True),
        ("Leave is 28 days for managers [S1.1].", True),
        ("The fee for guests is $10 [S1.2].", False),
        ("The fee for guests is $25 [S1.2].", True),
        ("Notice is 14 days [S1.3].", True),
        ("Notice is two weeks [S1.3].", True),
        ("Notice is three weeks [S1.3].", False),
    ],
)
def test_a_figure_belongs_to_its_words(claim: str, supported: bool) -> None:
    """A figure beside the words of another one is not supported; the same value in other words is."""
    assert check(claim, SWAPPED_SOURCES, VOCABULARY).supported is supported


def test_a_citation_tells_its_date_and_doubts() -> None:
    """A quote that holds a figure which OCR was not sure of says so; every quote has its document's date."""
    sentence = check("Leave is 28 days for managers [S1.1].", SWAPPED_SOURCES, VOCABULARY)
    assert [(one.doubtful, one.modified_at) for one in sentence.citations] == [(True, 5.0)]
    clean = check("Notice is 14 days [S1.3].", SWAPPED_SOURCES, VOCABULARY)
    assert not clean.citations[0].doubtful
