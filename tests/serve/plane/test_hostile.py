"""Engines and callers that mean harm to the wire surfaces, or are merely odd: what they cannot do."""

from __future__ import annotations

import pytest

from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.asked import used_headers

EVIL = "m\r\nSet-Cookie: a=b\r\n\r\n<script>\x00\x7f"


@pytest.mark.parametrize(
    "used",
    [
        EngineUsed(EVIL, "m", "local", "r"),
        EngineUsed("e", EVIL, "local", "r"),
        EngineUsed("e", "m", "local", EVIL),
    ],
)
def test_no_name_of_an_engine_ends_a_header(used: EngineUsed) -> None:
    """A listed model may have any name; no control character of it reaches the head of a reply."""
    for _name, value in used_headers(used):
        assert all(0x20 <= byte < 0x7F for byte in value)
    assert any(b"Set-Cookie" in value for _, value in used_headers(used)), "control: the name is in there"
