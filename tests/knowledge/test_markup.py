"""HTML to readable text."""

from __future__ import annotations

import pytest

from inhouse.knowledge.edge.parse.markup import render

CASES = [
    ("<h1>Title</h1><p>First.</p><p>Second.</p>", "# Title\n\nFirst.\n\nSecond.\n"),
    ("<ul><li>one<li>two</ul>", "- one\n- two\n"),
    ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two\n"),
    ("<ul><li>a<ul><li>b</li></ul></li></ul>", "- a\n  - b\n"),
    ("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n- b\n"),
    (
        "<table><tr><th>Name<th>Price<tr><td>Desk | big<td>5</table>",
        "| Name | Price |\n| --- | --- |\n| Desk \\| big | 5 |\n",
    ),
    ("<table><tr><td><p>layout</p></td></tr></table>", "layout\n"),
    ("<p>see <a href='https://example.org'>the page</a></p>", "see the page\n"),
    ("<p>a<script>alert(1)</script>b<style>p{}</style></p>", "ab\n"),
    ("<p>seen</p><p style='display: none'>hidden <b>deep</b></p><p>after</p>", "seen\n\nafter\n"),
    ("<p hidden>gone</p><div aria-hidden='true'>gone</div>left", "left\n"),
    ("a<br>b", "a\nb\n"),
    ("<pre>x\n  y</pre>", "x\n  y\n"),
    ("caf&eacute; &amp; &#1044;&#1086;&#1084;", "café & Дом\n"),
    ("<p>unclosed <b>bold", "unclosed bold\n"),
    ("<img alt='A chart' src=x.png>", "[Picture: A chart]\n"),
    ("<img alt='chart.png' src=x.png>words", "words\n"),
    (
        "<table><tr><th rowspan=2>Town<th colspan=2>2024<tr><td>Q1<td>Q2<tr><td>Omsk<td>1<td>2</table>",
        "| Town | 2024 |  |\n| --- | --- | --- |\n| Town | Q1 | Q2 |\n| Omsk | 1 | 2 |\n",
    ),
    (
        "<table><tr><td>a<td rowspan=2>b<tr><td>c</table>",
        "| a | b |\n| --- | --- |\n| c | b |\n",
    ),
    (
        "<table><tr><td colspan=99999999999999>a<td rowspan=-1>b</table>",
        "| a | b |\n| --- | --- |\n",
    ),
    ("", ""),
]


@pytest.mark.parametrize(("html", "expected"), CASES)
def test_rendering(html: str, expected: str) -> None:
    """What a reader of the page sees, in its order."""
    assert render(html).text == expected


def test_a_table_in_a_cell_keeps_its_distance() -> None:
    """The words around it and in it do not grow together."""
    inner = "<table><tr><td>in</td></tr></table>"
    assert render(f"<table><tr><td>out{inner}after</td><td>b</td></tr></table>").text.startswith(
        "| out in after | b |"
    )


def test_the_title_is_apart() -> None:
    """The page's title is known and not repeated in the text."""
    page = render("<html><head><title>Price\n list</title></head><body><p>x</p></body></html>")
    assert (page.title, page.text) == ("Price list", "x\n")


def test_lists_that_begin_elsewhere() -> None:
    """The numbers are those that a reader of the page sees."""
    page = "<ol start=3><li>three<li>four</ol><p>x</p>"
    page += "<ol><li>one<li value=5>five<li>six</ol><ol start=-x><li>a"
    assert render(page).text == "3. three\n4. four\n\nx\n\n1. one\n5. five\n6. six\n1. a\n"
