"""Framing: lines, server-sent events, JSON lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.dialects.lines import LineReader, LineTooLong
from inhouse.dialects.ndjson import NdjsonReader, write_ndjson
from inhouse.dialects.sse import SseEvent, SseReader, write_sse

STREAM = (
    b"\xef\xbb\xbf: keepalive 1/2\r\ndata: a\r\n\r\nevent: note\ndata: b\ndata:c\n\nid: 7\rretry: 1\rdata: "
    + "слово".encode()
    + b"\r\r\n\ndata\n\nevent: lost\n\nerror: {}\n\ndata: half"
)
EVENTS = [
    SseEvent("", b"a"),
    SseEvent("note", b"b\nc"),
    SseEvent("", "слово".encode()),
    SseEvent("", b""),
    SseEvent("error", b"{}"),
]


def pieces(data: bytes, size: int) -> list[bytes]:
    """The bytes in pieces of one size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_sse_is_the_same_for_every_single_cut() -> None:
    """One cut at any place gives the same events; comments and a half event give none."""
    for cut in range(len(STREAM) + 1):
        reader = SseReader()
        assert reader.read(STREAM[:cut]) + reader.read(b"") + reader.read(STREAM[cut:]) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_sse_is_the_same_in_small_pieces(size: int) -> None:
    """Pieces of a few bytes, inside letters too, give the same events."""
    reader = SseReader()
    assert [event for piece in pieces(STREAM, size) for event in reader.read(piece)] == EVENTS


@given(st.lists(st.binary().filter(lambda line: not set(line) & set(b"\r\n"))), st.data())
def test_lines_are_the_same_for_any_cuts(lines: list[bytes], data: st.DataObject) -> None:
    """Any mix of line ends and cuts gives the lines back."""
    ends = data.draw(st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=len(lines), max_size=len(lines)))
    whole = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    reader, got, at = LineReader(), [], 0
    while at < len(whole):
        size = data.draw(st.integers(1, 9))
        got += reader.read(whole[at : at + size])
        at += size
    assert got == lines
    assert reader.rest() == b""


def test_long_line_is_refused_without_being_kept() -> None:
    """A line over the limit is an error, whether it ends or not, in one piece or many."""
    with pytest.raises(LineTooLong, match="longer than 10 bytes"):
        LineReader(10).read(b"x" * 11 + b"\n")
    reader = LineReader(10)
    assert reader.read(b"x" * 9) == []
    with pytest.raises(LineTooLong):
        reader.read(b"xx")
    assert reader.rest() == b""


def test_long_event_of_short_lines_is_refused() -> None:
    """Many short data lines are one event, and count together."""
    with pytest.raises(LineTooLong, match="an event"):
        SseReader(30).read(b"data: 0123456789\n" * 4)


def test_written_frames_are_read_back() -> None:
    """What the writers write, the readers read."""
    assert SseReader().read(write_sse(b"{}", name="x") + write_sse(b"[DONE]")) == [
        SseEvent("x", b"{}"),
        SseEvent("", b"[DONE]"),
    ]
    assert NdjsonReader().read(write_ndjson(b"{}") + b"\n \n" + write_ndjson(b"[]")) == [b"{}", b"[]"]


def test_ndjson_gives_an_unfinished_last_line() -> None:
    """A last line without its line break is given at the end, once."""
    reader = NdjsonReader()
    assert reader.read(b'{"a":') == []
    assert reader.end() == [b'{"a":']
    assert reader.end() == []
