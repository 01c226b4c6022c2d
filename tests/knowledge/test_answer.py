"""Answers: with no model, with a good one, with one that lies, dies or declines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import count

import pytest

from inhouse.kernel.caller import Caller, Grant
from inhouse.kernel.errors import BadRequest, EngineTimeout
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Finished, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import EngineUsed, Outcome
from inhouse.knowledge.edge.answer import AnswerSettings, DocumentAnswers
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.prompts import load_prompts
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.ports import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    AskRequest,
    PassagesFound,
    ReceiptReady,
    SentenceChecked,
    Turn,
)
from inhouse.store.database import Database
from tests.knowledge.shelf import DOCUMENTS, fill

PROMPTS = load_prompts()
QUESTION = "За сколько дней подают заявление на отпуск?"


class ScriptedModel:
    """Plays events; remembers what it was asked and whether its stream was closed."""

    used = EngineUsed("scripted", "test", "local", "only engine")

    def __init__(self, events: Sequence[ChatEvent] | None, error: Exception | None = None) -> None:
        self._events = events
        self._error = error
        self.asked: list[ChatRequest] = []
        self.closed = 0

    def ready(self, _request: ChatRequest) -> bool:
        return self._events is not None or self._error is not None

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> ScriptedModel:
        self.asked.append(request)
        if self._error:
            raise self._error
        return self

    async def __aiter__(self) -> AsyncIterator[ChatEvent]:
        for event in self._events or ():
            yield event

    async def aclose(self) -> None:
        self.closed += 1


class Book:
    """Accounts that remember how each request ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[Outcome, str]] = []

    def open(self, *, request_id: str, user: str, task: str, **_payer: object) -> Book:
        return self

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage,
        *,
        code: str | None = None,
        first_token_ms: float | None = None,
        **_money: object,
    ) -> None:
        self.ended.append((outcome, used.engine))


class House:
    """What a test needs to ask questions."""

    def __init__(self, retrieve: Retrieve) -> None:
        self.retrieve = retrieve
        self.book = Book()

    def answers(self, model: ScriptedModel, **settings: bool | int) -> DocumentAnswers:
        ticks = count()
        chosen = AnswerSettings(**settings)  # type: ignore[arg-type]
        return DocumentAnswers(
            self.retrieve, model, self.book, chosen, prompts=PROMPTS, clock=lambda: next(ticks) / 1000
        )

    async def ask(
        self, model: ScriptedModel, question: str = QUESTION, history: tuple[Turn, ...] = ()
    ) -> tuple[list[AnswerEvent], Answer]:
        request = AskRequest(question, history)
        events = [e async for e in self.answers(model).ask(Caller(), request, request_id="r1")]
        last = events[-1]
        assert isinstance(last, Answered)
        return events, last.answer


@pytest.fixture
def house(database: Database, lexical: Lexical) -> House:
    fill(database, lexical)
    return House(Retrieve(database, lexical))


NO_MODEL = ScriptedModel(None)


def said(*pieces: str) -> ScriptedModel:
    return ScriptedModel([*(TextDelta(piece) for piece in pieces), UsageSeen(Usage(100, 9)), Finished()])


def assert_verbatim(answer: Answer) -> None:
    for sentence in answer.sentences:
        for citation in sentence.citations:
            assert DOCUMENTS[citation.document][citation.start : citation.end] == citation.quote


async def test_without_a_model_the_answer_is_quotes(house: House) -> None:
    """Sources first, then verbatim quotes, a receipt that names no engine, and a ledger row."""
    events, answer = await house.ask(NO_MODEL)
    assert isinstance(events[0], PassagesFound)
    assert isinstance(events[-2], ReceiptReady)
    assert "14 дней" in answer.answer
    assert all(s.supported and s.citations[0].verified for s in answer.sentences)
    assert_verbatim(answer)
    assert (answer.receipt.engine, answer.receipt.where, answer.receipt.cost_micros) == ("none", "none", 0)
    assert house.book.ended == [("ok", "none")]
    assert "".join(e.text for e in events if isinstance(e, AnswerDelta)) == answer.answer


