"""What a desk of sources does with the documents that are in the house already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from inhouse.kernel.caller import Readers
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.plan import Known, ReadersOf

__all__ = ["ManifestShelves"]


class ManifestShelves:
    """`source_desk_look.Shelves` over the manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def known(self, source: str) -> Iterable[Known]:
        """See `Shelves.known`."""
        return self._manifest.known(source)

    def refile(self, source: str, readers_of: ReadersOf) -> int:
        """See `Shelves.refile`. Documents in the trash get the new readers, too."""
        wanted: defaultdict[tuple[Readers, str], list[str]] = defaultdict(list)
        with self._manifest.alone():  # an upload may be on its way by the rules of before
            for known in self._manifest.known(source):
                chosen = readers_of(known.document)
                if chosen != (known.readers, known.readers_from):
                    wanted[chosen].append(known.document_id)
            return sum(self._manifest.refile(ids, readers, why) for (readers, why), ids in wanted.items())

    def let_go(self, source: str, *, now: bool) -> int:
        """See `Shelves.let_go`."""
        known = list(self._manifest.known(source))
        if now:
            self._manifest.remove([one.document_id for one in known])
            return len(known)
        visible = [one.document_id for one in known if not one.trashed]
        if visible:
            self._manifest.trash(visible)
        return len(visible)
