"""What a caller may do besides reading: upload, take away, look at jobs and at the ledger.

Administrators may do everything. Other people upload into a folder of their own below `uploads`, so that
nobody can replace, or learn of, what somebody else put there under the same name; they take away what they
put there, and see the jobs and ledger rows that are theirs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from inhouse.gateway.ports import LedgerRow, Within
from inhouse.kernel.caller import Caller, Readers
from inhouse.kernel.errors import BadRequest, Forbidden
from inhouse.knowledge.acl_groups import read_groups, shown
from inhouse.knowledge.ports import DocumentRecord
from inhouse.serve.callers import administers

__all__ = ["UPLOADS", "check_removal", "chosen_readers", "own_rows", "own_within", "place_of_upload"]

UPLOADS = "uploads"
"""The source that everybody may put files into."""


def place_of_upload(caller: Caller, source: str, name: str) -> str:
    """The path below the source that an upload gets.

    Raises:
        Forbidden: if the source is not for everybody's uploads, and the caller is no administrator.
    """
    if administers(caller):
        return name
    if source != UPLOADS:
        raise Forbidden(
            f"Only administrators upload into {source[:80]!r}", hint=f"leave the source out: {UPLOADS}"
        )
    return f"{_folder_of(caller)}/{name}"


def chosen_readers(caller: Caller, groups: Sequence[str]) -> Readers | None:
    """The groups that somebody chose for an upload, None when they chose none.

    Raises:
        BadRequest: if nobody could read it.
        Forbidden: if the caller is not in one of them, and no administrator.
    """
    if not groups:
        return None
    readers = read_groups(groups)
    if not readers:
        raise BadRequest("An upload that nobody may read was asked for", hint="name a group")
    foreign = readers - caller.groups
    if foreign and not administers(caller):
        raise Forbidden(f"{caller.user!r} is not in {shown(foreign)}", hint="choose groups of your own")
    return readers


def check_removal(caller: Caller, records: Iterable[DocumentRecord]) -> None:
    """Refuse to take away what is not the caller's own upload. The caller may read these documents.

    Raises:
        Forbidden: for the first of them that is somebody else's.
    """
    if administers(caller):
        return
    own = f"{_folder_of(caller)}/"
    for record in records:
        if record.source != UPLOADS or not record.document.startswith(own):
            raise Forbidden(
                f"Only administrators take away {record.document!r}", hint="ask one; it stays as it is"
            )


def own_within(caller: Caller, within: Within) -> Within:
    """Which rows of the ledger a caller may add up."""
    return within if administers(caller) else replace(within, user=caller.user)


def own_rows(caller: Caller, rows: Iterable[LedgerRow]) -> tuple[LedgerRow, ...]:
    """Those rows of the ledger that a caller may see."""
    return tuple(row for row in rows if administers(caller) or row.user == caller.user)


def _folder_of(caller: Caller) -> str:
    """The name, or `~` and its bytes where it holds a slash or a star, is made of dots, begins with `~`, or
    has letters put together of two signs, so that it looks like another."""
    name = caller.user
    plain = not any(sign in "/\\*?" for sign in name) and set(name) != {"."} and not name.startswith("~")
    return name if plain and unicodedata.is_normalized("NFC", name) else f"~{name.encode().hex()}"
