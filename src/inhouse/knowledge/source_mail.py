"""How mail servers spell folders, lists and messages. Pure.

Source: RFC 3501 (IMAP4rev1: names of mailboxes in modified UTF-7, LIST, FETCH), RFC 6154 (what a folder is
for).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["Mailbox", "Message", "decode_name", "document_of", "read_list", "read_messages"]

LEFT_OUT = frozenset({"\\noselect", "\\nonexistent", "\\junk", "\\trash"})
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?P<between>NIL|"(?:\\.|[^"])*") (?P<name>.*)', re.DOTALL)
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_DATE = re.compile(
    rb'\bINTERNALDATE "\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder of a mailbox: its name on the wire, as people read it, and as a path."""

    wire: str
    name: str
    path: str
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a server lists it."""

    uid: int
    size_bytes: int
    received_at: float


def decode_name(wire: str) -> str:
    """`&BB8EPgRHBEIEMA-` as `Почта`; what is no modified UTF-7 is left as it is."""

    def plain(match: re.Match[str]) -> str:
        letters = match[1].replace(",", "/")
        if not letters:
            return "&"
        try:
            return base64.b64decode(letters + "=" * (-len(letters) % 4)).decode("utf-16-be")
        except (ValueError, UnicodeDecodeError):
            return match[0]

    return re.sub(r"&([A-Za-z0-9+,]*)-", plain, wire)


def read_list(lines: Iterable[bytes | tuple[bytes, bytes] | None]) -> list[Mailbox]:
    """The folders that LIST told, by name; a name in a literal comes as a pair."""
    found: list[Mailbox] = []
    for line in lines:
        whole = line[0] + line[1] if isinstance(line, tuple) else line or b""
        match = _LIST.fullmatch(whole)
        if match is None:
            continue
        name = match["name"]
        if isinstance(line, tuple):
            name = line[1]
        elif name.startswith(b'"'):
            name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
        wire = name.decode("utf-8", "replace")
        flags = {flag.lower() for flag in match["flags"].decode("ascii", "replace").split()}
        between = match["between"].decode("ascii", "replace")
        separator = "" if between == "NIL" else re.sub(r"\\(.)", r"\1", between[1:-1])
        found.append(_mailbox(wire, separator, left_out=bool(flags & LEFT_OUT)))
    return sorted(found, key=lambda one: one.name)


def _mailbox(wire: str, separator: str, *, left_out: bool = False) -> Mailbox:
    name = decode_name(wire)
    parts = name.split(separator) if separator else [name]
    shown = "/".join(_shown(part) for part in parts)
    path = "".join(sign if sign.isprintable() else "?" for sign in shown)
    return Mailbox(wire, name, path, left_out)


def _shown(part: str) -> str:
    """A part of a path; two points would be a step upwards for whoever reads the path."""
    plain = part.replace("/", "⁄").strip()
    return plain if plain.strip(".") else "_"


def read_messages(lines: Iterable[bytes | tuple[bytes, bytes] | None]) -> list[Message]:
    """The messages that FETCH told of, by UID; lines about other things are passed over."""
    found: dict[int, Message] = {}
    for line in lines:
        if not isinstance(line, bytes):
            continue
        uid, size, date = _UID.search(line), _SIZE.search(line), _DATE.search(line)
        if uid and size:
            found[int(uid[1])] = Message(int(uid[1]), int(size[1]), _seconds(date) if date else 0.0)
    return [found[uid] for uid in sorted(found)]


def document_of(mailbox: Mailbox, validity: int, uid: int) -> str:
    """A message as a path below its source. The numbers are all that a server promises to keep."""
    return f"{mailbox.path}/{validity}-{uid}.eml"


def _seconds(date: re.Match[bytes]) -> float:
    day, month, year, *clock = (one.decode("ascii") for one in date.groups())
    hour, minute, second, sign, east, further = clock
    if month.lower() not in _MONTHS:
        return 0.0
    offset = timedelta(hours=int(east), minutes=int(further))
    zone = timezone(-offset if sign == "-" else offset)
    at = _MONTHS.index(month.lower()) + 1
    try:
        moment = datetime(int(year), at, int(day), int(hour), int(minute), int(second), tzinfo=zone)
    except ValueError:
        return 0.0
    return moment.astimezone(UTC).timestamp()
