"""A place that documents come from: its kind, who may read what comes from it, and how its last look went.

Everything that a source of each kind may be told stands in `KINDS`. A secret is never told, only where it
stands (`env:NAME`, `file:/path`). Pure.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from inhouse.kernel.caller import Readers
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_rules import FolderFile, Rule, SourceRules
from inhouse.knowledge.source_address import check_address

__all__ = [
    "KINDS",
    "Kind",
    "LookState",
    "Option",
    "Outcome",
    "Source",
    "SourceKind",
    "check_name",
    "option_flag",
    "option_list",
    "option_number",
    "options_in",
    "outcome_from_json",
    "outcome_to_json",
    "read_kind",
]

SourceKind = Literal["folder", "upload", "web", "imap", "s3", "webdav", "smb"]
LookState = Literal["done", "failed", "cancelled"]
MOST_NOTES = 20
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")


@dataclass(frozen=True, slots=True)
class Option:
    """What may be told about a source. `shape` is a pattern of its whole value, or `secret`."""

    why: str
    default: str = ""
    shape: str = r"[^\x00-\x1f]*"

    @property
    def secret(self) -> bool:
        return self.shape == "secret"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source: how its address is written, how often it is looked at, what may be told."""

    address: str
    every_s: int
    options: Mapping[str, Option] = field(default_factory=dict)


_NUMBER = r"[0-9]{1,9}"
_SECONDS = r"[0-9]{1,4}(\.[0-9]{1,3})?"
_YES_NO = r"yes|no"
_USER = Option("name to sign in with")
_CA_FILE = Option("PEM file of the authorities to trust; empty: the system's", shape=r"(/[^\x00-\x1f]*)?")


def _secret(what: str) -> Option:
    return Option(f"where the {what} stands: env:NAME or file:/path", shape="secret")


