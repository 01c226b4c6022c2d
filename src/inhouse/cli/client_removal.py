"""The house as a command sees it: removals, the trash, certificates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from urllib.parse import urlencode

from inhouse.serve.removal import (
    CertificateShape,
    CertificatesShape,
    ChangedShape,
    DiscardedShape,
    TrashShape,
)

__all__ = ["RemovalCalls"]


class RemovalCalls(ABC):
    """What `HouseClient` asks at `/app/documents/remove`, `/app/admin/trash` and `/app/admin/erasures`."""

    @abstractmethod
    async def _call(self, method: str, target: str, body: object = None) -> bytes: ...

    async def remove_documents(self, document_ids: Sequence[str], *, now: bool) -> DiscardedShape:
        """Few of them for good, many into the trash; `now` all for good."""
        body = {"document_ids": list(document_ids), "now": now}
        return DiscardedShape.model_validate_json(await self._call("POST", "/app/documents/remove", body))

    async def erase_documents(self, document_ids: Sequence[str]) -> CertificateShape:
        """Remove for good, with a certificate."""
        body = {"document_ids": list(document_ids)}
        return CertificateShape.model_validate_json(await self._call("POST", "/app/admin/erasures", body))

    async def certificates(self) -> CertificatesShape:
        """All that were given, the newest first."""
        return CertificatesShape.model_validate_json(await self._call("GET", "/app/admin/erasures"))

    async def trash(self, *, source: str | None) -> TrashShape:
        """What can be restored."""
        asked = f"?{urlencode({'source': source})}" if source is not None else ""
        return TrashShape.model_validate_json(await self._call("GET", f"/app/admin/trash{asked}"))

    async def change_trash(self, verb: str, names: Sequence[str], *, source: str | None) -> ChangedShape:
        """`restore` or `empty`; of a source, or everything, without names."""
        body = {"names": list(names), "source": source}
        return ChangedShape.model_validate_json(await self._call("POST", f"/app/admin/trash/{verb}", body))
