"""A removal leaves nothing: not in the files, not in old answers; and the certificate tells the truth."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.certificate import Certifier, Places
from inhouse.knowledge.edge.tables import cited, messages
from inhouse.knowledge.redact import GONE
from inhouse.knowledge.samples import samples_of
from inhouse.store.database import back_up
from tests.knowledge.home import Home, open_home, write

ME, ANNA = Caller(), Caller(user="anna")
SECRET = "The launch code of the lighthouse is forty-seven green herons"
OPEN = "The canteen opens at half past eleven on every working day"
FILES = {"secret.md": f"# Codes\n\n{SECRET}.\n", "open.md": f"# Canteen\n\n{OPEN}.\n"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    opened.ingest.run([write(tmp_path / "docs", FILES)])
    yield opened
    opened.close()


def named(home: Home, name: str) -> str:
    return home.library.get(ME, name).document_id


def quoting(home: Home, *names: str) -> tuple[str, str]:
    """An answer as it is kept, with one sentence from each document; its JSON and its text."""
    sentences, passages = [], []
    for name in names:
        words = SECRET if name == "secret.md" else OPEN
        document_id = named(home, name)
        start = home.library.text(ME, document_id).index(words)
        place: dict[str, object] = {
            "document_id": document_id,
            "document": name,
            "source": "docs",
            "page": None,
        }
        place |= {"start": start, "end": start + len(words)}
        citation = {**place, "quote": words, "verified": True}
        sentences.append({"text": f"{words}.", "citations": [citation], "supported": True})
        passages.append({**place, "text": words, "title": name, "heading": ["Codes"], "score": 1.0})
    text = " ".join(str(one["text"]) for one in sentences)
    answer = {"answer": text, "language": "en", "sentences": sentences, "passages": passages, "reason": None}
    return json.dumps(answer), text


def asked(home: Home, caller: Caller, *names: str) -> str:
    """A kept chat with a question and its answer; the chat's id."""
    chat_id, message_id = home.chats.begin(caller, None, "What about it?")
    kept, text = quoting(home, *names)
    home.chats.finish(caller, message_id, status="done", text=text, answer_json=kept)
    return chat_id


