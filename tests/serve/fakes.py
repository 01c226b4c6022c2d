"""A house made of fakes: every port of `Parts`, held in memory and scripted."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from inhouse.gateway.ports import (
    EngineView,
    Grouping,
    HitsView,
    LedgerRow,
    ModelView,
    MoneyFacts,
    PullProgress,
    UsageSum,
    UsageTotals,
    Within,
)
from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Citation, DocumentStatus, PageSpan, Passage, Scope
from inhouse.kernel.errors import BadRequest, EngineRefused, HomeUnusable, NotFound
from inhouse.kernel.ports import EngineUsed
from inhouse.knowledge.ports import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    AskRequest,
    Box,
    Chat,
    ChatDetail,
    DocumentList,
    DocumentRecord,
    FileOutcome,
    IngestProgress,
    IngestReport,
    IngestState,
    LibraryCounts,
    Message,
    MessageStatus,
    PassagesFound,
    Receipt,
    ReceiptReady,
    Sentence,
    SentenceChecked,
)
from inhouse.ops.health import Check
from inhouse.serve.parts import Limits, Parts, SettingRow
from tests.serve.fake_keys import FakeKeys
from tests.serve.fake_people import FakeAccess, FakePeople
from tests.serve.fake_search import FakeGlossary, FakeLegs, FakeSearch
from tests.serve.fake_sources import FakeSources
from tests.serve.fake_trash import FakeTrash
from tests.serve.plane.house import FakeModels as StoredModels

TEXT = "Vacation lasts 28 days. Отпуск длится 28 дней."
DOCUMENT_ID = "d1"
PNG = b"\x89PNG\r\n\x1a\n"


def record(document_id: str = DOCUMENT_ID, document: str = "hr/leave.md") -> DocumentRecord:
    """A document with one page."""
    return DocumentRecord(
        document_id=document_id,
        document=document,
        source="handbook",
        title="Leave",
        media_type="text/markdown",
        size_bytes=len(TEXT.encode()),
        sha256=hashlib.sha256(TEXT.encode()).hexdigest(),
        status="indexed",
        reason_code=None,
        reason=None,
        readers=(EVERYONE,),
        pages=(PageSpan(1, 0, len(TEXT)),),
        chunk_count=1,
        modified_at=1.0,
        ingested_at=2.0,
    )


PASSAGE = Passage(
    document_id=DOCUMENT_ID,
    document="hr/leave.md",
    source="handbook",
    title="Leave",
    page=1,
    heading=("Leave", "Vacation"),
    start=0,
    end=23,
    text=TEXT[:23],
    score=3.0,
    lexical=3.0,
    modified_at=1.0,
)
SENTENCE = Sentence(
    text=TEXT[:23],
    citations=(Citation(DOCUMENT_ID, "hr/leave.md", "handbook", 1, 0, 23, TEXT[:23], verified=True),),
    supported=True,
)
RECEIPT = Receipt("none", None, "none", "no model", None, None, None, None, 1.0, None, 2.0, 1)
ANSWER = Answer(TEXT[:23], "en", (SENTENCE,), "answer", None, (PASSAGE,), RECEIPT)
GOOD_SCRIPT: tuple[AnswerEvent, ...] = (
    PassagesFound((PASSAGE,)),
    AnswerDelta("Vacation lasts "),
    AnswerDelta("28 days."),
    SentenceChecked(SENTENCE),
    ReceiptReady(RECEIPT),
    Answered(ANSWER),
)


@dataclass
class FakeLibrary:
    records: dict[str, DocumentRecord] = field(default_factory=lambda: {DOCUMENT_ID: record()})
    folder: Path | None = None
    broken: Exception | None = None

    def list(
        self,
        caller: Caller,
        *,
        query: str = "",
        source: str | None = None,
        status: DocumentStatus | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> DocumentList:
        found = [one for one in self.records.values() if query in one.document]
        found = [one for one in found if source in (None, one.source) and status in (None, one.status)]
        return DocumentList(tuple(found[offset : offset + limit]), len(found))

    def get(self, caller: Caller, document: str) -> DocumentRecord:
        for one in self.records.values():
            if document in (one.document_id, one.document, f"{one.source}/{one.document}"):
                return one
        raise NotFound(f"There is no document {document!r}", hint="see `inhouse documents ls`")

    def text(self, caller: Caller, document_id: str) -> str:
        return TEXT

    def layout(self, caller: Caller, document_id: str) -> str:
        return ""

    def original(self, caller: Caller, document_id: str) -> Path:
        assert self.folder is not None
        path = self.folder / "original"
        path.write_text(TEXT, "utf-8")
        return path

    def remove(self, caller: Caller, document_ids: Sequence[str]) -> int:
        return len([self.records.pop(one) for one in document_ids])

    def counts(self, caller: Caller) -> LibraryCounts:
        if self.broken:
            raise self.broken
        count = len(self.records)
        return LibraryCounts(count, count, 0, 0, 0, count, ("handbook",), 7)


@dataclass
class FakeIngest:
    """Finishes a job when it is asked about it for the second time; an `endless` one when it is cancelled."""

    endless: bool = False
    uploads: dict[str, bytes] = field(default_factory=dict)
    submitted: list[tuple[tuple[Path, ...], str | None]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    outcomes: tuple[FileOutcome, ...] = ()
    failed_uploads: int = 0
    _asked: dict[str, int] = field(default_factory=dict)

    def run(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
        on_progress: Callable[[IngestProgress], None] = lambda _progress: None,
    ) -> IngestReport:
        raise AssertionError("the server queues, it does not run")

    def submit(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
    ) -> str:
        self.submitted.append((tuple(paths), source))
        return self._job()

    def upload(self, name: str, stream: BinaryIO, *, source: str = "uploads") -> str:
        if ".." in name:
            raise BadRequest(f"{name!r} is not a plain relative path")
        try:
            self.uploads[name] = stream.read()
        except Exception:
            self.failed_uploads += 1
            raise
        return self._job()

    def _job(self) -> str:
        job_id = f"job-{len(self._asked) + 1}"
        self._asked[job_id] = 0
        return job_id

    def progress(self, job_id: str) -> IngestProgress:
        if job_id not in self._asked:
            raise NotFound(f"There is no job {job_id!r}")
        if not self.endless or job_id in self.cancelled:
            self._asked[job_id] += 1
        done = self._asked[job_id] > 1
        return IngestProgress(job_id, "done" if done else "running", "docs", 2, 1 + done)

    def report(self, job_id: str) -> IngestReport | None:
        if self._asked.get(job_id, 0) < 2:
            return None
        added = sum(one.action == "added" for one in self.outcomes)
        refused = sum(one.action == "refused" for one in self.outcomes)
        state: IngestState = "cancelled" if job_id in self.cancelled else "done"
        return IngestReport(job_id, state, added=added, refused=refused, outcomes=self.outcomes)

    def active(self) -> tuple[IngestProgress, ...]:
        return tuple(
            IngestProgress(job_id, "running", "docs") for job_id, asked in self._asked.items() if asked < 2
        )

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


class FakePages:
    async def image(self, caller: Caller, document_id: str, page: int, *, width_px: int) -> bytes:
        if page != 1:
            raise NotFound(f"There is no page {page}")
        return PNG

    async def boxes(
        self, caller: Caller, document_id: str, page: int, *, start: int, end: int
    ) -> tuple[Box, ...]:
        return ((0.1, 0.2, 0.3, 0.4),)


EVERYWHERE = Scope()


@dataclass
class FakeAnswers:
    """Plays `script`; an exception in it is raised, an `asyncio.Event` is waited for."""

    script: Sequence[AnswerEvent | Exception | asyncio.Event] = GOOD_SCRIPT
    asked: list[tuple[Caller, AskRequest]] = field(default_factory=list)
    closed: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(
        self, caller: Caller, request: AskRequest, *, request_id: str
    ) -> AsyncIterator[AnswerEvent]:
        self.asked.append((caller, request))
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    self.waiting.set()
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1
            self.ended.set()


@dataclass
class FakeChats:
    chats: dict[str, tuple[str, ChatDetail]] = field(default_factory=dict)
    full: HomeUnusable | None = None
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def list(self, caller: Caller, *, query: str = "", limit: int = 200) -> tuple[Chat, ...]:
        mine = [detail for user, detail in self.chats.values() if user == caller.user]
        return tuple(one.chat for one in mine if query in one.chat.title)

    def get(self, caller: Caller, chat_id: str) -> ChatDetail:
        user, detail = self.chats.get(chat_id, ("", None))
        if detail is None or user != caller.user:
            raise NotFound(f"There is no chat {chat_id!r}")
        return detail

    def begin(self, caller: Caller, chat_id: str | None, question: str) -> tuple[str, str]:
        number = next(self._ids)
        key = chat_id or f"c{number}"
        detail = self.get(caller, key) if chat_id else ChatDetail(Chat(key, question[:60], 1.0, 1.0), ())
        new = (
            Message(f"q{number}", "user", "done", question, None, 1.0),
            Message(f"a{number}", "assistant", "running", "", None, 1.0),
        )
        self.chats[key] = (caller.user, replace(detail, messages=detail.messages + new))
        return key, f"a{number}"

    def finish(
        self, caller: Caller, message_id: str, *, status: MessageStatus, text: str, answer_json: str | None
    ) -> None:
        if self.full:
            raise self.full
        for key, (user, detail) in self.chats.items():
            messages = tuple(
                replace(one, status=status, text=text, answer_json=answer_json)
                if one.message_id == message_id
                else one
                for one in detail.messages
            )
            self.chats[key] = (user, replace(detail, messages=messages))

    def rename(self, caller: Caller, chat_id: str, title: str) -> None:
        detail = self.get(caller, chat_id)
        self.chats[chat_id] = (caller.user, replace(detail, chat=replace(detail.chat, title=title)))

    def remove(self, caller: Caller, chat_id: str) -> None:
        self.get(caller, chat_id)
        del self.chats[chat_id]

    def revision(self, caller: Caller) -> int:
        return len(self.chats)


class FakeModels(StoredModels):
    """Fetches in two steps, and has one model."""

    async def pull(self, engine: str, model: str) -> AsyncIterator[PullProgress]:
        yield PullProgress("pulling", 1, 2)
        yield PullProgress("success", 2, 2)

    async def remove(self, engine: str, model: str) -> None:
        if model != "qwen2.5:7b":
            raise EngineRefused(f"{engine} has no model {model!r}", engine=engine)


class FakeFleet:
    def __init__(self) -> None:
        self.refreshed = 0

    def engines(self) -> tuple[EngineView, ...]:
        models = (ModelView("qwen2.5:7b", 4_700_000_000, 32768, True),)
        return (
            EngineView("ollama", "ollama", "local", "http://127.0.0.1:11434", "up", True, models, "", 1.0),
        )

    def hits(self) -> HitsView:
        return HitsView(4, 3, 0.75)

    async def refresh(self) -> tuple[EngineView, ...]:
        self.refreshed += 1
        return self.engines()

    async def test_prompt(self, engine: str) -> tuple[str, float]:
        return "yes", 0.1


class FakeLedger:
    def totals(
        self, *, since: float = 0.0, until: float | None = None, within: Within | None = None
    ) -> tuple[UsageTotals, ...]:
        return (UsageTotals("ollama", "qwen2.5:7b", "local", 1, 0, 10, 5, 0, 1),)

    def sums(self, by: Grouping, within: Within) -> tuple[UsageSum, ...]:
        name = "2026-11-21" if by in ("day", "week") else "=one"
        return (UsageSum(name, 3, 0, 2, 20, 10, 0, 450, 400, 50, 0, 900, 1),)

    def first(self, within: Within) -> float | None:
        return 1.0

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        return self.rows() if request_id == "r1" else ()

    def rows(
        self, *, since: float = 0.0, limit: int = 100, within: Within | None = None
    ) -> tuple[LedgerRow, ...]:
        row = LedgerRow(
            request_id="r1",
            started_at=1.0,
            user="local",
            task="answer",
            engine="ollama",
            model="qwen2.5:7b",
            where="local",
            outcome="ok",
            code=None,
            input_tokens=10,
            output_tokens=5,
            cached_tokens=0,
            estimated=False,
            cost_micros=None,
            first_token_ms=1.0,
            total_ms=2.0,
            reason="first local engine",
        )
        return (row,)[:limit]


@dataclass
class FakeMoney:
    """Knows one price, and machines that cost 73 a month."""

    stale: bool = False
    repriced: list[Within] = field(default_factory=list)

    def facts(self) -> MoneyFacts:
        return MoneyFacts(
            currency="EUR",
            reference="anthropic/claude-sonnet-5-5",
            reference_known=True,
            reference_factor="1",
            book="genai-prices 1",
            book_day="2026-01-01",
            book_age_days=200 if self.stale else 1,
            book_stale=self.stale,
            machines=("gpu",),
            electricity_known=True,
            fixed_month_micros=73_000_000,
            capex_micros=1_200_000_000,
            idle_month_micros=40_000_000,
        )

    def price(self, model: str) -> tuple[Decimal, Decimal] | None:
        return (Decimal(3), Decimal(15)) if "sonnet" in model else None

    def reprice(self, within: Within) -> int:
        self.repriced.append(within)
        return 7


@dataclass
class FakeHouse:
    """The fakes, and `parts` made of them."""

    library: FakeLibrary = field(default_factory=FakeLibrary)
    ingest: FakeIngest = field(default_factory=FakeIngest)
    answers: FakeAnswers = field(default_factory=FakeAnswers)
    chats: FakeChats = field(default_factory=FakeChats)
    fleet: FakeFleet = field(default_factory=FakeFleet)
    checks: dict[str, Check] = field(
        default_factory=lambda: {"database": Check("ok", required=True, message="writable")}
    )
    checked: int = 0
    free: int = 10**12
    limits: Limits = field(default_factory=Limits)
    keys: FakeKeys = field(default_factory=FakeKeys)
    money: FakeMoney = field(default_factory=FakeMoney)
    people: FakePeople = field(default_factory=FakePeople)
    sources: FakeSources = field(default_factory=FakeSources)
    legs: FakeLegs = field(default_factory=FakeLegs)
    glossary: FakeGlossary = field(default_factory=FakeGlossary)
    writable: bool = True

    @property
    def parts(self) -> Parts:
        async def checks() -> Mapping[str, Check]:
            self.checked += 1
            return self.checks

        return Parts(
            version="0.1.0",
            library=self.library,
            ingest=self.ingest if self.writable else None,
            pages=FakePages(),
            search=FakeSearch((PASSAGE,)),
            answers=self.answers,
            chats=self.chats,
            fleet=self.fleet,
            ledger=FakeLedger(),
            models=FakeModels(),
            answering=lambda: EngineUsed("ollama", "qwen2.5:7b", "local", "first local engine"),
            checks=checks,
            free_bytes=lambda: self.free,
            ocr=True,
            limits=self.limits,
            settings=(SettingRow("server.port", "8484", "default", "", "port", "INHOUSE_SERVER_PORT"),),
            keys=self.keys,
            money=self.money,
            people=self.people,
            access=FakeAccess(self.people),
            legs=self.legs,
            glossary=self.glossary,
            sources=self.sources,
            trash=FakeTrash(records=self.library.records),
        )
