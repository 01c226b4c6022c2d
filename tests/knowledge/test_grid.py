"""Rows of tables as people say them."""

from __future__ import annotations

import pytest

from inhouse.knowledge.grid import delimiter_of, pipe_cells, row_said, separated_cells


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("| a | b |", ("a", "b")),
        ("|---|:-:|", ()),
        (r"| a \| b | **c** |", (r"a \| b", "c")),
        ("| [x](y.md) | |", ("x", "")),
    ],
)
def test_pipe_cells(row: str, cells: tuple[str, ...]) -> None:
    """Cells without marks; an escaped bar separates nothing; the line of dashes has no cells."""
    assert pipe_cells(row) == cells


@pytest.mark.parametrize(("header", "delimiter"), [("a;b;c", ";"), ("a\tb", "\t"), ("a,b", ","), ("abc", "")])
def test_delimiter(header: str, delimiter: str) -> None:
    """The sign that stands most often; none for one column."""
    assert delimiter_of(header) == delimiter


def test_quotes_in_separated_cells() -> None:
    """Doubled quotes are one, delimiters inside quotes separate nothing."""
    assert separated_cells('"a ""b"", c",d', ",") == ('a "b", c', "d")


def test_row_said_leaves_out_what_is_empty() -> None:
    """Cells or columns without words are not said, nor is the header itself."""
    assert row_said(("Role", "", "Days"), ("Fitter", "x", "28")) == "Role: Fitter · Days: 28"
    assert row_said(("Role", "Days"), ("Role", "Days")) == ""
