"""Answers a question: sources first, then sentences, each tied to a checked quote.

Without a model the sentences are quotes. With one they are the model's, checked as they end. A model that
is missing, refuses or dies never costs the person the answer: the quotes take over and the receipt says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Citation
from inhouse.kernel.errors import BadRequest, EngineError, NoEngine, OverBudget, RateLimited
from inhouse.kernel.messages import ChatRequest, Failed, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import Account, Accounts, ChatModel, ChatStream, EngineUsed, Outcome
from inhouse.knowledge.cite import MARK, check, number_sources
from inhouse.knowledge.edge.retrieve import Found, Retrieve
from inhouse.knowledge.extract import Quote, extract, missing_kind
from inhouse.knowledge.followup import leans_on
from inhouse.knowledge.gate import Verdict, judge, say_reason
from inhouse.knowledge.plain import plain
from inhouse.knowledge.ports import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    AskRequest,
    PassagesFound,
    Receipt,
    ReceiptReady,
    Sentence,
    SentenceChecked,
)
from inhouse.knowledge.prompt import NO_ANSWER, VERSION, answer_messages
from inhouse.knowledge.stream import AnswerText
from inhouse.knowledge.wording import SAID, joined

__all__ = ["AnswerSettings", "DocumentAnswers"]

ANSWER_TOKENS = 700

Money = tuple[int | None, int | None]
"""Cost and saving in micro-units; None where it is not known."""


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """`use_model` is False when answers shall be quotes only. Sizes are counts."""

    use_model: bool = True
    max_passages: int = 5
    max_question_chars: int = 20_000


@dataclass(slots=True)
class _Draft:
    """An answer as it grows; times are seconds of the injected clock."""

    caller: Caller
    request: AskRequest
    request_id: str
    started: float
    found: Found
    quotes: tuple[Quote, ...]
    verdict: Verdict
    searched_s: float
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    used: EngineUsed = field(default_factory=lambda: EngineUsed("none", None, "none", ""))
    usage: Usage | None = None
    first_token_s: float | None = None
    reason: str | None = None


class DocumentAnswers:
    """The answers of the house. `clock` gives monotonic seconds.

    `charged` tells what a model's answer cost and saved by the id of its request; it may block on the disk.
    """

    def __init__(
        self,
        retrieve: Retrieve,
        model: ChatModel,
        accounts: Accounts,
        settings: AnswerSettings,
        *,
        clock: Callable[[], float],
        charged: Callable[[str], Money] | None = None,
    ) -> None:
        self._retrieve = retrieve
        self._charged = charged
        self._model = model
        self._accounts = accounts
        self._settings = settings
        self._clock = clock

    async def ask(
        self, caller: Caller, request: AskRequest, *, request_id: str
    ) -> AsyncIterator[AnswerEvent]:
        """`PassagesFound (AnswerDelta | SentenceChecked)* ReceiptReady Answered`, or an exception.

        Raises:
            BadRequest: if the question is empty, has no word in it, or is too long.
            NotFound: if the scope names nothing that the caller can see.
        """
        draft = await self._begin(caller, request, request_id)
        yield PassagesFound(draft.found.passages)
        parts = self._written(draft)
        try:
            async for part in parts:
                if isinstance(part, AnswerDelta):
                    draft.text += part.text
                    if draft.first_token_s is None:
                        draft.first_token_s = self._clock() - draft.started
                yield part
        finally:
            await parts.aclose()
        receipt = self._receipt(draft, *await self._money(draft))
        yield ReceiptReady(receipt)
        yield Answered(_whole(draft, receipt))

    async def _begin(self, caller: Caller, request: AskRequest, request_id: str) -> _Draft:
        limit = self._settings.max_question_chars
        if len(request.question) > limit:
            raise BadRequest(
                f"The question is {len(request.question):,} characters long; the limit is {limit:,}",
                hint="shorten it, or add the long text as a document",
            )
        started = self._clock()
        earlier = leans_on(request.question, request.history, self._retrieve.vocabulary)
        found, quotes = await asyncio.to_thread(self._look, caller, request, earlier)
        verdict = judge(found.strength, missing=missing_kind(found.asked, quotes))
        return _Draft(
            caller=caller,
            request=request,
            request_id=request_id,
            started=started,
            found=found,
            quotes=quotes,
            verdict=verdict,
            searched_s=self._clock() - started,
            reason=say_reason(verdict, found.question.language),
        )

    def _look(self, caller: Caller, request: AskRequest, earlier: str) -> tuple[Found, tuple[Quote, ...]]:
        found = self._retrieve.find(
            caller, request.question, k=self._settings.max_passages, scope=request.scope, earlier=earlier
        )
        return found, extract(found.asked, found.passages, self._retrieve.vocabulary)

    def _written(self, draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
        """The way this answer is written; not a generator itself, so that closing it reaches the engine."""
        said = SAID[draft.found.question.language]
        if draft.verdict.band == "refuse":
            draft.used = EngineUsed("none", None, "none", said.not_asked)
            return self._accounted(draft, _refusal(draft))
        chat = self._chat_request(draft)
        if self._settings.use_model and self._model.ready(chat):
            return self._modelled(draft, chat)
        return self._quoted(draft, said.no_model if self._settings.use_model else said.model_off)

    def _chat_request(self, draft: _Draft) -> ChatRequest:
        question = draft.found.question
        messages = answer_messages(
            question.text,
            language=question.language,
            passages=draft.found.passages,
            sources=number_sources(draft.found.passages),
            history=draft.request.history,
        )
        return ChatRequest(messages=messages, task="answer", max_tokens=ANSWER_TOKENS, temperature=0.0)

    async def _modelled(self, draft: _Draft, chat: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        said = SAID[draft.found.question.language]
        try:
            stream = await self._model.open(chat, request_id=draft.request_id, user=draft.caller.user)
        except (NoEngine, OverBudget, RateLimited, EngineError) as error:
            why = said.engine_failed.format(reason=error.message)
            async with contextlib.aclosing(self._quoted(draft, why)) as parts:
                async for part in parts:
                    yield part
            return
        draft.used = _with_prompt_version(stream.used)
        failed: Failed | None = None
        declined = False
        async with contextlib.aclosing(_ModelText(stream, draft)) as text:
            async for part in text.parts(lambda raw: self._check(draft, raw)):
                yield part
            failed, declined = text.failed, text.declined
        if declined:
            draft.verdict, draft.reason = Verdict("refuse", "weak"), said.model_declined
            yield AnswerDelta(said.model_declined)
        elif failed is not None:
            draft.verdict = Verdict("hedge", "weak")
            draft.reason = said.engine_stopped.format(reason=failed.message)
            async for part in _quotes_after(draft):
                yield part
        elif not any(sentence.supported for sentence in draft.sentences):
            draft.verdict, draft.reason = Verdict("hedge", "weak"), said.not_confirmed
            async for part in _quotes_after(draft):
                yield part

    def _check(self, draft: _Draft, raw: str) -> Sentence:
        sources = number_sources(draft.found.passages)
        return check(raw, sources, self._retrieve.vocabulary)

    def _quoted(self, draft: _Draft, why: str) -> AsyncGenerator[AnswerEvent, None]:
        draft.used = EngineUsed("none", None, "none", why)
        return self._accounted(draft, _quotes(draft))

    async def _accounted(
        self, draft: _Draft, parts: AsyncGenerator[AnswerEvent, None]
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The parts of an answer that no engine accounts for, with a ledger row around them."""
        account: Account = await asyncio.to_thread(
            self._accounts.open, request_id=draft.request_id, user=draft.caller.user, task="answer"
        )
        outcome: Outcome = "cancelled"
        try:
            async for part in parts:
                yield part
            outcome = "ok"
        finally:
            draft.usage = Usage(0, 0)
            account.close(outcome, draft.used, draft.usage)

    async def _money(self, draft: _Draft) -> Money:
        """What the books say; a price nobody set is unknown, work that no engine did costs nothing."""
        if draft.used.where == "none":
            return 0, None
        if self._charged is None:
            return None, None
        return await asyncio.to_thread(self._charged, draft.request_id)

    def _receipt(self, draft: _Draft, cost_micros: int | None, saved_micros: int | None) -> Receipt:
        return Receipt(
            engine=draft.used.engine,
            model=draft.used.model,
            where=draft.used.where,
            reason=draft.used.reason,
            tokens_in=draft.usage.input_tokens if draft.usage else None,
            tokens_out=draft.usage.output_tokens if draft.usage else None,
            cost_micros=cost_micros,
            saved_micros=saved_micros,
            search_ms=_ms(draft.searched_s),
            first_token_ms=None if draft.first_token_s is None else _ms(draft.first_token_s),
            total_ms=_ms(self._clock() - draft.started),
            documents_searched=draft.found.searched,
            usage_estimated=bool(draft.usage and draft.usage.estimated),
        )