async def test_a_question_outside_the_documents_is_refused(house: House) -> None:
    """No sentences, the reason in the question's language, the nearest passages still there."""
    _, answer = await house.ask(NO_MODEL, "Какой пароль от гостевого вайфая в переговорной Байкал?")
    assert answer.refused
    assert answer.sentences == ()
    assert answer.answer.startswith("В доступных вам документах")
    _, english = await house.ask(NO_MODEL, "Who won the regatta in Sydney harbour?")
    assert english.refused
    assert english.answer.startswith("The documents you can read")


async def test_a_model_is_asked_only_about_answerable_questions(house: House) -> None:
    """A refused question costs no model call."""
    model = said("Не знаю.")
    await house.ask(model, "Какой пароль от гостевого вайфая в переговорной Байкал?")
    assert model.asked == []


async def test_a_models_sentences_are_checked(house: House) -> None:
    """A true sentence is supported, a false one marked; marks never reach the reader."""
    model = said("Заявление на отпуск подают за 14 дней [S1.", "3]. ", "Заявление подают за 3 дня [S1.3].")
    events, answer = await house.ask(model)
    assert [s.supported for s in answer.sentences] == [True, False]
    assert "[" not in "".join(e.text for e in events if isinstance(e, AnswerDelta))
    assert_verbatim(answer)
    assert (answer.receipt.engine, answer.receipt.tokens_in, answer.receipt.cost_micros) == (
        "scripted",
        100,
        None,
    )
    assert house.book.ended == [], "the gateway writes the row of a model's answer"
    assert model.closed == 1


async def test_sources_come_before_the_first_word(house: House) -> None:
    """The order of events: passages, then text, each sentence after its words, receipt, end."""
    events, _ = await house.ask(said("Заявление на отпуск подают за 14 дней [S1.3]."))
    kinds = [type(event) for event in events]
    assert kinds[0] is PassagesFound
    assert kinds.index(AnswerDelta) < kinds.index(SentenceChecked)
    assert kinds[-2:] == [ReceiptReady, Answered]


async def test_a_model_that_only_invents_is_followed_by_quotes(house: House) -> None:
    """When no sentence holds, the answer hedges and brings checked quotes."""
    _, answer = await house.ask(said("Нужно подать заявку на портале за 5 недель."))
    assert answer.band == "hedge"
    assert answer.sentences[0].supported is False
    assert any(s.supported and "14 дней" in s.text for s in answer.sentences)


async def test_a_model_that_declines_refuses(house: House) -> None:
    """The word for "no answer" becomes a refusal and is never shown."""
    events, answer = await house.ask(said("NO_", "ANSWER"))
    assert answer.refused
    assert "NO_ANSWER" not in "".join(e.text for e in events if isinstance(e, AnswerDelta))


async def test_an_engine_that_does_not_answer_costs_no_answer(house: House) -> None:
    """Failing before the first word: quotes instead, and the receipt says why."""
    _, answer = await house.ask(ScriptedModel(None, EngineTimeout("qwen on box-1 was silent for 60 s")))
    assert "14 дней" in answer.answer
    assert "silent for 60 s" in answer.receipt.reason


async def test_an_engine_that_dies_in_mid_answer(house: House) -> None:
    """What was checked stays, quotes follow, and the reader is told."""
    model = ScriptedModel(
        [TextDelta("Заявление на отпуск подают за 14 дней [S1.3]. А ещё"), Failed("engine_broke", "reset")]
    )
    _, answer = await house.ask(model)
    assert answer.band == "hedge"
    assert answer.sentences[0].supported
    assert "reset" in (answer.reason or "")
    assert len(answer.sentences) >= 3


async def test_leaving_early_closes_the_engine(house: House) -> None:
    """Closing the answer closes the engine's stream and, without a model, the ledger row as cancelled."""
    model = said("Заявление на отпуск подают за 14 дней [S1.3]. ", "И ещё. ", "И ещё.")
    async with aclosing(house.answers(model).ask(Caller(), AskRequest(QUESTION), request_id="r")) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, AnswerDelta):
                break
    assert model.closed == 1
    async with aclosing(
        house.answers(NO_MODEL).ask(Caller(), AskRequest(QUESTION), request_id="r")
    ) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, AnswerDelta):
                break
    assert house.book.ended == [("cancelled", "none")]