KINDS: Mapping[SourceKind, Kind] = {
    "folder": Kind("/srv/handbook", 30),
    "upload": Kind("-", 0),
    "web": Kind(
        "https://intranet.example.com/handbook/",
        86_400,
        {
            "follow": Option("`links` and sitemaps below the address, or `none`", "links", "links|none"),
            "hosts": Option("further hosts whose pages may be read, with commas"),
            "paths": Option("beginnings of paths that may be read, with commas; empty: the address's folder"),
            "max_pages": Option("most pages", "1000", _NUMBER),
            "max_depth": Option("most steps from the address along links", "5", _NUMBER),
            "max_page_mb": Option("largest page or file, unpacked", "20", _NUMBER),
            "delay_s": Option("pause between two requests to one host", "1", _SECONDS),
            "main_text": Option("leave out menus and the like", "yes", _YES_NO),
            "ca_file": _CA_FILE,
        },
    ),
    "imap": Kind(
        "imaps://mail.example.com",
        900,
        {
            "user": _USER,
            "password": _secret("password"),
            "folders": Option("folders of the mailbox, with commas; `*` is all", "INBOX"),
            "tls": Option("`off` sends password and mail unprotected", "on", "on|off"),
            "ca_file": _CA_FILE,
        },
    ),
    "s3": Kind(
        "s3://bucket/folder",
        3_600,
        {
            "endpoint": Option(
                "address of an S3 server of one's own; empty: Amazon", shape=r"(https?://[^\s/@]+/?)?"
            ),
            "region": Option("region of the bucket", shape=r"[a-z0-9-]*"),
            "key": _secret("access key id"),
            "secret": _secret("secret access key"),
            "anonymous": Option("read without a key", "no", _YES_NO),
            "ca_file": _CA_FILE,
        },
    ),
    "webdav": Kind(
        "https://files.example.com/dav/folder",
        3_600,
        {"user": _USER, "password": _secret("password"), "ca_file": _CA_FILE},
    ),
    "smb": Kind(
        "smb://files.example.com/share/folder",
        3_600,
        {
            "user": _USER,
            "password": _secret("password"),
            "domain": Option("domain of the user"),
            "encrypt": Option("`no` reads from servers that cannot encrypt", "yes", _YES_NO),
            "sign": Option("`no` reads from servers that cannot sign", "yes", _YES_NO),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last look at a source went. Times are UNIX seconds; `failures` are those in a row."""

    state: LookState
    started_at: float
    ended_at: float
    found: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    trashed: int = 0
    restored: int = 0
    moved: int = 0
    refiled: int = 0
    empty: int = 0
    refused: int = 0
    failures: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it is on record. `readers` read what no rule speaks of; none of both means nobody."""

    name: str
    kind: SourceKind
    address: str
    owner: str
    readers: Readers
    rules: tuple[Rule, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    every_s: int = 0
    paused: bool = False
    created_at: float = 0.0
    looked_at: float | None = None
    outcome: Outcome | None = None
    cursor: str = ""
    files: tuple[FolderFile, ...] = ()
    """What files among the documents said of readers when it was last looked at."""

    @property
    def origin(self) -> str:
        """What its documents say that they were read from."""
        return "" if self.kind == "upload" else self.address

    def readers_of(self, document: str) -> tuple[Readers, str]:
        """Who may read a document of it, and which rule says so. For many, keep `access`."""
        return self.access.readers_of(document)

    @property
    def access(self) -> SourceRules:
        """Its rules, ready to be asked about many documents."""
        return SourceRules(self.rules, self.readers, self.files)


def read_kind(text: str) -> SourceKind:
    """The kind of that name.

    Raises:
        BadRequest: if there is none.
    """
    for kind in get_args(SourceKind):
        if text == kind:
            return kind  # type: ignore[no-any-return]  # one of the words of the Literal
    raise BadRequest(f"There is no kind of source {text[:40]!r}", hint=f"use one of {', '.join(KINDS)}")


def check_name(name: str) -> str:
    """The name, if it can name a source.

    Raises:
        BadRequest: if it is empty, too long, or could not stand in SOURCE/PATH.
    """
    stripped = name.strip()
    if not stripped or "/" in stripped or not stripped.isprintable() or len(stripped) > 200:
        raise BadRequest(f"{name[:80]!r} cannot name a source", hint="use letters and digits, without `/`")
    return stripped


def options_in(kind: SourceKind, given: Mapping[str, str], address: str) -> dict[str, str]:
    """The options of a source, checked, with its address; what is left to the default is left out.

    Raises:
        BadRequest: if one does not exist or has an impossible value. A secret is never repeated.
    """
    known = KINDS[kind].options
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
            raise BadRequest(f"A source of kind {kind} has no option {name[:40]!r}", hint=hint)
        if option.secret and value and not _REFERENCE.fullmatch(value):
            raise BadRequest(
                f"The option {name} is a secret and is not kept here",
                hint=f"put it into a file or a variable, and say {name}=file:/path or {name}=env:NAME",
            )
        if not option.secret and not re.fullmatch(option.shape, value):
            raise BadRequest(f"The option {name} cannot be {value[:80]!r}", hint=f"{name}: {option.why}")
    check_address(kind, address)
    return {name: value for name, value in given.items() if value and value != known[name].default}


def _told(source: Source, name: str) -> str:
    return source.options.get(name) or KINDS[source.kind].options[name].default


def option_list(source: Source, name: str) -> tuple[str, ...]:
    """The parts of an option that holds several, with commas between."""
    return tuple(part.strip() for part in _told(source, name).split(",") if part.strip())


def option_number(source: Source, name: str) -> float:
    """The number that an option holds."""
    return float(_told(source, name))


def option_flag(source: Source, name: str) -> bool:
    """True for `yes`, `on` and `links`."""
    return _told(source, name) in ("yes", "on", "links")


def outcome_to_json(outcome: Outcome) -> str:
    """For `sources.outcome`; of many notes the first ones are kept."""
    kept = asdict(outcome) | {"words": list(outcome.words[:MOST_NOTES])}
    return json.dumps(kept, ensure_ascii=False)


def outcome_from_json(text: str) -> Outcome | None:
    """What `outcome_to_json` wrote; None for an empty text."""
    if not text:
        return None
    found = json.loads(text)
    return Outcome(**{**found, "words": tuple(found["words"])})