class _ModelText:
    """One model's answer as parts; sentences land in the draft as they are checked."""

    def __init__(self, stream: ChatStream, draft: _Draft) -> None:
        self._stream = stream
        self._draft = draft
        self._text = AnswerText()
        self._head: str | None = ""
        self.failed: Failed | None = None
        self.declined = False

    async def parts(self, checked: Callable[[str], Sentence]) -> AsyncIterator[AnswerEvent]:
        async for event in self._stream:
            if isinstance(event, TextDelta):
                for part in self._take(event.text, checked):
                    yield part
            elif isinstance(event, UsageSeen):
                self._draft.usage = event.usage
            elif isinstance(event, Failed):
                self.failed = event
        if self._head:
            self.declined = self._head.strip().strip(".\"'*`") == NO_ANSWER
        if not self.declined:
            rest, self._head = self._head or "", None
            # A sentence that was cut off may have lost what makes it false: "until 15" of "until 15 March".
            ends = _unchecked if self.failed else checked
            for part in (*self._take(rest, checked), *self._end(ends)):
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _take(self, piece: str, checked: Callable[[str], Sentence]) -> list[AnswerEvent]:
        """Hold the very first letters back while they may still spell the word for "no answer"."""
        if self._head is not None:
            self._head += piece
            if (NO_ANSWER + ".").startswith(self._head.strip().strip("\"'*`")):
                return []
            piece, self._head = self._head, None
        cut = self._text.feed(piece)
        return self._events(cut.shown, cut.ended, checked)

    def _end(self, checked: Callable[[str], Sentence]) -> list[AnswerEvent]:
        cut = self._text.finish()
        return self._events(cut.shown, cut.ended, checked)

    def _events(
        self, shown: str, ended: Sequence[str], checked: Callable[[str], Sentence]
    ) -> list[AnswerEvent]:
        events: list[AnswerEvent] = [AnswerDelta(shown)] if shown else []
        for raw in ended:
            sentence = checked(raw)
            self._draft.sentences.append(sentence)
            events.append(SentenceChecked(sentence))
        return events


