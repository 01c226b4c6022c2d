"""Names for requests: none twice, and later ones behind earlier ones."""

from __future__ import annotations

import time

import pytest

from inhouse.serve.ids import new_ids


def test_names_are_hexadecimal_and_never_the_same() -> None:
    """10,000 names of two sources, most of them of the same millisecond, are 10,000 names."""
    first, second = new_ids(), new_ids()
    names = [new() for _ in range(5_000) for new in (first, second)]
    assert len(set(names)) == 10_000
    assert all(len(name) == 32 and int(name, 16) > 0 for name in names)


def test_names_are_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of the next millisecond stands behind all before it, which the ledger's index lives from."""
    moments = iter(range(1_700_000_000_000_000_000, 1_700_000_001_000_000_000, 1_000_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    new = new_ids()
    names = [new() for _ in range(1_000)]
    assert names == sorted(names)
