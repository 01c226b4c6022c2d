"""Blobs and the home lock."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.kernel.errors import HomeBusy, HomeUnusable
from inhouse.store.blobs import Blobs
from inhouse.store.lock import HomeLock, Owner


def test_equal_content_is_kept_once(tmp_path: Path) -> None:
    """A file and a stream of the same bytes share one blob under its hash."""
    blobs = Blobs(tmp_path / "blobs")
    (tmp_path / "a").write_bytes(b"same")
    first = blobs.put(tmp_path / "a")
    assert blobs.put(io.BytesIO(b"same")) == first
    assert blobs.path(first).read_bytes() == b"same"
    assert sum(path.is_file() for path in (tmp_path / "blobs").rglob("*")) == 1
    blobs.remove(first)
    blobs.remove(first)
    assert not blobs.path(first).exists()


def test_a_broken_source_leaves_nothing(tmp_path: Path) -> None:
    """A source that fails in the middle leaves no file, whole or partial."""

    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError("gone")

    blobs = Blobs(tmp_path / "blobs")
    with pytest.raises(OSError, match="gone"):
        blobs.put(Failing())
    assert list((tmp_path / "blobs").rglob("*")) == []


def test_sweep_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    """Partial files go, whole ones stay."""
    blobs = Blobs(tmp_path)
    kept = blobs.put(io.BytesIO(b"kept"))
    (tmp_path / "incoming-1-abc").write_bytes(b"half")
    assert blobs.sweep() == 1
    assert blobs.path(kept).is_file()


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """A second taker learns who holds the home; after release it is free."""
    first, second = HomeLock(tmp_path / "state" / "lock"), HomeLock(tmp_path / "state" / "lock")
    assert second.owner() is None
    with first:
        first.take("serve")
        with pytest.raises(HomeBusy, match=rf"inhouse serve` \(process {os.getpid()}\)"):
            second.take("ingest")
        first.announce(Owner(os.getpid(), "serve", "http://127.0.0.1:1"))
        assert second.owner() == Owner(os.getpid(), "serve", "http://127.0.0.1:1")
    assert second.owner() is None
    second.take("ingest")
    second.release()


@pytest.mark.slow
def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """Instead of the system's own error; a missing one is made, which is the control."""
    (tmp_path / "lock").mkdir()
    with pytest.raises(HomeUnusable, match="lock cannot be opened: Is a directory"):
        HomeLock(tmp_path / "lock").take("ingest")
    with HomeLock(tmp_path / "other" / "lock") as lock:
        lock.take("ingest")


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    """A killed holder leaves no lock behind, whatever the file says."""
    path = tmp_path / "state" / "lock"
    program = (
        "import sys; from pathlib import Path; from inhouse.store.lock import HomeLock\n"
        f"HomeLock(Path({str(path)!r})).take('serve'); print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        owner = HomeLock(path).owner()
        assert owner is not None
        assert owner.pid == child.pid
        child.kill()
        child.wait()
    assert HomeLock(path).owner() is None