async def _refusal(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    yield AnswerDelta(draft.reason or "")


async def _quotes(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    """The extracted quotes as sentences."""
    before: Sentence | None = None
    for quote in draft.quotes:
        text = plain(quote.text)
        if not text:
            continue
        sentence = Sentence(text, (_citation(quote),), supported=True)
        draft.sentences.append(sentence)
        yield AnswerDelta(joined(before, sentence))
        yield SentenceChecked(sentence)
        before = sentence


async def _quotes_after(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    """The quotes in a paragraph of their own, after a model's words."""
    yield AnswerDelta("\n\n")
    async for part in _quotes(draft):
        yield part


def _unchecked(raw: str) -> Sentence:
    return Sentence(" ".join(MARK.sub("", raw).split()), (), supported=False)


def _citation(quote: Quote) -> Citation:
    passage = quote.passage
    return Citation(
        document_id=passage.document_id,
        document=passage.document,
        source=passage.source,
        page=passage.page,
        start=quote.start,
        end=quote.end,
        quote=quote.text,
        # The passage came out of the document's text at these offsets a moment ago.
        verified=passage.text[quote.start - passage.start : quote.end - passage.start] == quote.text,
    )


def _whole(draft: _Draft, receipt: Receipt) -> Answer:
    refused = draft.verdict.band == "refuse"
    return Answer(
        # As it was streamed, so that a model's lists and tables keep their lines.
        answer=(draft.reason or "") if refused else draft.text.strip(),
        language=draft.found.question.language,
        sentences=() if refused else tuple(draft.sentences),
        band=draft.verdict.band,
        reason=draft.reason,
        passages=draft.found.passages,
        receipt=receipt,
    )


def _with_prompt_version(used: EngineUsed) -> EngineUsed:
    reason = f"{used.reason}; prompt {VERSION}" if used.reason else f"prompt {VERSION}"
    return EngineUsed(used.engine, used.model, used.where, reason)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
