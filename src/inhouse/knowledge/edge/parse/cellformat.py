"""What a spreadsheet shows for a number: percentages, currencies, dates, times, leading zeros.

What the file states is shown (decimals, percent, the sign of a currency). What depends on the reader's
country is not: no signs between thousands, a point before decimals, dates as 2018-09-20. So a figure is
found however it is asked for, and a date cannot be read in two ways.

Source: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction

__all__ = ["BUILT_IN", "general", "show"]

BUILT_IN: dict[int, str] = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    **dict.fromkeys((14, 15, 16, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    17: "yyyy-mm",
    **dict.fromkeys((18, 20, 32, 34, 55), "h:mm"),
    **dict.fromkeys((19, 21, 33, 35, 56), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((37, 38), "#,##0"),
    **dict.fromkeys((39, 40), "#,##0.00"),
    **dict.fromkeys((41, 42), "#,##0"),
    **dict.fromkeys((43, 44), "#,##0.00"),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    48: "##0.0E+0",
    49: "@",
}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].|\[(?P<bracket>[^\]]*)\]|(?P<half>(?i:AM/PM|A/P))'
    r"|(?P<power>[Ee][+-])|(?P<general>(?i:General))|(?P<date>[yYmMdDhHsSgGeE]+)|(?P<sign>.)",
    re.DOTALL,
)
_ELAPSED = re.compile(r"(?i)h+|m+|s+")
_FIRST_DAY = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
_LAST_SERIAL = 2_958_466  # the year 9999
_Token = tuple[str, str]
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_IS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "<>": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def show(value: str, code: str, *, from_1904: bool = False) -> str:
    """The number `value` as a cell with the format `code` shows it; what is no number stays as it is."""
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        return value
    if not number.is_finite() or abs(number.adjusted()) > 400:
        return value
    part = _part_for(code, number)
    if not code or part.is_text:
        return general(value)
    if part.is_general:
        return _around(value, part.tokens)
    if part.is_moment:
        return _moment(number, part.tokens, from_1904=from_1904) or general(value)
    if part.plain and number >= 0:
        return _plainly(number, part.plain)
    return _number(number, part.tokens)


def general(value: str) -> str:
    """A number without a format, to the 15 digits that a spreadsheet has: 0.30000000000000004 is 0.3."""
    try:
        number = float(value)
    except ValueError:
        return value
    shortest = f"{number:.15g}"
    if "e" not in shortest or not 1e-9 < abs(number) < 1e21:
        return shortest
    return f"{Decimal(shortest):f}"


def _around(value: str, tokens: list[_Token]) -> str:
    """A number without a format between words: `General" kg"`."""
    at = next(index for index, (kind, _) in enumerate(tokens) if kind == "general")
    return f"{_words(tokens[:at]).lstrip()}{general(value)}{_words(tokens[at + 1 :]).rstrip()}"


@dataclass(frozen=True, slots=True)
class _Plain:
    """A number between words, with so many decimals: what nearly all formats are."""

    before: str
    after: str
    step: Decimal
    factor: int


class _Part:
    """One of the parts of a format, which `;` keeps apart; worked out once, as sheets have many cells."""

    def __init__(self, tokens: list[_Token]) -> None:
        kinds = {kind for kind, _ in tokens}
        self.tokens = tokens
        self.is_text = ("sign", "@") in tokens
        self.is_general = "general" in kinds
        self.is_moment = bool(kinds & {"date", "elapsed"})
        self.plain = None if kinds - {"sign", "words"} else _as_plain(tokens)


def _as_plain(tokens: list[_Token]) -> _Plain | None:
    digits = [at for at, (kind, sign) in enumerate(tokens) if kind == "sign" and sign in "0#?"]
    if not digits or any(kind != "sign" for kind, _ in tokens[digits[0] : digits[-1] + 1]):
        return None
    pattern = "".join(sign for _, sign in tokens[digits[0] : digits[-1] + 1])
    after = tokens[digits[-1] + 1 :]
    if not re.fullmatch(r"[#,]*0(?:\.0+)?", pattern) or ("sign", ",") in after[:1]:
        return None
    places = len(pattern.partition(".")[2])
    factor = 100 ** sum(token == ("sign", "%") for token in tokens)
    before = _words(tokens[: digits[0]]).lstrip()
    return _Plain(before, _words(after).rstrip(), Decimal(1).scaleb(-places), factor)


def _plainly(number: Decimal, plain: _Plain) -> str:
    size = number * plain.factor if plain.factor > 1 else number
    return f"{plain.before}{size.quantize(plain.step, ROUND_HALF_UP):f}{plain.after}"


_Condition = Callable[[Decimal], bool]


@functools.lru_cache(maxsize=1_000)
def _parts(code: str) -> tuple[list[_Part], dict[int, _Condition]]:
    """The parts of a format, and the conditions that some of them have."""
    sections: list[list[_Token]] = [[]]
    conditions: dict[int, _Condition] = {}
    for match in _TOKEN.finditer(code):
        kind, words = match.lastgroup or "", match.group(match.lastgroup) if match.lastgroup else ""
        if kind == "sign" and words == ";":
            sections.append([])
        elif kind in ("quoted", "escaped"):
            sections[-1].append(("words", words))
        elif kind == "bracket":
            if words.startswith("$"):
                sections[-1].append(("words", words[1:].partition("-")[0]))
            elif _ELAPSED.fullmatch(words):
                sections[-1].append(("elapsed", words.lower()))
            elif condition := _condition(words):
                conditions[len(sections) - 1] = condition
        elif kind:
            sections[-1].append((kind, words.lower() if kind == "date" else words))
    return [_Part(tokens) for tokens in sections], conditions


def _part_for(code: str, number: Decimal) -> _Part:
    """The part of the format that is for this number.

    Where there are conditions, the first part whose condition holds; else the first without any, of the
    three for numbers.
    """
    parts, conditions = _parts(code)
    if conditions:
        for at, condition in conditions.items():
            if condition(number):
                return parts[at]
        numeric = range(min(len(parts), 3))
        return next((parts[at] for at in numeric if at not in conditions), _GENERAL)
    if number < 0 and len(parts) > 1:
        return parts[1]
    if number == 0 and len(parts) > 2:
        return parts[2]
    return parts[0]


_GENERAL = _Part([("general", "General")])


def _condition(words: str) -> _Condition | None:
    """What stands in brackets before a part of a format: `>=1000`."""
    match = _CONDITION.fullmatch(words.strip())
    if not match:
        return None
    compare, bound = _IS[match.group(1)], Decimal(match.group(2))
    return lambda number: compare(number, bound)


def _moment(number: Decimal, tokens: list[_Token], *, from_1904: bool) -> str:
    """A date, a time or a duration; "" for numbers that no date has."""
    letters = [sign for kind, sign in tokens if kind == "date"]
    if any(kind == "elapsed" for kind, _ in tokens):
        return _duration(number, [sign for kind, sign in tokens if kind in ("date", "elapsed")])
    if not 0 <= number < _LAST_SERIAL:
        return ""
    total_s = int((number * 86_400).to_integral_value(ROUND_HALF_UP))
    if not from_1904 and total_s < 60 * 86_400:  # these programs have a 29 February 1900
        total_s += 86_400
    moment = _FIRST_DAY[from_1904] + timedelta(seconds=total_s)
    clock = any(sign[0] in "hs" for sign in letters)
    day = any(sign[0] in "yde" for sign in letters) or not clock
    exact = moment.second or any(sign[0] == "s" for sign in letters)
    time = f"{moment:%H:%M:%S}" if exact else f"{moment:%H:%M}"
    if clock and (not day or number < 1):
        return time
    if clock:
        return f"{moment:%Y-%m-%d} {time}"
    has = {sign[0] for sign in letters}
    if has == {"y"}:
        return f"{moment:%Y}"
    return f"{moment:%Y-%m}" if has == {"y", "m"} and moment.day == 1 else f"{moment:%Y-%m-%d}"


def _duration(number: Decimal, letters: list[str]) -> str:
    total_s = int((abs(number) * 86_400).to_integral_value(ROUND_HALF_UP))
    sign = "-" if number < 0 else ""
    seconds = f":{total_s % 60:02}" if any(letter[0] == "s" for letter in letters) else ""
    if letters[0][0] == "h":
        return f"{sign}{total_s // 3600}:{total_s // 60 % 60:02}{seconds}"
    return f"{sign}{total_s // 60}{seconds}" if letters[0][0] == "m" else f"{sign}{total_s}"


def _number(number: Decimal, tokens: list[_Token]) -> str:
    signs = [sign for kind, sign in tokens if kind == "sign"]
    digits = [at for at, (kind, sign) in enumerate(tokens) if kind == "sign" and sign in "0#?"]
    only_room = all(tokens[at][1] == "?" for at in digits)
    if not digits or (only_room and number == 0):  # words instead of a number, as "-" for nothing
        return _words(tokens).strip()
    if number < 0:  # brackets and a minus of the format's own say the same as the minus that we write
        tokens = [token for token in tokens if token[0] not in ("sign", "words") or token[1] not in "-()"]
        digits = [at for at, (kind, sign) in enumerate(tokens) if kind == "sign" and sign in "0#?"]
    size = abs(number) * 100 ** signs.count("%")
    before, inner, after = tokens[: digits[0]], tokens[digits[0] : digits[-1] + 1], tokens[digits[-1] + 1 :]
    for token in after:  # commas behind the last digit: in thousands, in millions
        if token != ("sign", ","):
            break
        size /= 1000
    if any(kind == "power" for kind, _ in inner):
        body = _power(size, inner)
    elif ("sign", "/") in inner:
        body = _fraction(size, inner)
    else:
        body = _decimal(size, inner)
    minus = "-" if number < 0 and body.strip("0. ") else ""
    return f"{minus}{_words(before).lstrip()}{body}{_words(after).rstrip()}"


def _words(tokens: list[_Token]) -> str:
    shown = (sign for kind, sign in tokens if kind == "words" or (kind == "sign" and sign not in "0#?,."))
    return "".join(shown)


def _decimal(size: Decimal, inner: list[_Token]) -> str:
    point = inner.index(("sign", ".")) if ("sign", ".") in inner else len(inner)
    places = [sign for kind, sign in inner[point:] if kind == "sign" and sign in "0#?"]
    rounded = f"{size.quantize(Decimal(1).scaleb(-len(places)), ROUND_HALF_UP):f}"
    whole, _, rest = rounded.partition(".")
    kept = max((at for at, sign in enumerate(places, 1) if sign == "0"), default=0)
    rest = rest[:kept] + rest[kept:].rstrip("0")
    return _whole(whole, inner[:point]) + (f".{rest}" if rest else "")


def _whole(digits: str, pattern: list[_Token]) -> str:
    """Digits into their places from the right: leading zeros, and signs between them as in 12-34-56."""
    left = "" if digits == "0" else digits
    out: list[str] = []
    for at in range(len(pattern) - 1, -1, -1):
        kind, sign = pattern[at]
        if kind == "sign" and sign in "0#?":
            digit = left[-1:] or ("0" if sign == "0" else "")
            left = left[:-1]
            out.append(digit)
        elif kind == "words" or (kind == "sign" and sign not in ",*_"):
            out.append(sign if left or any(token == ("sign", "0") for token in pattern[:at]) else "")
    return left + "".join(reversed(out)) or "0"


def _power(size: Decimal, inner: list[_Token]) -> str:
    mark = next(at for at, (kind, _) in enumerate(inner) if kind == "power")
    places = sum(token == ("sign", "0") for token in inner[:mark]) - 1
    return f"{float(size):.{max(places, 0)}E}"


def _fraction(size: Decimal, inner: list[_Token]) -> str:
    slash = inner.index(("sign", "/"))
    fixed = "".join(sign for kind, sign in inner[slash + 1 :] if kind == "sign" and sign.isdigit())
    whole, rest = divmod(Fraction(size), 1)
    if fixed.strip("0"):
        part = Fraction(round(rest * int(fixed)), int(fixed))
        words = f"{round(rest * int(fixed))}/{fixed}" if part else ""
    else:
        places = sum(sign in "?#0" for kind, sign in inner[slash + 1 :] if kind == "sign")
        part = rest.limit_denominator(10 ** min(max(places, 1), 4) - 1)
        words = f"{part.numerator}/{part.denominator}" if part else ""
    if part == 1:
        whole, words = whole + 1, ""
    return f"{whole} {words}".strip() if whole or not words else words
