"""What the knowledge room offers to the pages and the terminal, as values and protocols.

Every method that can show document content takes a `Caller`; there is no way to ask without one.
Methods without `async` may touch the disk for some milliseconds: call them in a thread when on an
event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Band, Citation, DocumentStatus, PageSpan, Passage, Scope
from inhouse.kernel.ports import Where

__all__ = [
    "Answer",
    "AnswerDelta",
    "AnswerEvent",
    "Answered",
    "Answers",
    "AskRequest",
    "Box",
    "Chat",
    "ChatDetail",
    "Chats",
    "DocumentList",
    "DocumentRecord",
    "FileOutcome",
    "Ingest",
    "IngestProgress",
    "IngestReport",
    "IngestState",
    "Library",
    "LibraryCounts",
    "Message",
    "MessageStatus",
    "PageImages",
    "PassagesFound",
    "Receipt",
    "ReceiptReady",
    "Search",
    "Sentence",
    "SentenceChecked",
    "Turn",
    "Why",
]


# ---- documents


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document as the house knows it. `document` is its path below `source`."""

    document_id: str
    document: str
    source: str
    title: str
    media_type: str
    size_bytes: int
    sha256: str
    status: DocumentStatus
    reason_code: str | None
    reason: str | None
    readers: tuple[str, ...]
    pages: tuple[PageSpan, ...]
    chunk_count: int
    modified_at: float
    ingested_at: float


