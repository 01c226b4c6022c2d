"""Children that read files, good and bad ones."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse.parsed import Parsed, ParseLimits, Refused
from inhouse.knowledge.edge.parse.pool import Parsers, ReadingStopped
from tests.knowledge import samples

pytestmark = pytest.mark.slow
BAD = (sys.executable, str(Path(__file__).with_name("bad_child.py")))
LIMITS = ParseLimits(timeout_s=0.6, memory_mb=300)


@pytest.fixture
def bad() -> Iterator[Parsers]:
    pool = Parsers(LIMITS, workers=1, command=BAD)
    first = pool.parse(Path("any"), "fine")  # the start of a child takes longer than the limit of a file
    assert isinstance(first, Parsed)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("name", "code", "detail"),
    [
        ("hang", "timed_out", "0.6 s"),
        ("grow", "out_of_memory", "300 MB"),
        ("grow-below", "out_of_memory", "300 MB"),
        ("exit", "parser_crashed", "exit code 3"),
        ("crash", "parser_crashed", "SIGSEGV"),
    ],
)
def test_a_bad_child_is_replaced(bad: Parsers, name: str, code: str, detail: str) -> None:
    """Its file gets the reason, the process is gone, and the next file is read by another one."""
    (before,) = bad.pids()
    # Only the one that hangs is measured by the clock: on a busy machine the others are slow, too.
    bad.limits = LIMITS if name == "hang" else ParseLimits(memory_mb=300)
    found = bad.parse(Path("any"), name)
    assert isinstance(found, Refused)
    assert (found.code, detail in found.message) == (code, True)
    assert bad.pids() == ()
    bad.limits = ParseLimits()  # a fresh child may take its time to start
    assert isinstance(bad.parse(Path("any"), "fine"), Parsed)
    assert bad.pids() != (before,)


def test_signs_of_progress_give_more_time(bad: Parsers) -> None:
    """Four pages of 0.25 s each are more than 0.9 s in all, and fine."""
    bad.limits = ParseLimits(timeout_s=0.9, memory_mb=300)
    assert isinstance(bad.parse(Path("any"), "slow"), Parsed)


def test_what_libraries_print_does_no_harm(bad: Parsers) -> None:
    """Words on stdout do not mix with the answers."""
    found = bad.parse(Path("any"), "chatter")
    assert isinstance(found, Parsed)
    assert found.text == "fine"


def test_closing_ends_the_work_in_hand(bad: Parsers) -> None:
    """A caller that waits for a hanging child hears that it was stopped; it is no reason of the file."""
    bad.limits = ParseLimits()
    heard: list[str] = []

    def wait_for_ever() -> None:
        try:
            bad.parse(Path("any"), "hang")
        except ReadingStopped:
            heard.append("stopped")

    caller = threading.Thread(target=wait_for_ever)
    caller.start()
    while bad._free.qsize():
        pass  # until the child is at work
    bad.close()
    caller.join(10)
    assert heard == ["stopped"]


def test_an_interrupted_pool_goes_on(bad: Parsers) -> None:
    """A child that was ended while it waited is replaced without a word."""
    bad.limits = ParseLimits()
    (before,) = bad.pids()
    bad.interrupt()
    assert isinstance(bad.parse(Path("any"), "fine"), Parsed)
    assert bad.pids() != (before,)


def test_a_real_child_reads_draws_and_finds(tmp_path: Path) -> None:
    """One child for text, page picture and boxes; a missing file is a reason."""
    path = tmp_path / "content"
    path.write_bytes(samples.pdf("First page", "The budget is 5 million\nin this year"))
    pool = Parsers(ParseLimits(), workers=1)
    try:
        found = pool.parse(path, "plan.pdf")
        assert isinstance(found, Parsed)
        assert [page.page for page in found.pages] == [1, 2]
        picture = pool.draw(path, 2, width_px=300)
        assert picture is not None
        assert picture.startswith(b"\x89PNG")
        assert pool.draw(path, 3, width_px=300) is None
        (first, second) = pool.boxes(path, 2, "5 million in this")
        assert 0 < first[0] < first[2] < 1
        assert first[3] < second[1] + 0.01
        assert pool.boxes(path, 1, "5 million in this") == []
        gone = pool.parse(tmp_path / "gone", "gone.md")
        assert isinstance(gone, Refused)
        assert gone.code == "unreadable"
        assert len(pool.pids()) == 1
    finally:
        pool.close()


def test_two_children_work_at_once(tmp_path: Path) -> None:
    """Results of parallel callers do not mix."""
    names = [f"{number}.md" for number in range(20)]
    for name in names:
        (tmp_path / name).write_text(f"words of {name}", "utf-8")
    pool = Parsers(ParseLimits(), workers=2)
    found: dict[str, Parsed | Refused] = {}
    callers = [
        threading.Thread(target=lambda name=name: found.update({name: pool.parse(tmp_path / name, name)}))
        for name in names
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    pool.close()
    texts = {name: one.text for name, one in found.items() if isinstance(one, Parsed)}
    assert texts == {name: f"words of {name}" for name in names}
