"""Everything that the pages and the API are made of, handed over in one value by `compose`.

`serve` sees other rooms through these protocols only; it never builds any of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from inhouse.gateway.ports import Fleet, Ledger, ModelStore, PullProgress
from inhouse.kernel.ports import EngineUsed
from inhouse.knowledge.ports import Answers, Chats, Ingest, Library, PageImages, Search
from inhouse.ops.health import Check

__all__ = ["Limits", "ModelStore", "Parts", "PullProgress", "SettingRow"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may weigh. `allowed_hosts` are names beside the loopback ones."""

    max_body_bytes: int = 4_000_000
    max_file_bytes: int = 100_000_000
    max_question_chars: int = 20_000
    allowed_hosts: tuple[str, ...] = ()


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
    `checks` may take some seconds; `serve.health` asks at most once in five.
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
