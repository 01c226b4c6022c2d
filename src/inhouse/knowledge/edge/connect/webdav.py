"""Folders of WebDAV servers: Nextcloud, SharePoint, Apache."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from inhouse.kernel.errors import MissingExtra
from inhouse.knowledge.edge.connect.look import Ask, Seen, secret_at
from inhouse.knowledge.edge.connect.tree import Entry, look_through
from inhouse.knowledge.source import Source

__all__ = ["WebdavConnector"]

PIECE_BYTES = 1 << 18
TIMEOUT_S = 30.0


class WebdavConnector:
    """`look.Connector` for `https://host/folder`."""

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        _library()

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        return look_through(_Folders(ask), ask, ask.source.address)


class _Folders:
    def __init__(self, ask: Ask) -> None:
        library = _library()
        source = ask.source
        user, password = source.options.get("user", ""), secret_at(ask, "password")
        self._files = library.WebdavFileSystem(
            source.address.rstrip("/") + "/",
            auth=(user, password) if user else None,
            timeout=TIMEOUT_S,
            verify=source.options.get("ca_file") or True,
            trust_env=False,  # neither a proxy nor a .netrc of the environment
            event_hooks={"response": [_stays]},
            retry=False,
            chunk_size=PIECE_BYTES,
            skip_instance_cache=True,
        )

    def entries(self, folder: str) -> Iterable[Entry]:
        with _explained():
            found = self._files.ls(folder, detail=True)
        for info in found:
            name = str(info["name"]).strip("/")
            if name == folder.strip("/"):
                continue
            changed = info.get("modified")
            yield Entry(
                name,
                is_folder=info.get("type") == "directory",
                size_bytes=int(info.get("size") or 0),
                modified_at=changed.timestamp() if changed else 0.0,
                version=str(info.get("etag") or ""),
            )

    def pieces(self, name: str) -> Iterator[bytes]:
        with _explained(), self._files.client.open(name, "rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece

    def close(self) -> None:
        self._files.client.http.close()


# Any: a response of the HTTP client below that library
def _stays(response: Any) -> None:
    """A server may send us on within itself, not to another place, which may lie inside the network."""
    location = response.headers.get("location", "")
    if response.is_redirect and location:
        asked, told = response.request.url, urlsplit(str(response.request.url.join(location)))
        if (told.scheme, told.hostname, told.port) != (asked.scheme, asked.host, asked.port):
            raise OSError(f"it leads on to another place: {told.hostname}")


# Any: a library without types
def _library() -> Any:
    try:
        return importlib.import_module("webdav4.fsspec")
    except ImportError:
        raise MissingExtra(
            "What reads WebDAV is not installed", hint="pip install 'inhouse[sources]'"
        ) from None


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Errors of the libraries below as OSError."""
    client: Any = importlib.import_module("webdav4.client")  # Any: a library without types
    http: Any = importlib.import_module("httpx")  # Any: only its errors are asked for
    try:
        yield
    except (client.ClientError, http.HTTPError, http.InvalidURL) as error:
        raise OSError(str(error) or type(error).__name__) from None
    except (ValueError, KeyError) as error:  # an answer that is no list of files
        raise OSError(f"the answer makes no sense: {error}") from None
