"""A trash that notes what it is asked, and removes from a fake library where it is given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inhouse.kernel.caller import Caller
from inhouse.knowledge.ports.documents import DocumentRecord
from inhouse.knowledge.ports.removal import Certificate, Discarded, Erased, Finding, TrashedDocument

__all__ = ["GIVEN", "HELD", "FakeTrash"]

HELD = TrashedDocument("id-1", "a.md", "hr", "A", 10, 1.0, 2.0)
GIVEN = Certificate(
    "erasure-1",
    5.0,
    "local",
    (Erased("id-1", "a.md", "hr", "00", 10, 2, 0, 10, 0, 1, 3),),
    (Finding("rows", True, "no row"), Finding("files", None, "nobody can tell")),
    ("log files",),
)


@dataclass
class FakeTrash:
    """Notes what it is asked."""

    asked: list[tuple[str, object]] = field(default_factory=list)
    records: dict[str, DocumentRecord] = field(default_factory=dict)

    def discard(self, caller: Caller, document_ids: Sequence[str], *, now: bool = False) -> Discarded:
        self.asked.append((caller.user, (tuple(document_ids), now)))
        known = [one for one in document_ids if self.records.pop(one, None)]
        return Discarded(len(known), 0, None) if known else Discarded(0, len(document_ids), 7.0)

    def discard_source(self, source: str, *, now: bool = False) -> Discarded:
        raise NotImplementedError

    def trashed(self, *, source: str | None = None) -> tuple[TrashedDocument, ...]:
        self.asked.append(("trashed", source))
        return (HELD,)

    def restore(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        self.asked.append(("restore", (tuple(names), source)))
        return 1

    def empty(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        self.asked.append(("empty", (tuple(names), source)))
        return 2

    def certify(self, caller: Caller, document_ids: Sequence[str]) -> Certificate:
        self.asked.append(("certify", tuple(document_ids)))
        return GIVEN

    def certificates(self) -> tuple[Certificate, ...]:
        return (GIVEN,)
