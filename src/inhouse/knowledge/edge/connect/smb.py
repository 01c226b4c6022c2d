"""Shares of Windows and Samba servers.

Through smbprotocol's own client: the one in fsspec asks for each file by itself, where a folder's listing
has all that is needed, and locks a file that it reads, so that nobody could save it meanwhile.
"""

from __future__ import annotations

import contextlib
import importlib
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from inhouse.kernel.errors import BadRequest, MissingExtra
from inhouse.knowledge.edge.connect.look import Ask, Seen, secret_at
from inhouse.knowledge.edge.connect.tree import Entry, look_through
from inhouse.knowledge.source import Source, option_flag
from inhouse.knowledge.source_address import smb_share

__all__ = ["SmbConnector"]

PIECE_BYTES = 1 << 18
TIMEOUT_S = 20


class SmbConnector:
    """`look.Connector` for `smb://host/share/folder`."""

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        _library()
        if not source.options.get("user") or not source.options.get("password"):
            raise BadRequest("A share is read by somebody", hint="give the options user and password")

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        return look_through(_Share(ask), ask, ask.source.address)


class _Share:
    def __init__(self, ask: Ask) -> None:
        self._library = _library()
        source = ask.source
        self._host, self._port, path = smb_share(source.address)
        self._root = rf"\\{self._host}\{path.replace('/', chr(92))}"
        # Connections of its own: two sources on one server may be read by two users.
        self._connections: dict[str, object] = {}
        self._user = source.options.get("user", "")
        if source.options.get("domain"):
            self._user = f"{source.options['domain']}\\{self._user}"
        self._password = secret_at(ask, "password")
        self._encrypt, self._sign = option_flag(source, "encrypt"), option_flag(source, "sign")

    def entries(self, folder: str) -> Iterable[Entry]:
        with _explained():
            if not self._connections:
                self._connect()
            with self._library.scandir(self._unc(folder), **self._how) as found:
                for one in found:
                    info = one.smb_info  # of the listing; asking the entry would ask the server again
                    if info.file_attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT:
                        continue
                    if "\\" in one.name or "/" in one.name:  # no server has such a name; it leads elsewhere
                        continue
                    changed = info.last_write_time.timestamp()
                    yield Entry(
                        f"{folder}/{one.name}" if folder else one.name,
                        is_folder=bool(info.file_attributes & stat.FILE_ATTRIBUTE_DIRECTORY),
                        size_bytes=info.end_of_file,
                        modified_at=changed,
                        version=repr(changed),
                    )

    def pieces(self, name: str) -> Iterator[bytes]:
        with (
            _explained(),
            self._library.open_file(
                self._unc(name), mode="rb", buffering=PIECE_BYTES, share_access="rwd", **self._how
            ) as stream,
        ):
            while piece := stream.read(PIECE_BYTES):
                yield piece

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._library.reset_connection_cache(fail_on_error=False, connection_cache=self._connections)

    @property
    def _how(self) -> dict[str, object]:
        return {
            "username": self._user,
            "password": self._password,
            "port": self._port,
            "connection_cache": self._connections,
        }

    def _connect(self) -> None:
        self._library.register_session(
            self._host,
            encrypt=self._encrypt or None,
            require_signing=self._sign,
            connection_timeout=TIMEOUT_S,
            **self._how,
        )

    def _unc(self, name: str) -> str:
        return self._root + (chr(92) + name.replace("/", chr(92)) if name else "")


# Any: used as a library without types
def _library() -> Any:
    try:
        return importlib.import_module("smbclient")
    except ImportError:
        raise MissingExtra(
            "What reads shares is not installed", hint="pip install 'inhouse[sources]'"
        ) from None


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Errors of the library as OSError."""
    broken: Any = importlib.import_module("smbprotocol.exceptions")  # Any: as above
    negotiation: Any = importlib.import_module("spnego.exceptions")  # Any: as above
    try:
        yield
    except (broken.SMBException, negotiation.SpnegoError, ValueError) as error:
        raise OSError(str(error) or type(error).__name__) from None
