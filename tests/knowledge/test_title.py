"""What a document is called."""

from __future__ import annotations

import pytest

from inhouse.knowledge.title import title_of


@pytest.mark.parametrize(
    ("text", "stated", "document", "expected"),
    [
        ("# Heading", "Stated", "a.md", "Stated"),
        ("---\ntitle: 'Front matter'\n---\n# Heading", "", "a.md", "Front matter"),
        ("words\n# The **main** [page](x.md) {#id}\n", "", "a.md", "The main page"),
        ("## Second level only", "", "dir/price_list.xlsx", "price list"),
        ("", "", "dir/.md", ".md"),
        ("", " two\n lines ", "a.md", "two lines"),
    ],
)
def test_titles(text: str, stated: str, document: str, expected: str) -> None:
    """What the author called it, else the first heading, else the file's name."""
    assert title_of(text, stated, document) == expected


def test_long_titles_are_cut() -> None:
    """At 200 characters, visibly."""
    assert title_of("", "x" * 300, "a.md") == "x" * 199 + "…"
