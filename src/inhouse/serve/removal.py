"""Taking documents away over HTTP: many at once, the trash, and removals with a certificate."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from inhouse.kernel.errors import BadRequest, HomeBusy
from inhouse.knowledge.ports.removal import Certificate, Trash
from inhouse.serve.access_rights import check_removal
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf, CallerOf, administers
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = [
    "CertificateShape",
    "CertificatesShape",
    "ChangedShape",
    "DiscardedShape",
    "TrashShape",
    "removal_routes",
]

MOST_AT_ONCE = 10_000


class RemoveBody(Body):
    """Documents by id, or all of a source. `now` leaves nothing to undo."""

    document_ids: tuple[str, ...] = Field((), max_length=MOST_AT_ONCE)
    source: str | None = None
    now: bool = False


class TrashBody(Body):
    """Names are ids, paths or source/path; neither names nor source means everything in the trash."""

    names: tuple[str, ...] = Field((), max_length=MOST_AT_ONCE)
    source: str | None = None


class EraseBody(Body):
    """Documents by id."""

    document_ids: tuple[str, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)


class DiscardedShape(Shape):
    """`final_at` is when the trashed ones are removed for good, null without any."""

    removed: int
    trashed: int
    final_at: float | None


class TrashedShape(Shape):
    document_id: str
    document: str
    source: str
    title: str
    size_bytes: int
    trashed_at: float
    final_at: float


class TrashShape(Shape):
    """What `documents trash --json` prints."""

    documents: tuple[TrashedShape, ...]


class ChangedShape(Shape):
    documents: int


class ErasedShape(Shape):
    document_id: str
    document: str
    source: str
    sha256: str
    size_bytes: int
    chunks: int
    vectors: int
    blob_bytes: int
    shared_with: int
    page_images: int
    answers: int


class FindingShape(Shape):
    """`passed` is null where it could not be verified."""

    what: str
    passed: bool | None
    detail: str


class CertificateShape(Shape):
    """What `documents rm --certificate --json` prints."""

    erasure_id: str
    erased_at: float
    asked_by: str
    verified: bool
    documents: tuple[ErasedShape, ...]
    findings: tuple[FindingShape, ...]
    not_covered: tuple[str, ...]


class CertificatesShape(Shape):
    """What `documents certificates --json` prints, the newest first."""

    certificates: tuple[CertificateShape, ...]


def removal_routes(parts: Parts) -> APIRouter:
    """Removal of many, the trash, certificates."""
    routes = open_router()
    _add_trash(routes, parts)

    @routes.post("/app/documents/remove")
    def remove(body: RemoveBody, caller: CallerOf) -> DiscardedShape:
        """Remove a few documents for good, or take many to the trash."""
        trash = _trash(parts)
        if not body.document_ids and body.source is None:
            raise BadRequest("Nothing was named to remove", hint="send `document_ids`, or a `source`")
        ids = list(body.document_ids)
        if body.source is not None:
            ids += _ids_of(parts, caller, body.source)
        if not administers(caller):
            check_removal(caller, [parts.library.get(caller, document_id) for document_id in ids])
        return DiscardedShape.model_validate(trash.discard(caller, ids, now=body.now))

    @routes.post("/app/admin/erasures")
    def erase(body: EraseBody, caller: AdminOf) -> CertificateShape:
        """Remove documents for good, look whether anything of them is left, and certify it."""
        return _certificate(_trash(parts).certify(caller, body.document_ids))

    @routes.get("/app/admin/erasures")
    def erasures(_caller: AdminOf) -> CertificatesShape:
        """All certificates, the newest first."""
        return CertificatesShape(
            certificates=tuple(map(_certificate, _trash(parts, read=True).certificates()))
        )

    return routes


def _add_trash(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/trash")
    def trashed(_caller: AdminOf, source: str | None = None) -> TrashShape:
        """Documents that can be restored, and until when."""
        found = _trash(parts, read=True).trashed(source=source)
        return TrashShape(documents=tuple(TrashedShape.model_validate(one) for one in found))

    @routes.post("/app/admin/trash/restore")
    def restore(body: TrashBody, _caller: AdminOf) -> ChangedShape:
        """Bring documents back from the trash with their ids."""
        return ChangedShape(documents=_trash(parts).restore(body.names, source=body.source))

    @routes.post("/app/admin/trash/empty")
    def empty(body: TrashBody, _caller: AdminOf) -> ChangedShape:
        """Remove for good what is in the trash."""
        return ChangedShape(documents=_trash(parts).empty(body.names, source=body.source))


def _trash(parts: Parts, *, read: bool = False) -> Trash:
    """The trash, when this process may write; to look into it, in any."""
    if parts.trash is None or (parts.ingest is None and not read):
        raise HomeBusy("Another inhouse process writes to this home", hint="wait for it, or stop it")
    return parts.trash


def _ids_of(parts: Parts, caller: CallerOf, source: str) -> list[str]:
    ids: list[str] = []
    while True:
        found = parts.library.list(caller, source=source, limit=1000, offset=len(ids))
        ids += [record.document_id for record in found.documents]
        if not found.documents or len(ids) >= found.total:
            return ids


def _certificate(given: Certificate) -> CertificateShape:
    return CertificateShape.model_validate(given)
