"""What the knowledge room offers to the pages and the terminal, as values and protocols.

Every method that can show document content takes a `Caller`; there is no way to ask without one.
Methods without `async` may touch the disk for some milliseconds: call them in a thread when on an
event loop.
"""

from __future__ import annotations

from inhouse.knowledge.ports.answers import (
    Answer,
    AnswerDelta,
    Answered,
    AnswerEvent,
    Answers,
    AskRequest,
    Conflict,
    PassagesFound,
    Receipt,
    ReceiptReady,
    Search,
    Sentence,
    SentenceChecked,
    Side,
    Turn,
    Why,
)
from inhouse.knowledge.ports.chats import Chat, ChatDetail, Chats, Message, MessageStatus
from inhouse.knowledge.ports.documents import (
    Box,
    DocumentList,
    DocumentRecord,
    Library,
    LibraryCounts,
    PageImages,
)
from inhouse.knowledge.ports.ingest import (
    Action,
    FileOutcome,
    Ingest,
    IngestProgress,
    IngestReport,
    IngestState,
)

__all__ = [
    "Action",
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
    "Conflict",
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
    "Side",
    "Turn",
    "Why",
]
