"""Conversations of a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.caller import Caller

__all__ = ["Chat", "ChatDetail", "Chats", "Message", "MessageStatus"]

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
