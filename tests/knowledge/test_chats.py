"""Conversations: kept, found, private."""

from __future__ import annotations

from itertools import count

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.chats import StoredChats
from inhouse.store.database import Database

ANNA, BORIS = Caller("anna"), Caller("boris")


@pytest.fixture
def chats(database: Database) -> StoredChats:
    ids, ticks = count(), count(1000)
    return StoredChats(database, now=lambda: float(next(ticks)), new_id=lambda: f"id{next(ids)}")


def test_question_and_answer_are_kept(chats: StoredChats) -> None:
    """A question waits as running, then carries its answer; the chat is named after the question."""
    chat_id, message_id = chats.begin(ANNA, None, "Сколько   дней?")
    assert [m.status for m in chats.get(ANNA, chat_id).messages] == ["done", "running"]
    chats.finish(ANNA, message_id, status="done", text="28", answer_json='{"answer":"28"}')
    detail = chats.get(ANNA, chat_id)
    assert detail.chat.title == "Сколько дней?"
    assert [(m.role, m.text) for m in detail.messages] == [("user", "Сколько   дней?"), ("assistant", "28")]


def test_search_folds_case_in_russian(chats: StoredChats) -> None:
    """Titles and answers are searched without regard to case, in Russian too; newest first."""
    first, message_id = chats.begin(ANNA, None, "Отпуск")
    chats.finish(ANNA, message_id, status="done", text="Двадцать ВОСЕМЬ", answer_json=None)
    second, _ = chats.begin(ANNA, None, "VPN")
    assert [c.chat_id for c in chats.list(ANNA)] == [second, first]
    assert [c.chat_id for c in chats.list(ANNA, query="восемь")] == [first]
    assert [c.chat_id for c in chats.list(ANNA, query="vpn")] == [second]


def test_another_user_sees_nothing(chats: StoredChats) -> None:
    """A foreign chat can be neither read, continued, renamed, removed nor finished."""
    chat_id, message_id = chats.begin(ANNA, None, "Оклад?")
    assert chats.list(BORIS) == ()
    for attempt in (
        lambda: chats.get(BORIS, chat_id),
        lambda: chats.begin(BORIS, chat_id, "и?"),
        lambda: chats.rename(BORIS, chat_id, "x"),
        lambda: chats.remove(BORIS, chat_id),
    ):
        with pytest.raises(NotFound):
            attempt()
    chats.finish(BORIS, message_id, status="done", text="чужое", answer_json=None)
    assert chats.get(ANNA, chat_id).messages[1].status == "running"


def test_rename_and_remove(chats: StoredChats) -> None:
    """A chat takes a new name but no empty one, and is gone with its messages when removed."""
    chat_id, _ = chats.begin(ANNA, None, "?")
    chats.rename(ANNA, chat_id, "  Новое   имя ")
    assert chats.get(ANNA, chat_id).chat.title == "Новое имя"
    with pytest.raises(BadRequest):
        chats.rename(ANNA, chat_id, "  ")
    chats.remove(ANNA, chat_id)
    assert chats.list(ANNA) == ()


def test_every_change_raises_the_revision(chats: StoredChats) -> None:
    """Pages learn of changes by a number that only grows, and only for their own user."""
    seen = [chats.revision(ANNA)]
    chat_id, message_id = chats.begin(ANNA, None, "?")
    seen.append(chats.revision(ANNA))
    chats.finish(ANNA, message_id, status="done", text="", answer_json=None)
    seen.append(chats.revision(ANNA))
    chats.remove(ANNA, chat_id)
    seen.append(chats.revision(ANNA))
    assert seen == sorted(set(seen))
    assert chats.revision(BORIS) == 0


def test_recover_marks_what_a_dead_process_left(chats: StoredChats) -> None:
    """Answers that still run at start-up are interrupted; finished ones stay."""
    chat_id, _ = chats.begin(ANNA, None, "?")
    assert chats.recover() == 1
    assert chats.recover() == 0
    assert chats.get(ANNA, chat_id).messages[1].status == "interrupted"