def holding(root: Path, words: str) -> list[str]:
    """Names of all files below `root` in which the words stand as they are."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if words.encode() in path.read_bytes())


# ---- in files


def test_no_file_of_the_home_holds_a_removed_text(home: Home) -> None:
    """Not the database, not its log, not the bytes; what is not removed still stands there."""
    asked(home, ME, "secret.md", "open.md")
    assert holding(home.root, SECRET) != []
    home.manifest.remove([named(home, "secret.md")])
    assert holding(home.root, SECRET) == []
    assert holding(home.root, OPEN) != []
    assert not home.manifest.traces()


def test_without_secure_delete_the_words_would_stay(home: Home) -> None:
    """The control: pages that a plain connection frees go on holding what stood in them."""
    home.database.close()
    plain = sqlite3.connect(home.database.path)
    plain.execute("PRAGMA secure_delete=OFF")
    for table in ("texts", "chunks"):
        plain.execute(f"DELETE FROM {table}")
    plain.commit()
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    assert "inhouse.db" in holding(home.root, SECRET)


def test_the_index_has_no_deleted_entry_left(home: Home, tmp_path: Path) -> None:
    """Segments are rewritten; without that they hold the text until enough of them is deleted."""
    home.ingest.run([write(tmp_path / "more", {f"{n}.md": f"Words {n}" for n in range(10)})])
    home.manifest.wipe_soon = lambda: None
    home.manifest.remove([named(home, "secret.md")])
    assert home.lexical.counts().deleted == 1
    assert home.manifest.traces()
    assert home.manifest.wipe()
    assert home.lexical.counts().deleted == 0


def test_an_interrupted_wipe_is_done_at_the_next_start(home: Home) -> None:
    """The process ended after the rows were gone: the words go when the home is opened again."""
    home.manifest.wipe_soon = lambda: None
    home.manifest.remove([named(home, "secret.md")])
    again = home.reopen()
    assert again.manifest.traces()
    again.manifest.recover()
    assert (again.manifest.traces(), again.lexical.counts().deleted) == (False, 0)
    assert holding(again.root, SECRET) == []
    again.close()


def test_a_busy_database_is_wiped_later(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody reads, its log cannot be emptied; that is not forgotten."""
    monkeypatch.setattr("inhouse.store.database.LOG_WAIT_MS", 1)
    reader = sqlite3.connect(home.database.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM texts").fetchall()
    home.manifest.remove([named(home, "secret.md")])
    assert home.manifest.traces()
    assert "inhouse.db-wal" in holding(home.root, SECRET)
    reader.execute("COMMIT")
    reader.close()
    home.trash.tidy()
    assert not home.manifest.traces()
    assert holding(home.root, SECRET) == []


# ---- in old answers


def test_old_answers_lose_what_a_removed_document_said(home: Home) -> None:
    """For everybody who was told; the other half of an answer stays, as do answers from other documents."""
    both, mine, hers = (
        asked(home, ME, "secret.md", "open.md"),
        asked(home, ME, "open.md"),
        asked(home, ANNA, "secret.md"),
    )
    seen = home.chats.revision(ANNA)
    home.manifest.remove([named(home, "secret.md")])
    (_, half), (_, whole) = home.chats.get(ME, both).messages, home.chats.get(ME, mine).messages
    assert half.text == f"{GONE['en']} {OPEN}."
    assert whole.text == f"{OPEN}."
    assert home.chats.get(ANNA, hers).messages[1].text == GONE["en"]
    assert home.chats.revision(ANNA) > seen
    with home.database.read() as connection:
        stored = "\n".join(f"{row.text}{row.answer}" for row in connection.execute(select(messages)))
        left = set(connection.execute(select(cited.c.document_id)).scalars())
    assert SECRET not in stored
    assert "secret.md" not in stored
    assert left == {named(home, "open.md")}
    assert home.chats.list(ME, query="herons") == ()


def test_an_answer_in_the_making_keeps_nothing_of_a_removed_document(home: Home) -> None:
    """It was found before the removal and is kept after it."""
    chat_id, message_id = home.chats.begin(ME, None, "What?")
    kept, text = quoting(home, "secret.md", "open.md")
    home.manifest.remove([named(home, "secret.md")])
    home.chats.finish(ME, message_id, status="done", text=text, answer_json=kept)
    assert home.chats.get(ME, chat_id).messages[1].text == f"{GONE['en']} {OPEN}."
    home.database.truncate_log()
    assert holding(home.root, SECRET) == []


def test_answers_of_earlier_versions_are_rewritten_too(home: Home) -> None:
    """Nothing was noted of what they lean on; the first start looks them through, once."""
    chat_id = asked(home, ME, "secret.md")
    with home.database.write() as connection:
        connection.execute(cited.delete())
    home.chats.recover()
    home.manifest.remove([named(home, "secret.md")])
    assert home.chats.get(ME, chat_id).messages[1].text == GONE["en"]


def test_a_stopped_answer_loses_its_unchecked_words(home: Home) -> None:
    """A part of an answer has words after its last sentence; nobody knows where they came from."""
    chat_id, message_id = home.chats.begin(ME, None, "What?")
    kept, text = quoting(home, "secret.md", "open.md")
    home.chats.finish(ME, message_id, status="cancelled", text=f"{text} And the herons", answer_json=kept)
    home.manifest.remove([named(home, "secret.md")])
    assert "herons" not in home.chats.get(ME, chat_id).messages[1].text


# ---- the certificate


def findings(given: object) -> dict[str, bool | None]:
    return {one.what: one.passed for one in given.findings}  # type: ignore[attr-defined]


def test_a_certificate_says_what_was_removed(home: Home) -> None:
    """Counts, hash, answers; each look passed; it is kept, and holds nothing of the text."""
    asked(home, ANNA, "secret.md")
    record = home.library.get(ME, "secret.md")
    given = home.trash.certify(ME, [record.document_id])
    (erased,) = given.documents
    assert (erased.document, erased.sha256, erased.chunks, erased.answers) == (
        "secret.md",
        record.sha256,
        1,
        1,
    )
    assert erased.blob_bytes == record.size_bytes
    assert findings(given) == dict.fromkeys(("rows", "bytes", "search", "index", "files"), True)
    assert given.verified
    assert home.trash.certificates() == (given,)
    with home.database.read() as connection:
        (body,) = connection.exec_driver_sql("SELECT body FROM erasures").one()
    assert "heron" not in body
    assert holding(home.root, SECRET) == []


def test_a_certificate_says_that_the_file_is_still_there(home: Home, tmp_path: Path) -> None:
    """The next look at the source would take it in again; logs, backups and disks are named, too."""
    back_up(home.database.path, home.root / "backups" / "yesterday.db")
    (home.root / "backups" / "noise.db").write_bytes(b"no database")
    given = home.trash.certify(ME, [named(home, "secret.md")])
    told = "\n".join(given.not_covered)
    assert f"{tmp_path}/docs/secret.md: it is still there" in told
    assert "yesterday.db holds it" in told
    assert "noise.db: it could not be looked into" in told
    assert "log files" in told


def test_a_backup_without_the_document_is_not_named(home: Home, tmp_path: Path) -> None:
    """It was made before the document came."""
    back_up(home.database.path, home.root / "backups" / "before.db")
    home.ingest.run([write(tmp_path / "more", {"later.md": "A later note about seventeen barrels"})])
    given = home.trash.certify(ME, [named(home, "later.md")])
    assert "before.db" not in "\n".join(given.not_covered)


def test_bytes_that_others_share_are_kept_and_said(home: Home, tmp_path: Path) -> None:
    """The certificate does not claim what it cannot: neither the bytes nor the words are gone."""
    home.ingest.run([write(tmp_path / "copies", {"copy.md": FILES["secret.md"]})])
    given = home.trash.certify(ME, [named(home, "docs/secret.md")])
    assert (given.documents[0].shared_with, given.documents[0].blob_bytes) == (1, 0)
    assert findings(given) == {"rows": True, "bytes": None, "search": None, "index": True, "files": None}
    assert not given.verified
    assert home.library.text(ME, named(home, "copy.md")) == FILES["secret.md"]


def test_a_removal_that_removes_nothing_gets_no_clean_certificate(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: every look sees what is still there."""
    fired: list[object] = []

    def idle(ids: object) -> dict[str, int]:
        fired.append(ids)
        return {}

    monkeypatch.setattr(home.manifest, "erase", idle)
    given = home.trash.certify(ME, [named(home, "secret.md")])
    assert len(fired) == 1
    assert findings(given) == dict.fromkeys(("rows", "bytes", "search", "index", "files"), False)


def test_a_foreign_document_is_not_certified(home: Home, tmp_path: Path) -> None:
    """Like one that does not exist, and nothing is removed."""
    closed = write(tmp_path / "closed", {"pay.md": "Salaries of everybody"})
    home.ingest.run([closed], readers=frozenset({"hr"}))
    foreign = home.library.get(Caller("boss", frozenset({"hr"})), "pay.md").document_id
    with pytest.raises(NotFound):
        home.trash.certify(ME, [named(home, "open.md"), foreign])
    assert named(home, "open.md")


def test_pictures_are_counted_and_forgotten(home: Home) -> None:
    """Whoever remembers something of a document is told its ids and hashes."""
    told: list[tuple[list[str], list[str]]] = []
    home.manifest.gone.append(lambda ids, hashes: told.append((list(ids), list(hashes))))
    record = home.library.get(ME, "secret.md")
    certifier = Certifier(
        home.database,
        home.manifest,
        home.blobs,
        home.lexical,
        Places(home.root / "lexical", home.root / "backups", home.root / "logs"),
        now=lambda: 5.0,
        new_id=lambda: "erasure",
        pictures=lambda hashes: 3 if hashes == [record.sha256] else 0,
    )
    given = certifier.erase("me", [record.document_id])
    assert given.documents[0].page_images == 3
    assert told == [([record.document_id], [record.sha256])]


def test_samples_are_verbatim_and_long() -> None:
    """Each stands in the text, within a line, and short lines are no samples."""
    text = "Short\n" + "\n".join(f"Line {n} of a longer text, number {n * n}, with words" for n in range(90))
    found = list(samples_of(text))
    assert len(found) == 24
    assert all(one in text and "\n" not in one and len(one) >= 12 for one in found)
    assert list(samples_of("a\nb\n")) == []
    (cut,) = samples_of("word " * 100)
    assert cut in "word " * 100
    assert 12 <= len(cut) <= 80
