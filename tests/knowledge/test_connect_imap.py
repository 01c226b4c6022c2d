"""Mailboxes of a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.imap import ImapConnector
from inhouse.knowledge.edge.connect.look import Ask, Seen
from inhouse.knowledge.plan import Known
from inhouse.knowledge.source import Source
from tests.knowledge import post as mail
from tests.knowledge.post import PASSWORD, USER, Folder, Post, message
from tests.worlds.tls import certificate

ALL = frozenset({"all"})


@pytest.fixture
def post() -> Iterator[Post]:
    with mail.serving() as running:
        running.folders["INBOX"] = Folder()
        running.folders["INBOX"].put(message("Leave", "Twenty eight days."), message("Pay", "On Friday."))
        yield running


def asking(port: int, folder: Path, *, scheme: str = "imap", tls: str = "off", **options: str) -> Ask:
    told = {"user": USER, "password": "env:POST", "tls": tls, **options}
    source = Source("post", "imap", f"{scheme}://127.0.0.1:{port}", "", ALL, options=told)
    folder.mkdir(exist_ok=True)
    return Ask(source, dict, folder, 1_000_000, {"POST": PASSWORD}, 0.0)


@pytest.fixture
def ask(post: Post, tmp_path: Path) -> Ask:
    return asking(post.port, tmp_path)


def names(seen: Seen) -> list[str]:
    return [file.document for file in seen.walk.files]


def content(seen: Seen, at: int) -> bytes:
    file = seen.walk.files[at]
    assert file.fetch is not None
    file.fetch(file.path)
    return Path(file.path).read_bytes()


def known(seen: Seen) -> dict[str, Known]:
    return {
        file.document: Known("id", file.document, "", "x", file.size_bytes, file.mtime_ns, ALL, None, 1)
        for file in seen.walk.files
    }


def later(ask: Ask, seen: Seen) -> Ask:
    return replace(ask, source=replace(ask.source, cursor=seen.cursor), known=lambda: known(seen))


def test_every_message_is_a_document(post: Post, ask: Ask) -> None:
    """Each has its size and date, comes as it is when it is wanted, and is not marked as seen."""
    seen = ImapConnector().look(ask)
    assert names(seen) == ["INBOX/7-1.eml", "INBOX/7-2.eml"]
    assert seen.walk.files[0].mtime_ns == 1_899_961_200 * 10**9
    assert not any("BODY" in line for line in post.asked)
    assert content(seen, 1) == message("Pay", "On Friday.")
    assert "UID FETCH 2 (BODY.PEEK[])" in post.asked
    assert any(line.startswith("EXAMINE") for line in post.asked)
    seen.close()


def test_an_unchanged_folder_is_not_listed_again(post: Post, ask: Ask) -> None:
    """As many messages and no new number: nothing is fetched, everything is as it was."""
    first = ImapConnector().look(ask)
    first.close()
    post.asked.clear()
    second = ImapConnector().look(later(ask, first))
    assert second.walk == first.walk
    assert not any("FETCH" in line for line in post.asked)
    second.close()


def test_messages_come_and_go(post: Post, ask: Ask) -> None:
    """A deleted one is not in the walk any more, a new one is; the numbers of the others stay."""
    first = ImapConnector().look(ask)
    first.close()
    del post.folders["INBOX"].messages[1]
    post.folders["INBOX"].put(message("New", "News."))
    second = ImapConnector().look(later(ask, first))
    assert names(second) == ["INBOX/7-2.eml", "INBOX/7-3.eml"]
    second.close()


def test_a_server_that_numbers_anew_is_believed(post: Post, ask: Ask) -> None:
    """Another UIDVALIDITY makes other paths: a number alone never stands for another message."""
    first = ImapConnector().look(ask)
    first.close()
    post.folders["INBOX"].validity = 8
    second = ImapConnector().look(later(ask, first))
    assert names(second) == ["INBOX/8-1.eml", "INBOX/8-2.eml"]
    second.close()


def test_folders_by_name_and_all_of_them(post: Post, ask: Ask) -> None:
    """Names of any alphabet; `*` leaves out trash, junk and what cannot be opened."""
    post.folders["&BB4EQgRHBDUEQgRL-.2030"] = Folder()
    post.folders["&BB4EQgRHBDUEQgRL-.2030"].put(message("Отчёт", "Отчёт за март."))
    post.folders["Deleted"] = Folder(flags="\\HasNoChildren \\Trash")
    post.folders["Deleted"].put(message("Old", "Gone."))
    post.folders["Hub"] = Folder(flags="\\Noselect", closed=True)
    one = ImapConnector().look(asking(post.port, ask.incoming, folders="Отчеты/2030"))
    assert names(one) == ["Отчеты/2030/7-1.eml"]
    one.close()
    every = ImapConnector().look(asking(post.port, ask.incoming, folders="*"))
    assert names(every) == ["INBOX/7-1.eml", "INBOX/7-2.eml", "Отчеты/2030/7-1.eml"]
    every.close()


def test_a_folder_that_cannot_be_opened_keeps_what_is_known(post: Post, ask: Ask) -> None:
    """It is listed as unreadable, so that nothing below it is removed; the others are read."""
    post.folders["Secret"] = Folder(closed=True)
    seen = ImapConnector().look(asking(post.port, ask.incoming, folders="INBOX, Secret, Missing"))
    assert [one.document for one in seen.walk.unreadable] == ["Missing", "Secret"]
    assert len(names(seen)) == 2
    seen.close()


def test_a_wrong_password_is_an_error_without_it(post: Post, ask: Ask) -> None:
    """The look fails, and the message does not hold what was told."""
    with pytest.raises(Unavailable) as error:
        ImapConnector().look(replace(ask, environment={"POST": "hunter2"}))
    assert "AUTHENTICATIONFAILED" in str(error.value)
    assert "hunter2" not in str(error.value)
    with pytest.raises(Unavailable, match="POST holds no password"):
        ImapConnector().look(replace(ask, environment={}))


def test_a_message_larger_than_said_is_refused(post: Post, ask: Ask) -> None:
    """A server that lies about sizes cannot fill the memory: it is refused before it is read."""
    post.lies = 10
    post.folders["INBOX"].messages[2] = b"x" * 3_000_000
    seen = ImapConnector().look(ask)
    with pytest.raises(OSError, match="more than"):
        content(seen, 1)
    assert content(seen, 0) == message("Leave", "Twenty eight days.")
    seen.close()


def test_a_lost_connection_is_made_again(post: Post, ask: Ask) -> None:
    """The fetch in which it broke fails, the next one works."""
    seen = ImapConnector().look(ask)
    post.drop_next = True
    with pytest.raises(OSError, match=r"closed|EOF|reset|abort"):
        content(seen, 0)
    assert not post.drop_next
    assert content(seen, 0) == message("Leave", "Twenty eight days.")
    seen.close()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "from_start"), [("imaps", True), ("imap", False)])
def test_tls_from_the_start_and_when_asked(tmp_path: Path, scheme: str, from_start: bool) -> None:
    """Both ways of TLS work with the company's own authority; without it the server is not believed."""
    pem = certificate(tmp_path, "post")
    with mail.serving(pem, tls_from_start=from_start) as post:
        post.folders["INBOX"] = Folder()
        post.folders["INBOX"].put(message("Leave", "Days."))
        ask = asking(post.port, tmp_path / "in", scheme=scheme, tls="on", ca_file=str(pem))
        seen = ImapConnector().look(ask)
        assert names(seen) == ["INBOX/7-1.eml"]
        seen.close()
        with pytest.raises(Unavailable, match="certificate"):
            ImapConnector().look(asking(post.port, tmp_path / "in", scheme=scheme, tls="on"))


def test_a_server_without_tls_gets_no_password(post: Post, ask: Ask, tmp_path: Path) -> None:
    """With `tls=on`, the default, a server that cannot do it is refused before anything is told."""
    with pytest.raises(Unavailable):
        ImapConnector().look(asking(post.port, tmp_path, tls="on"))
    assert not any("AUTHENTICATE" in line for line in post.asked)


def test_what_a_mailbox_needs() -> None:
    """User and password are asked for when it is added."""
    with pytest.raises(BadRequest, match="somebody"):
        ImapConnector().check(Source("post", "imap", "imaps://mail.example.com", "", ALL))
