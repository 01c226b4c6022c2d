"""Conversations in the database, each belonging to one user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.cited import Kept, fill_in, keep_cited, shown
from inhouse.knowledge.edge.tables import chats, messages, revisions
from inhouse.knowledge.ports import Chat, ChatDetail, Message, MessageStatus
from inhouse.store.database import Database

__all__ = ["StoredChats"]

TITLE_CHARACTERS = 80


class StoredChats:
    """Implements `knowledge.ports.Chats`. `now` gives UNIX seconds, `new_id` 128 random bits as text."""

    def __init__(self, database: Database, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id

    def list(self, caller: Caller, *, query: str = "", limit: int = 200) -> tuple[Chat, ...]:
        """Newest first; `query` is looked for in titles and messages, without regard to case."""
        wanted = select(chats).where(chats.c.user == caller.user)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(chats.c.updated_at.desc(), chats.c.chat_id)).all()
            if query.strip():
                # SQLite folds case for ASCII only, and half of our users write Russian.
                needle = query.strip().casefold()
                rows = [row for row in rows if self._holds(connection, caller, row, needle)]
        return tuple(_chat(row) for row in rows[:limit])

    def get(self, caller: Caller, chat_id: str) -> ChatDetail:
        """The chat as the caller may see it today: nothing of documents that are gone or closed to him now.

        Raises:
            NotFound: if there is no such chat of this user.
        """
        with self._database.read() as connection:
            chat = self._own(connection, caller, chat_id)
            wanted = select(messages).where(messages.c.chat_id == chat_id).order_by(messages.c.ordinal)
            rows = connection.execute(wanted).all()
            seen = shown(connection, caller, [Kept(row.text, row.answer) for row in rows])
        return ChatDetail(_chat(chat), tuple(map(_message, rows, seen)))

    def begin(self, caller: Caller, chat_id: str | None, question: str) -> tuple[str, str]:
        """Keep the question and a `running` answer; return the chat's and the answer's id."""
        now = self._now()
        with self._database.write() as connection:
            if chat_id is None:
                chat_id = self._new_id()
                row = {"chat_id": chat_id, "user": caller.user, "title": _title(question)}
                connection.execute(insert(chats).values(**row, created_at=now, updated_at=now))
            else:
                self._own(connection, caller, chat_id)
                connection.execute(update(chats).where(chats.c.chat_id == chat_id).values(updated_at=now))
            last = select(func.coalesce(func.max(messages.c.ordinal), -1)).where(
                messages.c.chat_id == chat_id
            )
            ordinal = int(connection.execute(last).scalar_one()) + 1
            answer_id = self._new_id()
            shared = {"chat_id": chat_id, "answer": None, "created_at": now}
            connection.execute(
                insert(messages),
                [
                    {**shared, "message_id": self._new_id(), "ordinal": ordinal}
                    | {"role": "user", "status": "done", "text": question},
                    {**shared, "message_id": answer_id, "ordinal": ordinal + 1}
                    | {"role": "assistant", "status": "running", "text": ""},
                ],
            )
            _count(connection, caller)
        return chat_id, answer_id

    def finish(
        self, caller: Caller, message_id: str, *, status: MessageStatus, text: str, answer_json: str | None
    ) -> None:
        """Keep the answer, or what there is of it; no error when the chat was deleted meanwhile.

        What a document said that was deleted while the answer was being written is not kept.
        """
        with self._database.write() as connection:
            own = (messages.c.message_id == message_id) & messages.c.chat_id.in_(_chats_of(caller))
            if connection.execute(select(messages.c.message_id).where(own)).first() is not None:
                kept = keep_cited(connection, message_id, Kept(text, answer_json))
                values = {"status": status, "text": kept.text, "answer": kept.answer_json}
                connection.execute(update(messages).where(own).values(**values))
            _count(connection, caller)

    def rename(self, caller: Caller, chat_id: str, title: str) -> None:
        """Raises BadRequest if the title is empty, NotFound if the chat is not this user's."""
        if not title.strip():
            raise BadRequest("The title is empty", hint="give it at least one letter")
        with self._database.write() as connection:
            self._own(connection, caller, chat_id)
            values = {"title": " ".join(title.split())[:TITLE_CHARACTERS]}
            connection.execute(update(chats).where(chats.c.chat_id == chat_id).values(**values))
            _count(connection, caller)

    def remove(self, caller: Caller, chat_id: str) -> None:
        """Forget the chat with all its messages. Raises NotFound if it is not this user's."""
        with self._database.write() as connection:
            self._own(connection, caller, chat_id)
            connection.execute(delete(chats).where(chats.c.chat_id == chat_id))
            _count(connection, caller)

    def revision(self, caller: Caller) -> int:
        """Grows with every change to this user's chats; 0 before the first."""
        wanted = select(revisions.c.count).where(revisions.c.subject == _subject(caller))
        with self._database.read() as connection:
            return int(connection.execute(wanted).scalar() or 0)

    def recover(self) -> int:
        """Mark answers that a dead process left `running` as interrupted; return how many.

        Only the process that holds the home may call this. It also notes once what answers of earlier
        versions lean on.
        """
        with self._database.write() as connection:
            fill_in(connection)
            changed = connection.execute(
                update(messages).where(messages.c.status == "running").values(status="interrupted")
            )
            return int(changed.rowcount)

    def _own(self, connection: Connection, caller: Caller, chat_id: str) -> Row[Any]:
        wanted = select(chats).where(chats.c.chat_id == chat_id, chats.c.user == caller.user)
        row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"There is no chat {chat_id!r}", hint="it may have been deleted in another window")
        return row

    def _holds(self, connection: Connection, caller: Caller, chat: Row[Any], needle: str) -> bool:
        """True when the words stand in the title or in a message, as far as the caller may see it."""
        if needle in chat.title.casefold():
            return True
        wanted = select(messages.c.text, messages.c.answer).where(messages.c.chat_id == chat.chat_id)
        rows = connection.execute(wanted.where(messages.c.text != "")).all()
        hits = [Kept(row.text, row.answer) for row in rows if needle in row.text.casefold()]
        return any(needle in one.text.casefold() for one in shown(connection, caller, hits))


def _chats_of(caller: Caller) -> Select[tuple[str]]:
    return select(chats.c.chat_id).where(chats.c.user == caller.user)


def _count(connection: Connection, caller: Caller) -> None:
    row = upsert(revisions).values(subject=_subject(caller), count=1)
    connection.execute(
        row.on_conflict_do_update(index_elements=["subject"], set_={"count": revisions.c.count + 1})
    )


def _subject(caller: Caller) -> str:
    return f"chats:{caller.user}"


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= TITLE_CHARACTERS else f"{line[: TITLE_CHARACTERS - 1]}…"


def _chat(row: Row[Any]) -> Chat:
    return Chat(row.chat_id, row.title, row.created_at, row.updated_at)


def _message(row: Row[Any], kept: Kept) -> Message:
    return Message(row.message_id, row.role, row.status, kept.text, kept.answer_json, row.created_at)
