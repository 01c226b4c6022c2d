"""What the address of a source may look like, by its kind. Pure.

An address is shown in lists and logs, so it never carries a password.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.source_urls import read_url

__all__ = ["MailServer", "check_address", "mail_server", "smb_share"]

_SCHEMES = {"imap": ("imaps", "imap"), "s3": ("s3",), "webdav": ("https", "http"), "smb": ("smb",)}
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")

MailServer = tuple[str, int, bool]
"""Host, port, and whether the connection is TLS from its first byte on."""


def check_address(kind: str, address: str) -> None:
    """Nothing, if a source of that kind can have the address.

    Raises:
        BadRequest: if not; the address is not repeated where it may hold a password.
    """
    if kind == "upload":
        return
    if kind == "folder":
        if not address.startswith("/") or not address.isprintable():
            raise BadRequest(f"{address[:200]!r} is no whole path", hint="write it from the root on")
        return
    if not address.isprintable():
        raise BadRequest("The address holds signs that cannot be seen", hint="write it anew")
    if kind == "web":
        if not address.split():
            raise BadRequest(
                "A web source needs an address", hint="for example https://intranet.example.com/"
            )
        for one in address.split():
            read_url(one)
        return
    parts = _parts(kind, address)
    if kind == "s3" and not _BUCKET.fullmatch(parts.hostname or ""):
        raise BadRequest(f"{parts.hostname!r} is no name of a bucket", hint="write s3://bucket/folder")
    if kind == "smb":
        smb_share(address)


def mail_server(address: str) -> MailServer:
    """Where `imaps://host[:port]` or `imap://host[:port]` leads to."""
    parts = _parts("imap", address)
    tls = parts.scheme == "imaps"
    return parts.hostname or "", parts.port or (993 if tls else 143), tls


def smb_share(address: str) -> tuple[str, int, str]:
    """Host, port, and `share/folder` of `smb://host[:port]/share/folder`.

    Raises:
        BadRequest: if no share is named.
    """
    parts = _parts("smb", address)
    path = parts.path.strip("/")
    if not path:
        raise BadRequest("The address names no share", hint="write smb://host/share/folder")
    return parts.hostname or "", parts.port or 445, path


def _parts(kind: str, address: str) -> SplitResult:
    schemes = _SCHEMES[kind]
    hint = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise BadRequest("The address cannot be understood", hint=f"it begins with {hint}") from None
    if "@" in parts.netloc:
        raise BadRequest(
            "The address must not hold a name or a password", hint="use the options user and password"
        )
    host = parts.netloc.removesuffix(f":{port}") if port else parts.netloc
    if parts.scheme not in schemes or not _HOST.fullmatch(host):
        raise BadRequest(f"{address[:200]!r} is no address of kind {kind}", hint=f"it begins with {hint}")
    if parts.query or parts.fragment or ".." in parts.path.split("/"):
        raise BadRequest(f"{address[:200]!r} holds more than a place", hint="leave out `?`, `#` and `..`")
    return parts
