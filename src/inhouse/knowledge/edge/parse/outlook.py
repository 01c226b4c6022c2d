"""Messages of Outlook (MSG): the properties of an OLE storage as a letter.

Source: [MS-OXMSG] 2.1-2.4, [MS-OXPROPS], [MS-OXRTFCP] for words that are stored as compressed RTF only.
"""

from __future__ import annotations

import email.utils
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inhouse.knowledge.edge.parse.archived import InnerFile
from inhouse.knowledge.edge.parse.decode import decode, decode_as
from inhouse.knowledge.edge.parse.inner import read_part
from inhouse.knowledge.edge.parse.letter import Letter, write_letter
from inhouse.knowledge.edge.parse.markup import render
from inhouse.knowledge.edge.parse.ole import Ole, Storage
from inhouse.knowledge.edge.parse.parsed import Means, Parsed

__all__ = ["read_outlook"]

_MEDIA_TYPE = "application/vnd.ms-outlook"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_RTF_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans"
    rb" SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_RTF_SIZE = 4096
_MOST_RTF = 20 << 20


def read_outlook(path: Path, _media_type: str, means: Means) -> Parsed:
    """The text of a message, its attachments below.

    Raises:
        ValueError, struct.error: if the file is damaged.
    """
    return write_letter(_letter(Ole(path.read_bytes()).root, 32, means), _MEDIA_TYPE, means)


def _letter(message: Storage, head_bytes: int, means: Means) -> Letter:
    fixed = _fixed(message, head_bytes)
    sent = next((fixed[key] for key in (0x0039, 0x0E06, 0x3007) if fixed.get(key)), 0)
    moment = _moment(sent)
    sender = _text(message, 0x0C1A) or _text(message, 0x0042)
    addresses = (_text(message, key) for key in (0x5D01, 0x5D02, 0x0C1F, 0x0065))
    people = list(_people(message))
    letter = Letter(
        {
            "Subject": _text(message, 0x0037) or _text(message, 0x0E1D),
            "From": _person(sender, next((one for one in addresses if "@" in one), "")),
            "To": ", ".join(words for kind, words in people if kind == 1) or _text(message, 0x0E04),
            "Cc": ", ".join(words for kind, words in people if kind == 2) or _text(message, 0x0E03),
            "Date": email.utils.format_datetime(moment) if moment else "",
        },
        body=_body(message, means),
        sent_at=moment.timestamp() if moment else None,
    )
    for name in message.names:
        attachment = message.storage(name) if name.startswith("__attach_version1.0_#") else None
        if attachment is not None:
            _attach(letter, attachment)
    return letter


def _body(message: Storage, means: Means) -> str:
    words = _text(message, 0x1000)
    if words.strip():
        return words
    page = message.stream("__substg1.0_10130102")
    if page or _text(message, 0x1013):
        return render(decode(page, declared=True) if page else _text(message, 0x1013)).text
    packed = message.stream("__substg1.0_10090102")
    if packed:
        read = read_part(_unpacked_rtf(packed), "body.rtf", means)
        return read.text if isinstance(read, Parsed) else ""
    return ""


def _attach(letter: Letter, attachment: Storage) -> None:
    name = _text(attachment, 0x3707) or _text(attachment, 0x3704) or _text(attachment, 0x3001)
    inside = attachment.storage("__substg1.0_3701000D")
    if inside is not None:
        if "__properties_version1.0" in inside.names:
            title = _text(inside, 0x0037) or name or "message"
            letter.files.append(
                InnerFile(f"{title.replace('/', ' ')[:100]}.msg", b"", _MEDIA_TYPE, opened=_opener(inside))
            )
        return
    data, kind = attachment.stream("__substg1.0_37010102"), _text(attachment, 0x370E)
    if _text(attachment, 0x3712) and kind.startswith("image/"):
        letter.pictures.append(data)
    elif data:
        letter.files.append(InnerFile(name or "attachment", data, kind))


def _opener(message: Storage) -> Callable[[Means], Parsed]:
    return lambda means: write_letter(_letter(message, 24, means), _MEDIA_TYPE, means)


def _people(message: Storage) -> Iterator[tuple[int, str]]:
    for name in message.names:
        person = message.storage(name) if name.startswith("__recip_version1.0_#") else None
        if person is not None:
            address = _text(person, 0x39FE) or _text(person, 0x3003)
            kind = _fixed(person, 8).get(0x0C15, 1) & 0xF
            yield kind, _person(_text(person, 0x3001), address if "@" in address else "")


def _person(name: str, address: str) -> str:
    if not address or address in name:
        return name
    return f"{name} <{address}>" if name else address


def _text(storage: Storage, key: int) -> str:
    """A property of text, in Unicode or in the bytes of an old program."""
    wide = storage.stream(f"__substg1.0_{key:04X}001F")
    if wide:
        return wide.decode("utf-16-le", "replace").rstrip("\x00").replace("\r\n", "\n")
    narrow = storage.stream(f"__substg1.0_{key:04X}001E")
    return decode_as(narrow.rstrip(b"\x00"), "cp1252").replace("\r\n", "\n") if narrow else ""


def _fixed(storage: Storage, head_bytes: int) -> dict[int, int]:
    """Properties of fixed size by their number."""
    stream = storage.stream("__properties_version1.0")
    found: dict[int, int] = {}
    for at in range(head_bytes, len(stream) - 15, 16):
        kind, key, _, value = struct.unpack_from("<HHIQ", stream, at)
        if kind in (0x0003, 0x000B, 0x0040):
            found[key] = value
    return found


def _moment(filetime: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=filetime // 10) if filetime else None
    except OverflowError:
        return None


def _unpacked_rtf(data: bytes) -> bytes:
    """RTF as Outlook packs it. Source: [MS-OXRTFCP] 2.2 and 3.1."""
    if len(data) < 16:
        return b""
    raw_size, mark = struct.unpack_from("<I4s", data, 4)
    if mark == b"MELA":
        return data[16 : 16 + raw_size]
    window = bytearray(_RTF_START.ljust(_RTF_SIZE, b"\x00"))
    write, out, at = len(_RTF_START), bytearray(), 16
    limit = min(raw_size, _MOST_RTF)
    while at < len(data) and len(out) < limit:
        control, at = data[at], at + 1
        for bit in range(8):
            if control >> bit & 1:
                if at + 1 >= len(data):
                    return bytes(out[:limit])
                token, at = struct.unpack_from(">H", data, at)[0], at + 2
                read, length = token >> 4, (token & 0xF) + 2
                if read == write:
                    return bytes(out[:limit])
                for _ in range(length):
                    byte = window[read]
                    out.append(byte)
                    window[write] = byte
                    read, write = (read + 1) % _RTF_SIZE, (write + 1) % _RTF_SIZE
            elif at < len(data):
                byte, at = data[at], at + 1
                out.append(byte)
                window[write] = byte
                write = (write + 1) % _RTF_SIZE
    return bytes(out[:limit])
