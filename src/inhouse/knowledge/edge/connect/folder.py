"""Folders of this machine, and what is mounted into it."""

from __future__ import annotations

from pathlib import Path

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.look import Ask, LookStopped, Seen
from inhouse.knowledge.edge.sources import WalkStopped, reader_files, walk
from inhouse.knowledge.source import Source

__all__ = ["FolderConnector"]


class FolderConnector:
    """Looks through a folder again and again; 10,000 unchanged files take a fraction of a second.

    Asking the kernel to tell of changes instead would miss those on network mounts, and needs one watch for
    each folder, of which there is a limit. `leave_out` is our own home.
    """

    def __init__(self, leave_out: Path | None = None) -> None:
        self._leave_out = leave_out

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        path, home = Path(source.address), self._leave_out
        if home is not None and (
            path.resolve() == home.resolve() or home.resolve() in path.resolve().parents
        ):
            raise BadRequest(
                f"{source.address!r} belongs to the home {home}", hint="name the folder of your documents"
            )

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        root = Path(ask.source.address)
        if not root.is_dir():
            raise Unavailable(
                f"The folder {ask.source.address} is not there",
                hint="is the disk mounted? what was taken in from it stays",
            )
        try:
            seen = walk(root, leave_out=self._leave_out, stopped=ask.stopped)
        except WalkStopped:
            raise LookStopped from None
        return Seen(seen, reader_files(root, seen.files))
