"""Answers a question: sources first, then sentences, each tied to a checked quote.

Without a model the sentences are quotes. With one they are the model's, checked as they end. A model that
is missing, refuses or dies never costs the person the answer: the quotes take over and the receipt says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, EngineError, NoEngine, OverBudget, RateLimited
from inhouse.kernel.messages import ChatRequest, Usage
from inhouse.kernel.ports import Account, Accounts, ChatModel, EngineUsed, Outcome
from inhouse.knowledge.cite import Source, check, number_sources
from inhouse.knowledge.conflict import find_conflicts
from inhouse.knowledge.edge.model_text import ModelText
from inhouse.knowledge.edge.retrieve import Found, Retrieve
from inhouse.knowledge.edge.rewrite import Rewriter
from inhouse.knowledge.extract import Quote, extract, missing_kind
from inhouse.knowledge.followup import leans_on
from inhouse.knowledge.gate import Verdict, judge, say_reason
from inhouse.knowledge.halves import say_unanswered, unanswered_parts
from inhouse.knowledge.ports import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    AskRequest,
    Conflict,
    PassagesFound,
    Receipt,
    ReceiptReady,
    Sentence,
    SentenceChecked,
)
from inhouse.knowledge.prompt import Prompts, answer_messages
from inhouse.knowledge.unsaid import unsaid_words
from inhouse.knowledge.wording import SAID, joined
from inhouse.knowledge.written import in_language, lead_quotes, of_conflict, of_quote, says_both_sides

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
    rewrite: bool = True
    """Let a model put a question that leans on earlier ones into words that stand alone."""


class _Looked(TypedDict):
    """What the documents gave before a word was written."""

    found: Found
    sources: Mapping[str, Source]
    quotes: tuple[Quote, ...]
    conflicts: tuple[Conflict, ...]
    unanswered: tuple[str, ...]
    verdict: Verdict


@dataclass(slots=True)
class _Draft:
    """An answer as it grows; times are seconds of the injected clock."""

    caller: Caller
    request: AskRequest
    request_id: str
    started: float
    found: Found
    sources: Mapping[str, Source]
    quotes: tuple[Quote, ...]
    conflicts: tuple[Conflict, ...]
    unanswered: tuple[str, ...]
    verdict: Verdict
    searched_s: float
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    used: EngineUsed = field(default_factory=lambda: EngineUsed("none", None, "none", ""))
    usage: Usage | None = None
    first_token_s: float | None = None
    reason: str | None = None
    prompt: str = ""


class DocumentAnswers:
    """The answers of the house. `clock` gives monotonic seconds, `prompts` are the words for a model.

    `charged` tells what a model's answer cost and saved by the id of its request; it may block on the disk.
    """

    def __init__(
        self,
        retrieve: Retrieve,
        model: ChatModel,
        accounts: Accounts,
        settings: AnswerSettings,
        *,
        prompts: Prompts,
        clock: Callable[[], float],
        charged: Callable[[str], Money] | None = None,
    ) -> None:
        self._retrieve = retrieve
        self._prompts = prompts
        self._rewriter = Rewriter(model, prompts)
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
        if earlier and self._settings.use_model and self._settings.rewrite:
            said = await self._rewriter.rewrite(
                request, self._retrieve.vocabulary, request_id=request_id, user=caller.user
            )
            earlier = said or earlier
        looked = await asyncio.to_thread(self._look, caller, request, earlier)
        draft = _Draft(
            caller=caller,
            request=request,
            request_id=request_id,
            started=started,
            searched_s=self._clock() - started,
            **looked,
        )
        draft.reason = _reason(draft)
        return draft

    def _look(self, caller: Caller, request: AskRequest, earlier: str) -> _Looked:
        vocabulary = self._retrieve.vocabulary
        found = self._retrieve.find(
            caller, request.question, k=self._settings.max_passages, scope=request.scope, earlier=earlier
        )
        sources = number_sources(found.passages)
        quotes = extract(found.asked, found.passages, vocabulary) or lead_quotes(found.passages, sources)
        unsaid = unsaid_words(found.asked, quotes, vocabulary)
        verdict = judge(found.strength, missing=missing_kind(found.asked, quotes), unsaid=unsaid)
        conflicts: tuple[Conflict, ...] = ()
        unanswered: tuple[str, ...] = ()
        if verdict.band != "refuse":
            told = frozenset((quote.passage.document_id, quote.start) for quote in quotes)
            conflicts = find_conflicts(found.asked, sources, told, vocabulary)
            unanswered = unanswered_parts(found.asked, quotes, vocabulary)
            if verdict.band == "answer" and (conflicts or unanswered):
                verdict = Verdict("hedge", "conflict" if conflicts else "half")
        return _Looked(
            found=found,
            sources=sources,
            quotes=quotes,
            conflicts=conflicts,
            unanswered=unanswered,
            verdict=verdict,
        )

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
        prompt = self._prompts["answer", question.language]
        draft.prompt = prompt.name
        messages = answer_messages(
            question.text,
            prompt,
            passages=draft.found.passages,
            sources=draft.sources,
            history=draft.request.history,
        )
        return ChatRequest(messages=messages, task="answer", max_tokens=ANSWER_TOKENS, temperature=0.0)

    async def _modelled(self, draft: _Draft, chat: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        said = SAID[draft.found.question.language]
        try:
            stream = await self._model.open(chat, request_id=draft.request_id, user=draft.caller.user)
        except (NoEngine, OverBudget, RateLimited, EngineError) as error:
            why = said.engine_failed.format(reason=error.message)
            draft.prompt = ""
            async with contextlib.aclosing(self._quoted(draft, why)) as parts:
                async for part in parts:
                    yield part
            return
        draft.used = stream.used
        written = "\n".join(passage.text for passage in draft.found.passages)
        async with contextlib.aclosing(ModelText(stream, known=lambda address: address in written)) as text:
            async for part in text.parts(lambda raw: check(raw, draft.sources, self._retrieve.vocabulary)):
                yield part
                draft.usage = text.usage
                draft.sentences = text.sentences
            draft.usage = text.usage
        async for part in _after_model(draft, text):
            yield part

    def _quoted(self, draft: _Draft, why: str) -> AsyncGenerator[AnswerEvent, None]:
        draft.used, draft.prompt = EngineUsed("none", None, "none", why), ""
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
            prompt=draft.prompt,
        )


async def _after_model(draft: _Draft, text: ModelText) -> AsyncGenerator[AnswerEvent, None]:
    """What the house adds to a model's words, and how sure it is of them."""
    language = draft.found.question.language
    said = SAID[language]
    if text.declined:
        draft.verdict, draft.reason = Verdict("refuse", "weak"), said.model_declined
        draft.conflicts, draft.unanswered = (), ()
        yield AnswerDelta(said.model_declined)
    elif text.failed is not None:
        draft.verdict = Verdict("hedge", "weak")
        draft.reason = said.engine_stopped.format(reason=text.failed.message)
        async for part in _quotes_after(draft):
            yield part
    elif not any(sentence.supported for sentence in draft.sentences):
        draft.verdict, draft.reason = Verdict("hedge", "weak"), said.not_confirmed
        async for part in _quotes_after(draft):
            yield part
    else:
        for conflict in draft.conflicts:
            if not says_both_sides(conflict, draft.sentences):
                yield AnswerDelta(f"\n\n{conflict.statement}")
                draft.sentences.append(of_conflict(conflict))
                yield SentenceChecked(draft.sentences[-1])
        if not in_language(draft.text, language):
            draft.verdict, draft.reason = Verdict("hedge", "weak"), said.other_language