@dataclass(frozen=True, slots=True)
class DocumentList:
    """A window of a list, with the length of the whole."""

    documents: tuple[DocumentRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """How many documents a caller may see, by status, and the names of their sources."""

    total: int
    indexed: int
    pending: int
    empty: int
    refused: int
    chunks: int
    sources: tuple[str, ...]
    revision: int
    """Grows with every change to documents; equal numbers mean nothing changed."""


class Library(Protocol):
    """The documents of the house."""

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
        """Documents whose path or title contains `query`, newest ingest first."""
        ...

    def get(self, caller: Caller, document: str) -> DocumentRecord:
        """One document by its id, its path, or `source/path`.

        Raises:
            NotFound: if there is none that the caller may read.
        """
        ...

    def text(self, caller: Caller, document_id: str) -> str:
        """The extracted text, the base of every offset; empty when there is none."""
        ...

    def original(self, caller: Caller, document_id: str) -> Path:
        """The file as it was taken in.

        Raises:
            NotFound: if the caller may not read it, or its bytes were never kept (refused as too large).
        """
        ...

    def remove(self, caller: Caller, document_ids: Sequence[str]) -> int:
        """Remove documents from every place; return how many there were."""
        ...

    def counts(self, caller: Caller) -> LibraryCounts: ...


Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page's width and height, 0 at the top left."""


class PageImages(Protocol):
    """Pictures of PDF pages, drawn in a child process."""

    async def image(self, caller: Caller, document_id: str, page: int, *, width_px: int) -> bytes:
        """The page as PNG. Raises NotFound if the document has no page images or no such page."""
        ...

    async def boxes(
        self, caller: Caller, document_id: str, page: int, *, start: int, end: int
    ) -> tuple[Box, ...]:
        """Where `text[start:end]` stands on the page; empty when it could not be located."""
        ...


# ---- ingest

IngestState = Literal["queued", "running", "done", "cancelled", "failed"]
Action = Literal["added", "updated", "unchanged", "removed", "empty", "refused"]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. `reason_code` is documented in docs/reference/file-reasons.md."""

    document: str
    source: str
    action: Action
    document_id: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """A moment of a run. `eta_s` is None until there is something to judge by.

    A failed run says why in `error`, and with which code of the error tree in `error_code`.
    """

    job_id: str
    state: IngestState
    source: str
    total_files: int = 0
    done_files: int = 0
    total_bytes: int = 0
    done_bytes: int = 0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    current: str = ""
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A finished run. `outcomes` leaves out the unchanged files."""

    job_id: str
    state: IngestState
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    empty: int = 0
    refused: int = 0
    elapsed_s: float = 0.0
    outcomes: tuple[FileOutcome, ...] = ()
    notes: tuple[str, ...] = ()
    """Things the person should know, e.g. "empty folder: nothing was removed"."""


class Ingest(Protocol):
    """Takes documents in. One run at a time; further ones wait in a queue."""

    def run(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
        on_progress: Callable[[IngestProgress], None] = lambda _progress: None,
    ) -> IngestReport:
        """Take in folders and files and return when all is done; blocking.

        `source` defaults to the folder's name. Same source and path replaces; files that are gone from
        below a given folder are removed; an empty or unreadable root removes nothing and says so.

        Raises:
            BadRequest: if a path does not exist (nothing was done).
        """
        ...

    def submit(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
    ) -> str:
        """Queue a run and return its job id."""
        ...

    def upload(self, name: str, stream: BinaryIO, *, source: str = "uploads") -> str:
        """Keep one uploaded file safely on disk, queue it, return its job id.

        The file waits in the home, so that a stop between upload and ingest loses nothing.

        Raises:
            BadRequest: if the name is not a plain relative path.
            TooLarge: if it is over `ingest.max_file_mb`.
        """
        ...

    def progress(self, job_id: str) -> IngestProgress:
        """Raises NotFound if there is no such job in this process."""
        ...

    def report(self, job_id: str) -> IngestReport | None:
        """None while the job is not finished."""
        ...

    def active(self) -> tuple[IngestProgress, ...]:
        """Jobs that wait or run."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop after the file in hand; what was taken in stays."""
        ...


# ---- search and answers


@dataclass(frozen=True, slots=True)
class Why:
    """Scores of the legs; None when a leg is off."""

    lexical: float
    vector: float | None = None
    rerank: float | None = None


class Search(Protocol):
    """Finds passages."""

    async def search(
        self,
        caller: Caller,
        query: str,
        *,
        k: int = 10,
        scope: Scope = Scope(),  # noqa: B008  frozen
    ) -> tuple[Passage, ...]:
        """The `k` best passages that the caller may read, best first.

        Raises:
            BadRequest: if the query has no word in it, or is longer than 100,000 characters.
        """
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question and the answer it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question with what is known around it. `history` is oldest first."""

    question: str
    history: tuple[Turn, ...] = ()
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. `supported` is False when no citation carries all that it claims."""

    text: str
    citations: tuple[Citation, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the answer took. Times are milliseconds; None means unknown, which is not zero."""

    engine: str
    model: str | None
    where: Where
    reason: str
    tokens_in: int | None
    tokens_out: int | None
    cost_micros: int | None
    saved_micros: int | None
    search_ms: float
    first_token_ms: float | None
    total_ms: float
    documents_searched: int
    usage_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer. `reason` says why it was refused or hedged, in the question's language."""

    answer: str
    language: Literal["ru", "en"]
    sentences: tuple[Sentence, ...]
    band: Band
    reason: str | None
    passages: tuple[Passage, ...]
    receipt: Receipt

    @property
    def refused(self) -> bool:
        """True only for the band `refuse`."""
        return self.band == "refuse"


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The sources, before the first word of the answer."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """The next words, without citation marks."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """The sentence that just ended, with its checked citations."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class ReceiptReady:
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of a good stream; holds everything once more."""

    answer: Answer


AnswerEvent = PassagesFound | AnswerDelta | SentenceChecked | ReceiptReady | Answered


class Answers(Protocol):
    """Answers questions from documents."""

    def ask(self, caller: Caller, request: AskRequest, *, request_id: str) -> AsyncIterator[AnswerEvent]:
        """`PassagesFound (AnswerDelta | SentenceChecked)* ReceiptReady Answered`, or an exception.

        An engine that fails in the middle does not lose the question: what was checked so far stays and
        the extractive answer follows. Closing the iterator cancels the engine's work.

        Raises:
            BadRequest: if the question is empty, has no word in it, or is longer than 20,000 characters.
        """
        ...


# ---- chats

MessageStatus = Literal["done", "running", "cancelled", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation in the list of conversations. Times are UNIX seconds."""

    chat_id: str
    title: str
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `answer_json` is the `ask --json` document as text, None for a question."""

    message_id: str
    role: Literal["user", "assistant"]
    status: MessageStatus
    text: str
    answer_json: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class ChatDetail:
    chat: Chat
    messages: tuple[Message, ...]


class Chats(Protocol):
    """Conversations of a caller, kept in the database. Foreign ids are `NotFound`."""

    def list(self, caller: Caller, *, query: str = "", limit: int = 200) -> tuple[Chat, ...]:
        """Newest first; `query` is looked for in titles and messages."""
        ...

    def get(self, caller: Caller, chat_id: str) -> ChatDetail: ...

    def begin(self, caller: Caller, chat_id: str | None, question: str) -> tuple[str, str]:
        """Keep the question (in a new chat when `chat_id` is None) and a `running` answer for it.

        Returns the chat's id and the id of the answer to come.
        """
        ...

    def finish(
        self, caller: Caller, message_id: str, *, status: MessageStatus, text: str, answer_json: str | None
    ) -> None:
        """Keep the answer, or what there is of it."""
        ...

    def rename(self, caller: Caller, chat_id: str, title: str) -> None: ...

    def remove(self, caller: Caller, chat_id: str) -> None: ...

    def revision(self, caller: Caller) -> int:
        """Grows with every change to the caller's chats."""
        ...
