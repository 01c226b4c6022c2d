"""`POST /app/ask`: a question becomes a stream of events, and is kept in a chat whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Request, Response

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import InhouseError, InternalError, NotFound
from inhouse.knowledge.ports import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    AskRequest,
    ChatDetail,
    MessageStatus,
    PassagesFound,
    ReceiptReady,
    SentenceChecked,
    Turn,
)
from inhouse.serve import shapes
from inhouse.serve.bodies import Body
from inhouse.serve.callers import CallerOf
from inhouse.serve.parts import Parts
from inhouse.serve.question import check_question
from inhouse.serve.router import open_router
from inhouse.serve.stream import Emit, EventStream, error_event

__all__ = ["AskBody", "ask_routes"]

HISTORY_TURNS = 10
"""Earlier turns handed on; what of them matters is the knowledge room's decision."""

_log = structlog.get_logger("inhouse.ask")


class ScopeBody(Body):
    """What to search in; empty lists mean everything the caller may read."""

    sources: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()


class AskBody(Body):
    """A question. `regenerate` names an answer to give anew: its question is asked again.

    `keep: false` leaves no trace in the chats; the ids in the events are then null.
    """

    question: str = ""
    chat_id: str | None = None
    scope: ScopeBody = ScopeBody()
    regenerate: str | None = None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class _Asked:
    request: AskRequest
    request_id: str
    chat_id: str | None
    message_id: str | None


def ask_routes(parts: Parts, stopping: asyncio.Event) -> APIRouter:
    """The route that answers questions."""
    routes = open_router()

    @routes.post("/app/ask", status_code=200, response_class=EventStream)
    async def ask(body: AskBody, request: Request, caller: CallerOf) -> Response:
        """Answer a question as server-sent events, the last one being the whole answer."""
        asked = await asyncio.to_thread(_prepare, parts, caller, body, request.state.request_id)

        async def produce(emit: Emit) -> None:
            await _Conversation(parts, caller, asked, stopping).run(emit)

        return EventStream(produce, stopping=stopping)

    return routes


def _prepare(parts: Parts, caller: Caller, body: AskBody, request_id: str) -> _Asked:
    """Check everything that can be wrong before the first byte, and keep the question."""
    detail = parts.chats.get(caller, body.chat_id) if body.chat_id else None
    earlier, question = _before(detail, body)
    question = check_question(question, max_chars=parts.limits.max_question_chars)
    scope = Scope(sources=body.scope.sources, document_ids=body.scope.document_ids)
    request = AskRequest(question=question, history=earlier, scope=scope)
    if not body.keep:
        return _Asked(request, request_id, None, None)
    chat_id, message_id = parts.chats.begin(caller, body.chat_id, question)
    return _Asked(request, request_id, chat_id, message_id)


def _before(detail: ChatDetail | None, body: AskBody) -> tuple[tuple[Turn, ...], str]:
    """The finished turns before this question, and the question itself."""
    turns: list[Turn] = []
    pending = ""
    for message in detail.messages if detail else ():
        if message.role == "user":
            pending = message.text
        elif message.message_id == body.regenerate:
            return tuple(turns[-HISTORY_TURNS:]), body.question or pending
        elif message.status == "done":
            turns.append(Turn(question=pending, answer=message.text))
    if body.regenerate:
        raise NotFound(f"There is no answer {body.regenerate[:80]!r} in this chat", hint="reload the chat")
    return tuple(turns[-HISTORY_TURNS:]), body.question


class _Conversation:
    """One answer under way. However it ends, what there is of it is kept exactly once."""

    def __init__(self, parts: Parts, caller: Caller, asked: _Asked, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._caller = caller
        self._asked = asked
        self._stopping = stopping
        self._text: list[str] = []
        self._passages: tuple[shapes.PassageShape, ...] = ()
        self._sentences: list[shapes.SentenceShape] = []
        self._answer: Answer | None = None
        self._kept = False

    async def run(self, emit: Emit) -> None:
        """Emit `started` … `done`, or `… error` when it fails."""
        asked = self._asked
        try:
            await emit("started", shapes.Started(chat_id=asked.chat_id, message_id=asked.message_id))
            events = self._parts.answers.ask(self._caller, asked.request, request_id=asked.request_id)
            async with _closing(events):
                async for event in events:
                    await self._pass_on(event, emit)
            if self._answer is None:
                raise InternalError("The answer ended without its end", hint="ask again")
            await self._keep("done")
            document = shapes.ask_document(self._answer)
            done = shapes.Done(**dict(document), chat_id=asked.chat_id, message_id=asked.message_id)
            await emit("done", done)
        except asyncio.CancelledError:
            await self._keep_the_rest("interrupted" if self._stopping.is_set() else "cancelled")
            raise
        except InhouseError as error:
            await self._keep_the_rest("failed")
            await emit("error", error_event(error))
        except Exception:  # noqa: BLE001  the outermost one of a stream, whose head is already sent
            _log.exception("answer failed")
            await self._keep_the_rest("failed")
            hint = "the log line with this request id says more"
            await emit("error", error_event(InternalError("Something went wrong inside inhouse", hint=hint)))

    async def _pass_on(self, event: AnswerEvent, emit: Emit) -> None:
        match event:
            case PassagesFound(passages):
                self._passages = tuple(shapes.passage(one) for one in passages)
                await emit("passages", shapes.Passages(passages=self._passages))
            case AnswerDelta(text):
                self._text.append(text)
                await emit("delta", shapes.Delta(text=text))
            case SentenceChecked(sentence):
                self._sentences.append(shapes.sentence(sentence))
                await emit("sentence", self._sentences[-1])
            case ReceiptReady(receipt):
                await emit("receipt", shapes.receipt(receipt))
            case Answered(answer):
                self._answer = answer

    async def _keep_the_rest(self, status: MessageStatus) -> None:
        """As `_keep` for an answer without its end; the person is told of the first fault, not of this."""
        if self._kept:
            return
        try:
            await self._keep("done" if self._answer else status)
        except InhouseError as error:
            _log.error("answer not kept", code=error.code, reason=error.message)

    async def _keep(self, status: MessageStatus) -> None:
        """Write the answer, or what there is of it; goes on even while this task is being cancelled."""
        message_id = self._asked.message_id
        if message_id is None:
            return
        text, kept = self._whole() if status == "done" else self._part()

        def finish() -> None:
            self._parts.chats.finish(self._caller, message_id, status=status, text=text, answer_json=kept)

        await asyncio.shield(asyncio.to_thread(finish))
        self._kept = True

    def _whole(self) -> tuple[str, str | None]:
        if self._answer is None:
            return self._part()
        return self._answer.answer, shapes.ask_document(self._answer).model_dump_json()

    def _part(self) -> tuple[str, str | None]:
        """The words so far; with their sources once those were found."""
        text = "".join(self._text)
        if not self._passages:
            return text, None
        part = shapes.PartialDocument(answer=text, sentences=tuple(self._sentences), passages=self._passages)
        return text, part.model_dump_json()


def _closing(events: AsyncIterator[AnswerEvent]) -> contextlib.AbstractAsyncContextManager[object]:
    """Close a generator on the way out; other iterators have nothing to close."""
    return contextlib.aclosing(events) if isinstance(events, AsyncGenerator) else contextlib.nullcontext()