async def test_models_can_be_switched_off(house: House) -> None:
    """With answers.use_model off a ready model is not asked."""
    model = said("x")
    answers = house.answers(model, use_model=False)
    events = [e async for e in answers.ask(Caller(), AskRequest(QUESTION), request_id="r")]
    assert model.asked == []
    assert isinstance(events[-1], Answered)


async def test_a_follow_up_uses_the_question_before_it(house: House) -> None:
    """A question that cannot stand alone finds what the one before it was about; a control does not."""
    _, alone = await house.ask(NO_MODEL, "А когда?")
    history = (Turn("Как подать заявление на отпуск?", ""),)
    _, answer = await house.ask(NO_MODEL, "А когда?", history)
    assert answer.passages[0].document == "hr/otpusk.md"
    assert "14 дней" in answer.answer
    assert alone.refused


async def test_documents_are_data(house: House) -> None:
    """The model gets sources as labelled data, the rules first, and the user's words last."""
    model = said("Заявление на отпуск подают за 14 дней [S1.3].")
    await house.ask(model)
    request = model.asked[0]
    assert (request.task, request.data) == ("answer", "local_only")
    assert request.messages[0].role == "system"
    assert "<source id=S1" in request.messages[0].content
    assert request.messages[-1].content == QUESTION


@pytest.mark.parametrize("question", ["", "?!", "слово " * 5000])
async def test_rude_questions(house: House, question: str) -> None:
    """Empty, wordless and endless questions are errors before any work."""
    with pytest.raises(BadRequest):
        await house.ask(NO_MODEL, question)
    assert house.book.ended == []


async def test_a_models_lines_are_kept(house: House) -> None:
    """A list stays a list in the kept answer, and a rule without words is no sentence."""
    table = "| Что | Срок |\n|---|---|\n"
    item = "- Отпуск длится 28 календарных дней [S1.1].\n"
    _, answer = await house.ask(said(f"Заявление на отпуск подают за 14 дней [S1.3].\n\n{table}{item}"))
    assert "14 дней.\n\n| Что | Срок |\n|---|---|\n- Отпуск" in answer.answer
    assert [s.text for s in answer.sentences][-1] == "- Отпуск длится 28 календарных дней."
    assert len(answer.sentences) == 3


async def test_a_sentence_that_was_cut_off_is_not_checked(house: House) -> None:
    """Half a sentence may have lost what makes it false; whole ones before it stay checked."""
    half = [TextDelta("Заявление на отпуск подают за 14 дней [S1.3]. Ежегодный отпуск длится 28 [S1.1]")]
    _, answer = await house.ask(ScriptedModel([*half, Failed("engine_broke", "reset")]))
    assert [s.supported for s in answer.sentences[:2]] == [True, False]
    _, control = await house.ask(ScriptedModel([*half, Finished()]))
    assert [s.supported for s in control.sentences] == [True, True]


async def test_the_receipt_says_what_the_books_say(house: House) -> None:
    """Cost and saving come by the request's id; quotes without a model cost nothing and ask nobody."""
    asked: list[str] = []

    def charged(request_id: str) -> tuple[int | None, int | None]:
        asked.append(request_id)
        return 12, 345

    words: list[ChatEvent] = [TextDelta("Annual leave is 28 calendar days [S1.1]."), Finished()]
    for events, money in ((words, (12, 345)), (None, (0, None))):
        answers = house.answers(ScriptedModel(events))
        answers._charged = charged
        seen = [e async for e in answers.ask(Caller(), AskRequest(QUESTION), request_id="r7")]
        last = seen[-1]
        assert isinstance(last, Answered)
        assert (last.answer.receipt.cost_micros, last.answer.receipt.saved_micros) == money
    assert asked == ["r7"]
