"""Who has a home open. Apart from the rest, because every command asks it first and most need no more."""

from __future__ import annotations

from inhouse.config import Home
from inhouse.store.lock import HomeLock, Owner

__all__ = ["owner"]


def owner(home: Home) -> Owner | None:
    """The process that holds the right to write to this home, None when nobody does."""
    return HomeLock(home.lock).owner() if home.lock.is_file() else None
