"""Buckets of S3 and of servers that speak as it does."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from inhouse.kernel.errors import BadRequest, MissingExtra
from inhouse.knowledge.edge.connect.look import Ask, Seen, secret_at
from inhouse.knowledge.edge.connect.tree import Entry, look_through
from inhouse.knowledge.source import Source, option_flag

__all__ = ["S3Connector"]

PIECE_BYTES = 1 << 20
CONNECT_S, READ_S = 10, 60


class S3Connector:
    """`look.Connector` for `s3://bucket/folder`."""

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        _library()
        has_key = bool(source.options.get("key") and source.options.get("secret"))
        if has_key == option_flag(source, "anonymous"):
            # Without a key the library would ask the machine's surroundings for one, also over the network.
            raise BadRequest(
                "A bucket is read with a key or anonymously",
                hint="give the options key and secret, or anonymous=yes",
            )

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        return look_through(_Bucket(ask), ask, ask.source.address)


class _Bucket:
    def __init__(self, ask: Ask) -> None:
        library = _library()
        source = ask.source
        self._root = source.address.removeprefix("s3://").strip("/")
        client: dict[str, object] = {"region_name": source.options.get("region") or None}
        if source.options.get("ca_file"):
            client["verify"] = source.options["ca_file"]
        self._files = library.S3FileSystem(
            anon=option_flag(source, "anonymous"),
            key=secret_at(ask, "key") or None,
            secret=secret_at(ask, "secret") or None,
            endpoint_url=source.options.get("endpoint") or None,
            client_kwargs=client,
            config_kwargs={
                "connect_timeout": CONNECT_S,
                "read_timeout": READ_S,
                "retries": {"max_attempts": 2},
                "proxies": {},  # an empty one keeps the environment's out
            },
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    def entries(self, folder: str) -> Iterable[Entry]:
        """All keys below the root at once: a bucket has no folders, and is told 1,000 keys at a time."""
        with _explained():
            found = self._files.find(self._root, detail=True)
        for key, info in found.items():
            name = key.removeprefix(self._root).strip("/")
            if not name or info.get("type") != "file" or (key.endswith("/") and not info["size"]):
                continue
            changed = info.get("LastModified")
            yield Entry(
                name,
                is_folder=False,
                size_bytes=int(info["size"]),
                modified_at=changed.timestamp() if changed else 0.0,
                version=str(info.get("ETag", "")),
            )

    def pieces(self, name: str) -> Iterator[bytes]:
        key = f"{self._root}/{name}"
        with _explained(), self._files.open(key, "rb", cache_type="none") as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece

    def close(self) -> None:
        close = getattr(self._files, "close_session", None)
        if close is not None and self._files._s3 is not None:  # noqa: SLF001  the library has no other way
            close(self._files.loop, self._files._s3)  # noqa: SLF001


# Any: a library without types
def _library() -> Any:
    try:
        return importlib.import_module("s3fs")
    except ImportError:
        raise MissingExtra(
            "What reads buckets is not installed", hint="pip install 'inhouse[sources]'"
        ) from None


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Errors of the libraries below as OSError."""
    broken: Any = importlib.import_module("botocore.exceptions")  # Any: a library without types
    try:
        yield
    except (broken.BotoCoreError, broken.ClientError) as error:
        raise OSError(str(error)) from None
