"""E-mail (EML) to text: the head that people look for, the words of the message, what was attached.

Of a message that is there twice, as plain text and as a page, the plain text is taken, unless it only says
that there is a page. Pictures inside the words count only for what is written on them, and what makes a
saved page look as it does (styles, scripts, fonts) is left out. An encrypted message gives its head only.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from email.message import EmailMessage, Message

from inhouse.knowledge.edge.parse.archived import InnerFile
from inhouse.knowledge.edge.parse.decode import decode, decode_as
from inhouse.knowledge.edge.parse.letter import Letter, write_letter
from inhouse.knowledge.edge.parse.markup import render
from inhouse.knowledge.edge.parse.parsed import Means, Parsed

__all__ = ["read_mail"]

_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
_MALFORMED = (ValueError, LookupError, AttributeError, TypeError)
"""What the standard parser raises on malformed heads, whatever it is asked for."""
_DEEPEST = 20
_MOST_FILES = 500
_TRIMMINGS = ("text/css", "text/javascript", "application/javascript", "application/x-javascript", "font/")
_STUB_SHARE = 0.25
_STUB_LETTERS = 200
"""Plain words as short as this, and a page more than four times as long: a stand-in for the page."""


def read_mail(data: bytes, means: Means = Means()) -> Parsed:  # noqa: B008  frozen
    """The text of an RFC 822 message; broken encodings become replacement characters, not failures."""
    message = email.message_from_bytes(data, policy=email.policy.default.clone(max_line_length=None))
    letter = Letter({name: _header(message, name) for name in ("Subject", "From", "To", "Cc", "Date")})
    letter.sent_at = _date(letter.head["Date"])
    if _kind(message) not in _ENCRYPTED:
        letter.body = "\n\n".join(words for words in _words(message, letter, 0) if words.strip())
    if len(letter.files) > _MOST_FILES:
        letter.files = letter.files[:_MOST_FILES]
        letter.body += f"\n\n[More than {_MOST_FILES} attachments: the others are not in the text]"
    return write_letter(letter, "message/rfc822", means)


def _header(message: Message, name: str) -> str:
    try:
        value = str(message.get(name) or "")
    except _MALFORMED:  # the raw line is better than none
        value = next((str(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), "")
    if "\ufffd" in value or not value.isprintable():  # bytes beyond ASCII that no encoding was named for
        raw = next((str(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), "")
        if any("\udc80" <= char <= "\udcff" for char in raw):
            value = decode(raw.encode("utf-8", "surrogateescape"))
    return " ".join(value.encode("utf-8", "replace").decode().split())


def _date(stated: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(stated).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _kind(part: Message) -> str:
    try:
        return part.get_content_type()
    except _MALFORMED:
        return "application/octet-stream"


def _name(part: Message) -> str:
    try:
        name = str(part.get_filename() or "")
    except _MALFORMED:
        return "attachment"
    if any("\udc80" <= char <= "\udcff" for char in name):
        name = decode(name.encode("utf-8", "surrogateescape"))
    return name


def _words(part: Message, letter: Letter, depth: int) -> list[str]:
    """The words of a part and of the parts below it; attachments go to the letter's files."""
    kind = _kind(part)
    if depth > _DEEPEST or kind in _SIGNATURES or len(letter.files) > _MOST_FILES:
        return []
    if kind == "message/rfc822":
        letter.files += _enclosed(part)
        return []
    if part.is_multipart():
        inner = [one for one in part.get_payload() if isinstance(one, Message)]
        if kind == "multipart/alternative":
            return _alternative(inner, letter, depth)
        return [words for one in inner for words in _words(one, letter, depth + 1)]
    name, disposition = _name(part), _disposition(part)
    data = _payload(part)
    is_inside = disposition != "attachment" and (part.get("Content-ID") or part.get("Content-Location"))
    if is_inside and kind.startswith("image/"):
        letter.pictures.append(data)
        return []
    if is_inside and kind.startswith(_TRIMMINGS):
        return []
    if kind in ("text/plain", "text/html") and disposition != "attachment" and not name:
        text = _decoded(part, data)
        return [render(text).text if kind == "text/html" else _unfolded(part, text)]
    if data and (name or disposition == "attachment" or not kind.startswith("multipart/")):
        letter.files.append(InnerFile(name or kind.replace("/", "."), data, kind))
    return []


def _alternative(parts: list[Message], letter: Letter, depth: int) -> list[str]:
    """The plain one if it says what the others say, else the last that does; attachments of all are kept."""
    found = [(_kind(part), _words(part, letter, depth + 1)) for part in parts]
    spoken = [(kind, words) for kind, words in found if any(map(str.strip, words))]
    plain = next((words for kind, words in spoken if kind == "text/plain"), None)
    last = spoken[-1][1] if spoken else []
    if plain:
        short, long = sum(map(len, plain)), sum(map(len, last))
        if short <= _STUB_LETTERS and short < _STUB_SHARE * long and not _is_beginning(plain, last):
            return last
    return plain or last


def _is_beginning(words: list[str], page: list[str]) -> bool:
    """True when the page begins with these words, and what follows there is a signature or a footer."""
    begin, whole = (re.sub(r"\W+", "", "".join(one)) for one in (words, page))
    return bool(begin) and whole.startswith(begin)


def _enclosed(part: Message) -> list[InnerFile]:
    """A message inside the message, as a file named after its subject."""
    inner = part.get_payload()
    message = inner[0] if isinstance(inner, list) and inner else None
    if not isinstance(message, EmailMessage):
        return []
    subject = _header(message, "Subject").replace("/", " ")[:100]
    try:
        data = message.as_bytes(policy=email.policy.compat32)
    except (*_MALFORMED, UnicodeError):
        data = str(message.get_payload()).encode("utf-8", "replace")
    return [InnerFile(f"{subject or 'message'}.eml", data, "message/rfc822")]


def _disposition(part: Message) -> str:
    try:
        return part.get_content_disposition() or ""
    except _MALFORMED:
        return ""


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, data: bytes) -> str:
    try:
        charset = part.get_content_charset()
    except _MALFORMED:
        charset = None
    return decode_as(data, charset) if charset else decode(data)


def _unfolded(part: Message, text: str) -> str:
    """Lines that only the sending program broke become whole again. Source: RFC 3676, 4."""
    text = text.replace("\r\n", "\n")
    try:
        flowed = str(part.get_param("format", "")).lower() == "flowed"
    except _MALFORMED:
        flowed = False
    if not flowed:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and lines[-1].endswith(" ") and lines[-1] != "-- " and not line.startswith(">"):
            lines[-1] += line.removeprefix(" ")
        else:
            lines.append(line.removeprefix(" "))
    return "\n".join(lines)
