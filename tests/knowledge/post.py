"""A mail server on loopback: as much of IMAP as a reader needs, with TLS when it is given a certificate."""

from __future__ import annotations

import base64
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER, PASSWORD = "reader@example.com", "не пароль"


@dataclass
class Folder:
    """Messages by UID; `validity` changes when a server has to number them anew."""

    messages: dict[int, bytes] = field(default_factory=dict)
    validity: int = 7
    flags: str = ""
    closed: bool = False
    highest: int = 0

    def put(self, *messages: bytes) -> None:
        for message in messages:
            self.highest += 1
            self.messages[self.highest] = message


@dataclass
class Post:
    """`asked` are the commands without their tags; `lies` is a size told for every message."""

    port: int
    folders: dict[str, Folder] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    lies: int = 0
    drop_next: bool = False


def message(subject: str, words: str) -> bytes:
    return (
        f"From: boss@example.com\r\nSubject: {subject}\r\nDate: Mon, 17 Mar 2030 10:00:00 +0000\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n"
    ).encode()


@contextmanager
def serving(pem: Path | None = None, *, tls_from_start: bool = True) -> Iterator[Post]:
    """A server until the block ends. With `pem` it speaks TLS, from the start or when asked."""
    context = None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

    class Talk(_Talk):
        shield = context
        shielded = context is not None and tls_from_start

        def setup(self) -> None:
            self.the_post = post
            super().setup()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        # object: whoever called and how it failed; a client that turns away is part of the tests
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Talk)
    post = Post(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield post
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Talk(socketserver.StreamRequestHandler):
    shield: ssl.SSLContext | None = None
    shielded = False
    disable_nagle_algorithm = True
    the_post: Post

    def setup(self) -> None:
        self.folder: Folder | None = None
        self.signed_in = False
        if self.shielded and self.shield:
            self.request = self.shield.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        self._say("* OK ready")
        while line := self.rfile.readline():
            tag, _, rest = line.decode("utf-8").strip().partition(" ")
            self.the_post.asked.append(rest)
            if self.the_post.drop_next:
                self.the_post.drop_next = False
                return
            if not self._answer(tag, *rest.partition(" ")[::2]):
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _answer(self, tag: str, word: str, rest: str) -> bool:
        match word.upper():
            case "CAPABILITY":
                start = " STARTTLS LOGINDISABLED" if self.shield and not self.shielded else " AUTH=PLAIN"
                self._say(f"* CAPABILITY IMAP4rev1{start}", f"{tag} OK done")
            case "STARTTLS":
                self._say(f"{tag} OK go on")
                assert self.shield is not None
                self.request = self.shield.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
                self.shielded = True
            case "AUTHENTICATE":
                self._say("+ ")
                told = base64.b64decode(self.rfile.readline()).decode("utf-8")
                self.signed_in = told == f"\0{USER}\0{PASSWORD}"
                self._say(f"{tag} OK welcome" if self.signed_in else f"{tag} NO [AUTHENTICATIONFAILED] no")
            case "LOGOUT":
                self._say("* BYE", f"{tag} OK bye")
                return False
            case _ if not self.signed_in:
                self._say(f"{tag} NO sign in first")
            case "LIST":
                for name, folder in self.the_post.folders.items():
                    self._say(f'* LIST ({folder.flags}) "." "{name}"')
                self._say(f"{tag} OK done")
            case "EXAMINE":
                self._examine(tag, rest.strip('"'))
            case "UID":
                self._uid(tag, rest)
            case _:
                self._say(f"{tag} BAD {word}")
        return True

    def _examine(self, tag: str, name: str) -> None:
        self.folder = self.the_post.folders.get(name)
        if self.folder is None or self.folder.closed:
            self._say(f"{tag} NO there is no such folder for you")
            return
        self._say(
            f"* {len(self.folder.messages)} EXISTS",
            f"* OK [UIDVALIDITY {self.folder.validity}] valid",
            f"* OK [UIDNEXT {self.folder.highest + 1}] next",
            f"{tag} OK [READ-ONLY] done",
        )

    def _uid(self, tag: str, rest: str) -> None:
        assert self.folder is not None
        wanted = re.match(r"FETCH (\S+) \((.*)\)", rest)
        assert wanted is not None, rest
        for number, (uid, content) in enumerate(self.folder.messages.items(), 1):
            if wanted[1] == "1:*":
                size = self.the_post.lies or len(content)
                date = "17-Mar-2030 10:00:00 +0300"
                self._say(f'* {number} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE "{date}")')
            elif wanted[1] == str(uid):
                self.wfile.write(f"* {number} FETCH (UID {uid} BODY[] {{{len(content)}}}\r\n".encode())
                self.wfile.write(content + b")\r\n")
        self._say(f"{tag} OK done")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()
