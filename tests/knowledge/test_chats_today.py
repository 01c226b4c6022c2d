"""What of an old chat may be seen today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.tables import messages
from inhouse.knowledge.redact import GONE
from tests.knowledge.home import Home, open_home, write

HR = Caller(user="anna", groups=frozenset({"everyone", "hr"}))
LEFT_HR = Caller(user="anna")
PAY = "Die Gehälter steigen um neun Prozent"
FOOD = "Столовая открывается в одиннадцать"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    opened.ingest.run([write(tmp_path / "open", {"food.md": f"{FOOD}."})])
    opened.ingest.run([write(tmp_path / "closed", {"pay.md": f"{PAY}."})], readers=frozenset({"hr"}))
    yield opened
    opened.close()


@pytest.fixture
def chat_id(home: Home) -> str:
    """A chat of Anna's, whose answer quotes both documents."""
    sentences = []
    for name, words in (("pay.md", PAY), ("food.md", FOOD)):
        record = home.library.get(HR, name)
        citation = {"document": name, "document_id": record.document_id, "source": record.source, "page": 1}
        citation |= {"start": 0, "end": len(words), "quote": words, "verified": True}
        sentences.append({"text": f"{words}.", "citations": [citation], "supported": True})
    text = " ".join(str(one["text"]) for one in sentences)
    answer = {"answer": text, "language": "ru", "sentences": sentences, "passages": [], "reason": None}
    chat, message_id = home.chats.begin(HR, None, "Что нового?")
    home.chats.finish(HR, message_id, status="done", text=text, answer_json=json.dumps(answer))
    return chat


def stored(home: Home) -> str:
    with home.database.read() as connection:
        return "".join(f"{row.text}{row.answer}" for row in connection.execute(messages.select()))


def test_who_left_a_group_sees_nothing_of_its_documents(home: Home, chat_id: str) -> None:
    """Neither words nor names; nothing is rewritten, so with the group it is all there again."""
    before = stored(home)
    kept = home.chats.get(LEFT_HR, chat_id).messages[1]
    assert kept.text == f"{GONE['ru']} {FOOD}."
    assert kept.answer_json is not None
    shown = json.loads(kept.answer_json)
    assert "Gehälter" not in json.dumps(shown, ensure_ascii=False)
    assert "pay.md" not in kept.answer_json
    assert [one["citations"][0].get("deleted", False) for one in shown["sentences"]] == [True, False]
    assert home.chats.get(HR, chat_id).messages[1].text == f"{PAY}. {FOOD}."
    assert stored(home) == before


def test_hidden_words_are_not_found(home: Home, chat_id: str) -> None:
    """A search of one's own chats would otherwise tell whether they stand there."""
    assert [one.chat_id for one in home.chats.list(HR, query="gehälter")] == [chat_id]
    assert home.chats.list(LEFT_HR, query="gehälter") == ()
    assert [one.chat_id for one in home.chats.list(LEFT_HR, query="СТОЛОВАЯ")] == [chat_id]
    assert [one.chat_id for one in home.chats.list(LEFT_HR, query="нового")] == [chat_id]


def test_closed_trashed_and_deleted_look_alike(home: Home, chat_id: str) -> None:
    """Nobody learns which it is."""
    closed = home.chats.get(LEFT_HR, chat_id).messages[1]
    home.trash.discard_source("closed")
    trashed = home.chats.get(HR, chat_id).messages[1]
    home.trash.restore()
    assert home.chats.get(HR, chat_id).messages[1].text == f"{PAY}. {FOOD}."
    home.trash.discard_source("closed", now=True)
    deleted = home.chats.get(HR, chat_id).messages[1]
    assert closed == trashed == deleted


def test_a_quote_whose_document_changed_says_so(home: Home, chat_id: str, tmp_path: Path) -> None:
    """It is shown as it was kept, and marked; the unchanged one is not."""
    home.ingest.run([write(tmp_path / "open", {"food.md": f"Новое: {FOOD}."})])
    kept = home.chats.get(HR, chat_id).messages[1].answer_json
    assert kept is not None
    quotes = [one["citations"][0] for one in json.loads(kept)["sentences"]]
    assert [one.get("changed", False) for one in quotes] == [False, True]
    assert quotes[1]["quote"] == FOOD


def test_a_moved_document_is_still_cited(home: Home, chat_id: str, tmp_path: Path) -> None:
    """Neither changed nor gone."""
    (tmp_path / "open" / "food.md").rename(tmp_path / "open" / "canteen.md")
    assert home.ingest.run([write(tmp_path / "open", {"new.md": "new"})]).moved == 1
    kept = home.chats.get(HR, chat_id).messages[1].answer_json
    assert kept is not None
    assert "changed" not in kept
    assert "deleted" not in kept
