"""The bytes of the journal: what a killed process, a lost power supply and an older version leave of them."""

from __future__ import annotations

import errno
import mmap
import os
import random
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inhouse.gateway.edge import journal_file
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.journal_file import (
    MAX_RECORD_BYTES,
    JournalFile,
    begin_file,
    is_alive,
    maps_here,
    read_bodies,
)
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from tests.gateway.house import open_database

PAGE = 4096
WAYS = pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "plain"])
OLD = (
    b"""{"type":"open","entry":"7-a.1","request_id":"r1","started_at":5.5,"user":"anna","task":"chat",
"key":"k","team":"t","requested":"qwen"}""",
    b"""{"type":"close","entry":"7-a.1","row":{"request_id":"r1","started_at":5.5,"user":"anna","task":"chat",
"engine":"e","model":null,"where":"cloud","outcome":"ok","code":null,"input_tokens":1,"output_tokens":2,
"cached_tokens":0,"estimated":false,"cost_micros":3,"first_token_ms":null,"total_ms":4.0,"reason":"why",
"key":"k","team":"t","requested":"qwen","cache_write_tokens":0,"reasoning_tokens":0,"saved_micros":null}}""",
    b"""{"type":"open","entry":"7-a.2","request_id":"r2","started_at":6.5,"user":"anna","task":"chat",
"key":"","team":"","requested":null}""",
)
"""As they were written before files were mapped, with line breaks for the reader of this."""


@pytest.fixture(params=[True, False], ids=["mapped", "plain"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalFile]:
    """An empty file, once for each way to write."""
    opened = begin_file(tmp_path, mapped=request.param, step_bytes=mmap.ALLOCATIONGRANULARITY)
    yield opened
    opened.close()


def bodies(count: int, seed: int = 3) -> list[bytes]:
    """Records of 20 to 600 bytes, none of which is like another, without zeros."""
    dice = random.Random(seed)
    return [bytes(dice.choices(range(1, 256), k=dice.randrange(20, 600))) for _ in range(count)]


def head(body: bytes) -> bytes:
    """What stands in front of a body."""
    return struct.pack("<II", len(body), zlib.crc32(body))


def test_all_records_are_read_again(file: JournalFile) -> None:
    """Over many steps, also records longer than a step; once more from the end there is nothing."""
    wanted = [*bodies(400), bytes(b"x" * 300_000), *bodies(20, seed=4)]
    for number, body in enumerate(wanted):
        file.append(body)
        if number % 50 == 0:
            live = read_bodies(file.path)
            assert (live.found, live.end) == (wanted[: number + 1], file.size)
    found = read_bodies(file.path)
    assert found.found == wanted
    assert (found.end, found.torn, found.damaged) == (file.size, False, False)
    assert read_bodies(file.path, found.end).found == []


def test_what_was_not_used_is_given_back(file: JournalFile) -> None:
    """After the end the file is as long as its records; before, it may be longer by zeros only."""
    for body in bodies(30):
        file.append(body)
    assert set(file.path.read_bytes()[file.size :]) <= {0}
    file.finish()
    assert file.path.stat().st_size == file.size
    assert len(read_bodies(file.path).found) == 30


@WAYS
def test_a_file_is_held_until_it_is_let_go(tmp_path: Path, mapped: bool) -> None:
    """The mapping holds the lock as well, and gives it up with the file."""
    file = begin_file(tmp_path, mapped=mapped)
    file.append(b"body")
    assert is_alive(file.path)
    file.close()
    assert not is_alive(file.path)


def test_a_record_that_is_too_long_is_refused(file: JournalFile) -> None:
    """Nobody could read what follows it; the records before and after it are whole."""
    file.append(b"before")
    for _ in range(3):
        with pytest.raises(OSError, match="too long"):
            file.append(b"x" * (MAX_RECORD_BYTES + 1))
    file.append(b"y" * MAX_RECORD_BYTES)
    file.append(b"after")
    assert [len(each) for each in read_bodies(file.path).found] == [6, MAX_RECORD_BYTES, 5]


def test_no_room_for_a_file_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that could not be begun is removed, and its descriptor is closed."""
    taken: list[int] = []

    def full(descriptor: int, offset: int, length: int) -> None:
        taken.append(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        begin_file(tmp_path, mapped=True)
    assert len(taken) == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(taken[0])
    assert list(tmp_path.iterdir()) == []


def test_only_what_keeps_its_space_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose file system is on the list; none without allocation, none of another kind."""
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: None, raising=False)
    kind = ["ext4"]
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"

    def mounts(path: Path, *_: str) -> str:
        assert str(path) == "/proc/self/mountinfo"
        return (
            f"22 27 0:21 / /proc rw - proc proc rw\n9 1 {number} / /t rw,x shared:1 - {kind[0]} /dev/x rw\n"
        )

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", mounts)
        assert maps_here(tmp_path)
        for kind[0] in ("btrfs", "zfs", "overlay", "nfs4"):
            assert not maps_here(tmp_path)
    monkeypatch.delattr(os, "posix_fallocate")
    assert not maps_here(tmp_path)


# ---- A killed process


@pytest.mark.parametrize("kept", ["beginning", "end"])
def test_a_record_that_was_on_its_way(tmp_path: Path, kept: str) -> None:
    """However much of it was stored, from either end: it is no record and no damage, those before it are.

    The control counts the cuts after which its length stands there and its body does not: there are some.
    """
    first, last = bodies(2)
    record, begun = head(last) + last, 0
    path = tmp_path / "x.journal"
    for cut in range(len(record)):
        part = (
            record[:cut] + bytes(len(record) - cut)
            if kept == "beginning"
            else bytes(len(record) - cut) + record[len(record) - cut :]
        )
        path.write_bytes(head(first) + first + part + bytes(PAGE))
        found = read_bodies(path)
        assert (found.found, found.damaged) == ([first], False)
        begun += found.torn
    assert (begun > 100) == (kept == "beginning")


