"""Everything that the pages and the API are made of, handed over in one value by `compose`.

`serve` sees other rooms through these protocols only; it never builds any of them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from inhouse.gateway.desk import RoutingDesk
from inhouse.gateway.fit import Machine
from inhouse.gateway.ports import Fleet, Ledger, ModelStore, Money, PullProgress
from inhouse.gateway.rollout import RolloutDesk
from inhouse.kernel.caller import ApiKey
from inhouse.kernel.ports import Accounts, ChatModel, Embedder, EngineUsed
from inhouse.knowledge.ports import Answers, Chats, Ingest, Library, PageImages, Search
from inhouse.knowledge.ports.evaluation import EvalBook
from inhouse.knowledge.ports.people import Access, People
from inhouse.knowledge.ports.removal import Trash
from inhouse.knowledge.ports.search import Glossary, Legs
from inhouse.knowledge.ports.sources import Sources
from inhouse.ops.health import Check
from inhouse.serve.middleware import CLOSED, Doors
from inhouse.serve.plane.idempotency import Repeats
from inhouse.serve.plane.parts import Catalogue, Express, Gatekeeper

__all__ = ["KeyBook", "Limits", "ModelStore", "Parts", "PickBook", "PullProgress", "SettingRow"]


class KeyBook(Protocol):
    """The API keys of the house; what is written blocks on the disk."""

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first, also expired and revoked ones."""
        ...

    def named(self, name: str) -> ApiKey:
        """The key of that id or name that was not revoked; `NotFound` if there is none."""
        ...

    def add(self, key: ApiKey) -> None:
        """Keep a new key; `Conflict` if its name is taken."""
        ...

    def rotate(self, old: ApiKey, new: ApiKey, now: float) -> None:
        """Keep `new` and revoke `old`, both or neither."""
        ...

    def revoke(self, name: str, now: float) -> ApiKey:
        """Refuse the key from the next request on; `NotFound` if there is none."""
        ...


class PickBook(Protocol):
    """Where people's picks between two answers are kept."""

    def keep_pick(self, name: str, models: tuple[str, str], better: str | None, at: float) -> None:
        """Keep which of two models gave the better answer, None for neither; blocks on the disk."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may weigh. `allowed_hosts` are names beside the loopback ones."""

    max_body_bytes: int = 4_000_000
    max_file_bytes: int = 100_000_000
    max_question_chars: int = 20_000
    allowed_hosts: tuple[str, ...] = ()
    doors: Doors = CLOSED


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as it is in force, ready to show: secrets are already masked."""

    name: str
    value: str
    origin: str
    unit: str
    why: str
    env: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The open house. `ingest` is None when another process holds the right to write.

    `answering` tells which engine would write an answer now, None when answers are quotes only.
    `checks` may take some seconds; `serve.health` asks at most once in five. `keys`, `gate`, `chat`,
    `accounts` and `express` are those of the wire surfaces; `clock` is UNIX seconds.
    """

    version: str
    library: Library
    ingest: Ingest | None
    pages: PageImages
    search: Search
    answers: Answers
    chats: Chats
    fleet: Fleet
    ledger: Ledger
    models: ModelStore
    answering: Callable[[], EngineUsed | None]
    checks: Callable[[], Awaitable[Mapping[str, Check]]]
    free_bytes: Callable[[], int]
    ocr: bool
    limits: Limits
    settings: tuple[SettingRow, ...]
    machine: Callable[[], Machine] | None = None
    """What memory and disk there are now; reads files and may start a tool, so it is called in a thread."""
    keys: KeyBook | None = None
    gate: Gatekeeper | None = None
    chat: ChatModel | None = None
    embedder: Embedder | None = None
    catalogue: Catalogue | None = None
    repeats: Repeats | None = None
    rollouts: RolloutDesk | None = None
    samples: PickBook | None = None
    money: Money | None = None
    routing: RoutingDesk | None = None
    accounts: Accounts | None = None
    express: Express | None = None
    legs: Legs | None = None
    glossary: Glossary | None = None
    evaluations: EvalBook | None = None
    people: People | None = None
    access: Access | None = None
    sources: Sources | None = None
    trash: Trash | None = None
    clock: Callable[[], float] = time.time
