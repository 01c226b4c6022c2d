"""What a driver says about a broken home, in words that tell the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inhouse.kernel.errors import HomeUnusable
from inhouse.store.plain import BUSY_TIMEOUT_S

__all__ = ["explained"]


@contextmanager
def explained(path: Path, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn the driver's words for a broken home into ours; everything else passes."""
    try:
        yield
    except kinds as error:
        reason = str(getattr(error, "orig", None) or error).lower()
        for words, what, hint in _BROKEN_HOME:
            if any(word in reason for word in words):
                raise HomeUnusable(f"The home's database {path} {what}", hint=hint) from error
        raise


_BROKEN_HOME = (
    (
        ("disk is full", "no space left"),
        "could not be written: the disk is full",
        "free some space and try again; nothing that was acknowledged is lost",
    ),
    (
        ("readonly", "read-only", "permission denied", "unable to open"),
        "cannot be written",
        "check the owner and permissions of the folder, or set INHOUSE_HOME to another one",
    ),
    (
        ("malformed", "not a database"),
        "is damaged",
        "stop inhouse and put back a copy from the home's backups folder",
    ),
    (
        ("disk i/o error",),
        "could not be written: the disk reports an error",
        "check the disk and its free space",
    ),
    (
        ("locked",),
        f"stayed locked by another program for {BUSY_TIMEOUT_S:.0f} s",
        "end that program, or wait, and try again",
    ),
)
