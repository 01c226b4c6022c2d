"""Numbers as a spreadsheet shows them."""

from __future__ import annotations

import pytest

from inhouse.knowledge.edge.parse.cellformat import BUILT_IN, show

CASES = [
    ("46293", "#,##0", "46293"),
    ("46293.4", "#,##0.00", "46293.40"),
    ("0.30000000000000004", "General", "0.3"),
    ("12345678901234567890", "General", "12345678901234600000"),
    ("0.0000012", "", "0.0000012"),
    ("0.075", "0.0%", "7.5%"),
    ("0.075", "0%", "8%"),
    ("0.0755", "0.##%", "7.55%"),
    ("1", "0%", "100%"),
    ("1234.5", '#,##0.00\\ "₽"', "1234.50 ₽"),
    ("1234.5", "[$€-407]#,##0.00", "€1234.50"),
    ("-1234.5", '#,##0.00 "₽";[Red](#,##0.00) "₽"', "-1234.50 ₽"),
    ("-5", '_-* #,##0.00\\ _₽_-;\\-* #,##0.00\\ _₽_-;_-* "-"??\\ _₽_-;_-@_-', "-5.00"),
    ("0", '_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', "-"),
    ("0", '0;-0;"none"', "none"),
    ("0", "0;-0;;@", ""),
    ("-0.4", "0", "0"),
    ("7", "00000", "00007"),
    ("78123456789", "000-000-00-00", "7812-345-67-89"),
    ("1234567", "#,##0,", "1235"),
    ("1500000", '0.0,,"m"', "1.5m"),
    ("12345", "0.00E+00", "1.23E+04"),
    ("1.5", "# ?/?", "1 1/2"),
    ("0.25", "# ??/??", "1/4"),
    ("43363", "dd.mm.yyyy", "2018-09-20"),
    ("43363", "m/d/yy", "2018-09-20"),
    ("43344", "mmm yy", "2018-09"),
    ("43363", "mmm yy", "2018-09-20"),
    ("43363", "yyyy", "2018"),
    ("43363.75", "dd/mm/yyyy hh:mm", "2018-09-20 18:00"),
    ("0.75", "h:mm AM/PM", "18:00"),
    ("0.500011574074", "h:mm", "12:00:01"),
    ("43363.5", "h:mm:ss", "12:00:00"),
    ("1.5625", "[h]:mm", "37:30"),
    ("-1.5", "[h]:mm:ss", "-36:00:00"),
    ("1", "yyyy-mm-dd", "1900-01-01"),
    ("61", "yyyy-mm-dd", "1900-03-01"),
    ("-3", "yyyy-mm-dd", "-3"),
    ("99999999", "yyyy-mm-dd", "99999999"),
    ("12", "@", "12"),
    ("words", "0.00", "words"),
    ("nan", "0.00", "nan"),
    ("1e999999", "0.00", "1e999999"),
    ("3", '"day "0', "day 3"),
    ("3", '"only words"', "only words"),
]


@pytest.mark.parametrize(("value", "code", "shown"), CASES)
def test_numbers_as_shown(value: str, code: str, shown: str) -> None:
    """Decimals, percent, currency, dates and durations as the format says, without signs of a country."""
    assert show(value, code) == shown


def test_days_from_1904() -> None:
    """Old workbooks of the Mac count from another day."""
    assert show("41901", "d/m/yy", from_1904=True) == "2018-09-20"


def test_built_in_formats_are_all_understood() -> None:
    """None of them raises, for any kind of number."""
    for code in BUILT_IN.values():
        for value in ("0", "-1.5", "43363.123456", "1e15"):
            assert show(value, code)