# ---- A lost power supply


def lost(content: bytes, synced: int, dice: random.Random) -> bytes:
    """The file when some pages that were changed since the last sync were not written, each whole or not.

    The page in which the synced part ends has been written with it, so that much of it is there.
    """
    found = bytearray(content)
    for page in range(synced // PAGE * PAGE, len(content), PAGE):
        if dice.random() < 0.5:
            found[max(page, synced) : page + PAGE] = bytes(PAGE - max(0, synced - page))
    return bytes(found)


def test_what_was_synced_is_there_and_nothing_is_made_up(tmp_path: Path) -> None:
    """Any pages of the rest may be missing: what is read was written, in this order, the synced part whole.

    The control is a reader that believes a length without the sum: it finds records that nobody wrote.
    """
    dice, made_up, shorter = random.Random(5), 0, 0
    path = tmp_path / "x.journal"
    for round_number in range(60):
        wanted = bodies(60, seed=round_number)
        content, synced, safe = b"", 0, dice.randrange(60)
        for number, body in enumerate(wanted):
            synced = len(content) if number == safe else synced
            content += head(body) + body
        content += bytes(-len(content) % PAGE + PAGE)
        path.write_bytes(lost(content, synced, dice))
        found = read_bodies(path).found
        assert safe <= len(found) <= 60
        assert found == wanted[: len(found)]
        shorter += len(found) < 60
        made_up += not set(believed(path.read_bytes())) <= set(wanted)
    assert shorter > 30
    assert made_up > 5


def believed(content: bytes) -> list[bytes]:
    """The control's records."""
    found, at = [], 0
    while at + 8 <= len(content) and (length := struct.unpack_from("<I", content, at)[0]):
        found.append(content[at + 8 : at + 8 + length])
        at += 8 + length
    return found


@pytest.mark.parametrize("behind", [b"", bytes(10) + b"\1", head(b"more") + b"more"])
def test_damage_is_told_from_a_torn_end(tmp_path: Path, behind: bytes) -> None:
    """A flipped bit is damage where more follows, and where the file ends with the record as when let go."""
    first, second = bodies(2)
    path = tmp_path / "x.journal"
    flipped = bytes([second[0] ^ 1]) + second[1:]
    for rest, damaged in ((behind, True), (bytes(PAGE), False)):
        path.write_bytes(head(first) + first + head(second) + flipped + rest)
        found = read_bodies(path)
        assert (found.found, found.damaged, found.torn) == ([first], damaged, not damaged)
    path.write_bytes(head(first) + first + b"\xff" * 64)
    assert read_bodies(path).damaged


def test_the_name_is_made_safe_too(tmp_path: Path) -> None:
    """The first sync of every file is followed by one of its folder, and no other is."""
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    journal = Journal(tmp_path / "j", clock=lambda: 1.0, stopwatch=lambda: 1.0, sync=sync, rotate_bytes=1)
    entry = journal.open(request_id="r", user="a", task="chat")
    entry.close("ok", EngineUsed("e", None, "local", ""), Usage(1, 1))
    journal.stop()
    assert synced == ["file", "folder"] * 2


# ---- An older version


def test_files_of_an_older_version_are_moved(tmp_path: Path) -> None:
    """Records with the names of their fields: an end is its row, an opening without one is interrupted."""
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "7-a.journal").write_bytes(b"".join(head(body) + body for body in OLD))
    database = open_database(tmp_path)
    ended, interrupted = sorted(SqlLedger(database, folder).rows(), key=lambda row: row.started_at)
    assert (ended.request_id, ended.key, ended.where, ended.cost_micros) == ("r1", "k", "cloud", 3)
    assert (ended.outcome, ended.total_ms, ended.requested) == ("ok", 4.0, "qwen")
    assert (interrupted.request_id, interrupted.outcome) == ("r2", "interrupted")
    assert list(folder.iterdir()) == []
    database.close()


# ---- Rotation


@WAYS
def test_a_new_file_that_finds_no_room_is_not_begun(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is refused, the file before goes on to be this process's, and nothing else is left."""
    journal = Journal(tmp_path / "j", clock=lambda: 1.0, stopwatch=lambda: 1.0, rotate_bytes=1, mapped=mapped)
    entry = journal.open(request_id="r1", user="a", task="chat")
    before = list((tmp_path / "j").iterdir())
    real: Callable[..., None] = JournalFile.append
    refused: list[bytes] = []

    def full(file: JournalFile, body: bytes) -> None:
        refused.append(body)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(journal_file.JournalFile, "append", full)
        patch.setattr(journal_file.MappedFile, "append", full)
        with pytest.raises(HomeUnusable, match="No space left"):
            journal.open(request_id="r2", user="a", task="chat")
    assert real is JournalFile.append
    assert len(refused) == 1
    assert list((tmp_path / "j").iterdir()) == before
    assert is_alive(before[0])
    entry.close("ok", EngineUsed("e", None, "local", ""), Usage(1, 1))
    journal.stop()
    database = open_database(tmp_path)
    assert [row.outcome for row in SqlLedger(database, tmp_path / "j").rows()] == ["ok"]
    database.close()
