"""Mailboxes: every message of the chosen folders is one document, as it came.

Read only, and nothing is marked as seen. A folder where neither a message came nor one went since the last
look is known by two numbers (EXISTS and UIDNEXT) and not listed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.look import Ask, Seen, secret_at, too_big, write_limited
from inhouse.knowledge.plan import Found, Unreadable, Walk
from inhouse.knowledge.source import Source, option_flag, option_list
from inhouse.knowledge.source_address import mail_server
from inhouse.knowledge.source_mail import (
    Mailbox,
    Message,
    document_of,
    read_list,
    read_messages,
)

__all__ = ["ImapConnector"]

TIMEOUT_S = 30.0
SPARE_BYTES = 1_000_000
"""A message as it is told may be a little larger than its size says: line ends, headers of the server."""

State = tuple[int, int, int]
"""UIDVALIDITY, UIDNEXT and EXISTS of a folder."""


class ImapConnector:
    """`look.Connector` for `imaps://host`."""

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        if not source.options.get("user") or not source.options.get("password"):
            raise BadRequest("A mailbox is somebody's", hint="give the options user and password")
        _, _, tls = mail_server(source.address)
        if tls and not option_flag(source, "tls"):
            raise BadRequest("imaps:// is TLS from the first byte", hint="write imap:// for a server without")

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        post = _Post(ask)
        try:
            return _Look(ask, post).run()
        except BaseException:
            post.close()
            raise


class _Look:
    def __init__(self, ask: Ask, post: _Post) -> None:
        self._ask = ask
        self._post = post
        self._files: list[Found] = []
        self._unreadable: list[Unreadable] = []

    def run(self) -> Seen:
        before: dict[str, list[int]] = json.loads(self._ask.source.cursor or "{}")
        after: dict[str, State] = {}
        for mailbox in self._mailboxes():
            self._ask.check()
            try:
                state = self._post.open(mailbox)
                same = state[1] > 0 and before.get(mailbox.wire) == list(state)  # 0: it does not tell
                known = self._known(mailbox, state) if same else None
                messages = self._post.messages(mailbox, state[2]) if known is None else ()
            except OSError as error:
                self._unreadable.append(Unreadable(mailbox.path, _why(error)))
                continue
            after[mailbox.wire] = state
            self._files += known or [self._found(mailbox, state[0], message) for message in messages]
        walk = Walk(tuple(sorted(self._files, key=lambda file: file.document)), tuple(self._unreadable))
        return Seen(walk, cursor=json.dumps(after), close=self._post.close)

    def _mailboxes(self) -> list[Mailbox]:
        """Raises Unavailable if the server is out of reach or does not let us in."""
        wanted = option_list(self._ask.source, "folders")
        try:
            there = self._post.mailboxes()
        except OSError as error:
            words = f"{self._ask.source.address} cannot be read: {_why(error)}"
            raise Unavailable(words, hint="check address, user and password") from None
        if "*" in wanted:
            return [one for one in there if not one.left_out]
        by_name = {one.name.upper() if one.name.upper() == "INBOX" else one.name: one for one in there}
        found: list[Mailbox] = []
        for name in wanted:
            key = "INBOX" if name.upper() == "INBOX" else name
            mailbox = by_name.get(key) or next((one for one in there if one.path == name), None)
            if mailbox is None:
                self._unreadable.append(Unreadable(name, "the mailbox has no such folder"))
            else:
                found.append(mailbox)
        return found

    def _known(self, mailbox: Mailbox, state: State) -> list[Found] | None:
        """The messages as they are known, None when some of them are not."""
        start = f"{mailbox.path}/{state[0]}-"
        known = [one for name, one in self._ask.known().items() if name.startswith(start) and not one.trashed]
        if len(known) != state[2]:
            return None
        return [
            self._entry(
                mailbox, one.document, int(one.document[len(start) : -4]), one.size_bytes, one.mtime_ns
            )
            for one in known
        ]

    def _found(self, mailbox: Mailbox, validity: int, message: Message) -> Found:
        document = document_of(mailbox, validity, message.uid)
        mtime_ns = int(message.received_at) * 1_000_000_000
        return self._entry(mailbox, document, message.uid, message.size_bytes, mtime_ns)

    def _entry(self, mailbox: Mailbox, document: str, uid: int, size_bytes: int, mtime_ns: int) -> Found:
        def fetch(target: PurePath) -> None:
            content = self._post.message(mailbox, uid)
            write_limited(Path(target), (content,), self._ask.max_bytes)

        path = self._ask.incoming / hashlib.sha256(document.encode()).hexdigest()
        return Found(document, path, size_bytes, mtime_ns, fetch)


@dataclass(slots=True)
class _Limits:
    """The most bytes that one piece of an answer may have."""

    literal_bytes: int


class _Plain(imaplib.IMAP4):
    """Refuses a piece that is larger than any message may be, before it is in memory."""

    limits: _Limits

    def read(self, size: int) -> bytes:
        if size > self.limits.literal_bytes:
            raise too_big(self.limits.literal_bytes)
        return super().read(size)


class _Shielded(imaplib.IMAP4_SSL):
    limits: _Limits

    def read(self, size: int) -> bytes:
        if size > self.limits.literal_bytes:
            raise too_big(self.limits.literal_bytes)
        return super().read(size)


class _Post:
    """One connection, used by several threads one after the other; made again when it was lost."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._turn = threading.RLock()
        self._connection: _Plain | _Shielded | None = None
        self._opened = ""

    def mailboxes(self) -> list[Mailbox]:
        with self._talking() as connection:
            lines = _good(connection.list())
        found = read_list(lines)
        return found or read_list([b'() NIL "INBOX"'])

    def open(self, mailbox: Mailbox) -> State:
        """Select a folder for reading only."""
        with self._talking() as connection:
            return self._select(connection, mailbox)

    def messages(self, mailbox: Mailbox, count: int) -> list[Message]:
        """All messages of a folder."""
        if not count:
            return []
        with self._talking() as connection:
            self._select(connection, mailbox)
            found = read_messages(_good(connection.uid("FETCH", "1:*", "(UID RFC822.SIZE INTERNALDATE)")))
        if len(found) < count:
            raise OSError(f"the server told of {len(found)} messages of {count}")
        return found

    def message(self, mailbox: Mailbox, uid: int) -> bytes:
        """A message as it came; it is not marked as seen."""
        with self._talking() as connection:
            if self._opened != mailbox.wire:
                self._select(connection, mailbox)
            for part in _good(connection.uid("FETCH", str(uid), "(BODY.PEEK[])")):
                if isinstance(part, tuple) and len(part) == 2:
                    return bytes(part[1])
        raise OSError("the message is gone")

    def close(self) -> None:
        with self._turn:
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                connection.logout()

    def _select(self, connection: _Plain | _Shielded, mailbox: Mailbox) -> State:
        self._opened = ""
        exists = _good(connection.select(_quoted(mailbox.wire), readonly=True))
        self._opened = mailbox.wire
        count = int(exists[0] or b"0")
        return _number(connection, "UIDVALIDITY"), _number(connection, "UIDNEXT"), count

    @contextlib.contextmanager
    def _talking(self) -> Iterator[_Plain | _Shielded]:
        """The connection; whatever goes wrong is OSError, and the next call makes a new one."""
        with self._turn:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                    self._opened = ""
                yield self._connection
            except (imaplib.IMAP4.error, OSError, ValueError) as error:
                lost, self._connection = self._connection, None
                if lost is not None:
                    with contextlib.suppress(OSError, imaplib.IMAP4.error):
                        lost.shutdown()
                if isinstance(error, OSError):
                    raise
                raise OSError(_words(error)) from None

    def _connect(self) -> _Plain | _Shielded:
        source = self._ask.source
        host, port, tls = mail_server(source.address)
        limits = _Limits(self._ask.max_bytes + SPARE_BYTES)
        connection: _Plain | _Shielded
        if tls:
            connection = _Shielded(host, port, ssl_context=_trust(source), timeout=TIMEOUT_S)
        else:
            connection = _Plain(host, port, timeout=TIMEOUT_S)
        connection.limits = limits
        try:
            if not tls and option_flag(source, "tls"):
                connection.starttls(_trust(source))
            _sign_in(connection, source.options.get("user", ""), secret_at(self._ask, "password"))
        except BaseException:
            with contextlib.suppress(OSError):  # a failed handshake has closed it already
                connection.shutdown()
            raise
        return connection


def _trust(source: Source) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=source.options.get("ca_file") or None)


def _sign_in(connection: imaplib.IMAP4, user: str, password: str) -> None:
    """PLAIN carries any alphabet; LOGIN is for servers that do not offer it."""
    if "AUTH=PLAIN" in connection.capabilities:
        told = f"\0{user}\0{password}".encode()
        _good(connection.authenticate("PLAIN", lambda _challenge: told))
    else:
        _good(connection.login(_quoted(user), password))


# Any: imaplib gives lists of bytes, of pairs of bytes and of None
def _good(reply: tuple[str, Any]) -> list[Any]:
    word, lines = reply
    if word != "OK":
        first = lines[0] if lines else b""
        raise OSError(first.decode("utf-8", "replace") if isinstance(first, bytes) else word)
    return list(lines)


def _number(connection: imaplib.IMAP4, name: str) -> int:
    found: list[Any] = connection.untagged_responses.get(name) or [b"0"]  # Any: as in `_good`
    return int(found[-1])


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _words(error: Exception) -> str:
    """What the server said. imaplib shows bytes as Python writes them."""
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first).strip("b'")


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
