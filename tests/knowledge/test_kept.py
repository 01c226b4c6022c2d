"""Bytes that are kept: what is held stays, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from tests.knowledge.home import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


def test_bytes_that_change_while_they_are_kept(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal takes the bytes before they are held, and the file changes: what is held is what is there."""
    kept = home.manifest.bytes
    file = tmp_path / "a.txt"
    file.write_text("first")
    raced: list[str] = []
    put = kept._blobs.put

    def racing(path: Path) -> str:
        sha256 = put(path)
        if not raced:
            raced.append(sha256)
            kept._blobs.remove(sha256)
            path.write_text("second")
        return sha256

    monkeypatch.setattr(kept._blobs, "put", racing)
    sha256 = kept.keep(file)
    assert raced, "the race took place"
    assert kept.path(sha256).read_text() == "second"
    assert +kept._held == {sha256: 1}
    kept.release(sha256)
    assert not kept.path(sha256).exists()
    assert home.library.counts(Caller()).total == 0
