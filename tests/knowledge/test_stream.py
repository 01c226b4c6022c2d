"""A model's text as it grows: what is shown, what is held back, which addresses pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.knowledge.stream import AnswerText

KNOWN = "https://intranet.example/leave"


def shown(text: str, cuts: list[int]) -> tuple[str, list[str]]:
    """All that reaches the reader when `text` comes in pieces, and the sentences to check."""
    growing = AnswerText(lambda address: address == KNOWN)
    at, out, ended = 0, "", list[str]()
    for cut in [*sorted(cuts), len(text)]:
        piece = growing.feed(text[at:cut])
        out, ended, at = out + piece.shown, [*ended, *piece.ended], max(at, cut)
    last = growing.finish()
    return out + last.shown, [*ended, *last.ended]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("See https://evil.example/?q=secret now.", "See … now."),
        ("![x](https://evil.example/a.png) Leave is 28 days.", "![x](…) Leave is 28 days."),
        ("[click][1]\n\n[1]: http://evil.example", "[click][1]\n\n[1]: …"),
        ("Write to mailto:a@evil.example today.", "Write to … today."),
        ("Go to www.evil.example, please.", "Go to …, please."),
        ("Go to evil.example/x?d=1 now.", "Go to … now."),
        ("Открой злой.рф/x сейчас.", "Открой … сейчас."),
        ("Send it to x@evil.example, please.", "Send it to …, please."),
        ("[a](javascript:evil) [b](data:text/html,evil)", "[a](…) [b](…)"),
        ("HTTPS:\\\\evil.example\\x y", "… y"),
        ("h\u200bttps://ev\u2060il.example/x y", "… y"),
        ("See 10.0.0.7/x?d=1 or slack://evil?x=1", "See … or …"),
        ("https://evil.example/[S1.1]x y", "…x y"),
        ("By 1.5/2 days, 24/7, т.е./пр., v1.2/3.", "By 1.5/2 days, 24/7, т.е./пр., v1.2/3."),
        ("![x](//evil.example/a.png)", "![x](…)"),
        (f"Read {KNOWN}.", f"Read {KNOWN}."),
        ("Either/or, and 5 // 2 is fine.", "Either/or, and 5 // 2 is fine."),
        ("Http is a protocol; ftp too.", "Http is a protocol; ftp too."),
    ],
)
def test_strange_addresses_never_reach_the_reader(text: str, left: str) -> None:
    """Only an address that stands in the sources is shown, however the text is cut."""
    for step in (1, 2, 3, 7, 1000):
        out, ended = shown(text, list(range(step, len(text), step)))
        assert out == left
        assert "evil" not in "".join(ended)


@given(st.text(alphabet="a:/. [S1]h t p w\nм", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_cuts_change_nothing(text: str, cuts: list[int]) -> None:
    """What is shown and what is checked do not depend on how the text was cut."""
    assert shown(text, [min(cut, len(text)) for cut in cuts])[0] == shown(text, [])[0]
