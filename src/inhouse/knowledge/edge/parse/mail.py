"""E-mail to text: the headers people look for, then the words of the message.

Attachments are named, not read. An encrypted message gives its headers only.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
from email.message import EmailMessage

from inhouse.knowledge.edge.parse.decode import decode, normal_newlines
from inhouse.knowledge.edge.parse.markup import render
from inhouse.knowledge.edge.parse.parsed import Parsed

__all__ = ["read_mail"]

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})


def read_mail(data: bytes) -> Parsed:
    """The text of an RFC 822 message; broken encodings become replacement characters, not failures."""
    message = email.message_from_bytes(data, policy=email.policy.default.clone(max_line_length=None))
    headers = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    body, attachments = _body(message)
    if attachments:
        headers.append("Attachments: " + ", ".join(attachments))
    text = "\n".join(headers) + ("\n\n" + body.strip() if body.strip() else "") + "\n"
    return Parsed(
        text=normal_newlines(text),
        kind="text",
        media_type="message/rfc822",
        title=_header(message, "Subject"),
        modified_at=_date(message),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name) or "")
    except (ValueError, LookupError, IndexError, AttributeError, TypeError):
        # The standard parser raises many things on malformed headers; the raw line is better than none.
        value = next((raw for key, raw in message.raw_items() if key.lower() == name.lower()), "")
    if "\ufffd" in value or not value.isprintable():  # bytes beyond ASCII that no encoding was named for
        raw = next((raw for key, raw in message.raw_items() if key.lower() == name.lower()), "")
        if any("\udc80" <= char <= "\udcff" for char in raw):
            value = decode(raw.encode("utf-8", "surrogateescape"))
    return " ".join(value.encode("utf-8", "replace").decode().split())


def _date(message: EmailMessage) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(_header(message, "Date")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _body(message: EmailMessage) -> tuple[str, list[str]]:
    if message.get_content_type() in _ENCRYPTED:
        return "", []
    plain: list[str] = []
    pages: list[str] = []
    attachments: list[str] = []
    for part in message.walk():
        kind = part.get_content_type()
        if part.is_multipart():
            continue
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            attachments.append(" ".join(str(name or kind).split()))
        elif kind == "text/plain":
            plain.append(_words(part))
        elif kind == "text/html":
            pages.append(render(_words(part)).text)
    return "\n\n".join(text for text in (plain if any(map(str.strip, plain)) else pages)), attachments


def _words(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset()
    try:
        return payload.decode(charset) if charset else decode(payload)
    except (LookupError, UnicodeDecodeError):
        return decode(payload)