async def _refusal(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    yield AnswerDelta(draft.reason or "")


async def _quotes(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    """The conflicts, then the extracted quotes as sentences."""
    before: Sentence | None = None
    said = [of_conflict(conflict) for conflict in draft.conflicts]
    for sentence in [*said, *(of_quote(quote) for quote in draft.quotes)]:
        if not sentence.text:
            continue
        draft.sentences.append(sentence)
        yield AnswerDelta(joined(before, sentence))
        yield SentenceChecked(sentence)
        before = sentence


async def _quotes_after(draft: _Draft) -> AsyncGenerator[AnswerEvent, None]:
    """The quotes in a paragraph of their own, after a model's words."""
    yield AnswerDelta("\n\n")
    async for part in _quotes(draft):
        yield part


def _reason(draft: _Draft) -> str | None:
    """Why the answer is not a plain one: what a person must know before relying on it."""
    language = draft.found.question.language
    if draft.verdict.band == "refuse":
        return say_reason(draft.verdict, language)
    # The part without an answer names what the quotes do not hold: saying both is saying it twice.
    said_elsewhere = draft.unanswered or draft.verdict.why in ("conflict", "half")
    reasons = [] if said_elsewhere else [say_reason(draft.verdict, language)]
    if draft.conflicts:
        reasons.append(SAID[language].conflict)
    if draft.unanswered:
        reasons.append(say_unanswered(draft.unanswered, language))
    return " ".join(reason for reason in reasons if reason) or None


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
        conflicts=() if refused else draft.conflicts,
        unanswered=() if refused else draft.unanswered,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
