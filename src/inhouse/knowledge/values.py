"""The values in a sentence: figures with what they count, sums of money, dates, times of day.

`14 days`, `two weeks` and `14 дней` are one value; `14 working days` is another. Numbers that only name a
place (`section 4.2`, `№ 12`, `ст. 128`) are no values. Made for comparing two sentences, not for sums.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Value", "figures", "values_of"]


@dataclass(frozen=True, slots=True)
class Value:
    """`amount` in plain digits (`10-14` for a range); `unit` says what is counted, "" when nothing follows.

    Units: `day`, `workday`, `hour`, `minute`, `month`, `year`, `%`, `money`, `date`, `time`, else the first
    letters of the word that follows. `written` is `text[start:end]`.
    """

    unit: str
    amount: str
    start: int
    end: int
    written: str


_SPACE = r"[ \u00a0\u202f\u2009]"
_DIGITS = rf"\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:[.,]\d+)?|\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d+)?"
_SPELT = {
    word: value
    for value, words in {
        1: "one один одна одного одной одну",
        2: "two два две двух двумя",
        3: "three три трех",
        4: "four четыре четырех",
        5: "five пять пяти",
        6: "six шесть шести",
        7: "seven семь семи",
        8: "eight восемь восьми",
        9: "nine девять девяти",
        10: "ten десять десяти",
        11: "eleven одиннадцать",
        12: "twelve двенадцать двенадцати",
        14: "fourteen четырнадцать четырнадцати",
        15: "fifteen пятнадцать пятнадцати",
        20: "twenty двадцать двадцати",
        30: "thirty тридцать тридцати",
        40: "forty сорок",
        50: "fifty пятьдесят",
        60: "sixty шестьдесят",
        90: "ninety девяносто",
        100: "hundred сто",
        1000: "thousand тысяча тысячи",
    }.items()
    for word in words.split()
}
_SPELT |= {
    f"{tens}{between}{ones}": _SPELT[tens] + _SPELT[ones]
    for tens in "twenty thirty forty fifty sixty ninety двадцать тридцать сорок пятьдесят шестьдесят".split()
    for ones in [word for word, value in _SPELT.items() if value < 10]
    for between in ("-", " ")
    if tens.isascii() == ones.isascii()
}
_NUMBER = rf"(?:{_DIGITS}|\b(?:{'|'.join(sorted(_SPELT, key=len, reverse=True))})\b)"
_KIND = (
    r"(?:(?P<work>(?:working|business|work|рабоч\w*)[- ])|(?:calendar|consecutive|full|paid|календарн\w*"
    r"|полн\w*|оплачиваем\w*)[- ])?"
)
_FIGURE = re.compile(
    rf"(?P<sign>[$€£₽]\s?)?(?P<first>{_NUMBER})(?:\s?\([^()\n]{{1,30}}\))?"
    rf"(?:\s?(?:-|–|—|to|до|and|и)\s?(?P<last>{_NUMBER}))?"
    rf"(?:[-\s\u00a0\u202f]*{_KIND}(?P<unit>%|[$€£₽]|[^\W\d_]+))?",
    re.IGNORECASE,
)
_MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec".split(),
    "янв фев мар апр ма июн июл авг сен окт ноя дек".split(),
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|январ\w+|феврал\w+|март\w*|апрел\w+|ма[яй]|июн\w+|июл\w+"
    r"|август\w*|сентябр\w+|октябр\w+|ноябр\w+|декабр\w+)"
)
_DATE = re.compile(
    rf"\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th|-?го|-?е)?\s+(?:of\s+)?(?P<m1>{_MONTH})\b(?:\.?,?\s+(?P<y1>\d{{4}}))?"
    rf"|\b(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}}))?"
    r"|\b(?P<d3>\d{1,2})\.(?P<m3>\d{1,2})\.(?P<y3>\d{4})\b|\b(?P<y4>\d{4})-(?P<m4>\d\d)-(?P<d4>\d\d)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?P<h1>[01]?\d|2[0-3])[:.](?P<n1>[0-5]\d)\b(?:\s?(?P<p1>[ap])\.?m\b)?"
    r"|\b(?P<h2>1[0-2]|[1-9])\s?(?P<p2>[ap])\.?m\b",
    re.IGNORECASE,
)
_NAMES_A_PLACE = re.compile(
    r"(?:\b(?:section|sec|chapter|article|art|clause|paragraph|para|appendix|annex|figure|fig|table|page|p|step|"
    r"version|v|form|no|room|item|пункт\w*|п|пп|раздел\w*|глав\w+|стать\w+|ст|абз\w*|приложени\w+|рис\w*|табл\w*|"
    r"страниц\w*|стр|шаг\w*|верси\w+|форм\w+|кабинет\w*|каб|строк\w+|счет\w*)\.?|№|#|[-‑/§])\s*$",
    re.IGNORECASE,
)
_UNITS: tuple[tuple[str, str, int], ...] = (
    (r"(?:day|дн[еяи]|ден|сут)", "day", 1),
    (r"(?:week|недел)", "day", 7),
    (r"(?:month|месяц|мес$)", "month", 1),
    (r"(?:year|год|лет$|г$)", "year", 1),
    (r"(?:hour|hr|час|ч$)", "hour", 1),
    (r"(?:min|минут|мин$)", "minute", 1),
    (r"(?:%|percent|процент)", "%", 1),
    (r"(?:[$€£₽]|dollar|euro|usd|eur|руб|р$|тыс|thousand|million|млн|pound)", "money", 1),
)
_UNIT_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), unit, times) for pattern, unit, times in _UNITS)
_SCALE = {"тыс": 1_000, "thou": 1_000, "млн": 1_000_000, "mill": 1_000_000}
LETTERS_OF_A_UNIT = 5
"""Enough to tell `employees` from `engines`, few enough for `сотрудник` and `сотрудников` to be equal."""


def values_of(text: str) -> tuple[Value, ...]:
    """The values in `text`, in order, none inside another."""
    found = [*_dates(text), *_times(text)]
    taken = [(value.start, value.end) for value in found]
    for match in _FIGURE.finditer(text):
        if any(start < match.end("first") and match.start() < end for start, end in taken):
            continue
        before = text[: match.start()]
        if _NAMES_A_PLACE.search(before) or before[-1:].isalpha() or before[-1:] == ".":
            continue
        found.append(_figure(text, match))
    return tuple(sorted(found, key=lambda value: value.start))


def figures(text: str) -> frozenset[str]:
    """Every number in `text` as plain digits, spelt ones too; for comparing what two texts count."""
    return frozenset(
        _plain(number)
        for match in _FIGURE.finditer(text)
        for number in (match["first"], match["last"])
        if number
    )


def _figure(text: str, match: re.Match[str]) -> Value:
    first, last = _plain(match["first"]), _plain(match["last"]) if match["last"] else ""
    word = (match["unit"] or "").lower()
    unit, times = _unit(word)
    if match["sign"]:
        unit, times = "money", _SCALE.get(word[:4], _SCALE.get(word[:3], 1))
    elif unit == "money":
        times = _SCALE.get(word[:4], _SCALE.get(word[:3], 1))
    if unit == "day" and match["work"]:
        unit = "workday"
    amount = _times_over(first, times) + (f"-{_times_over(last, times)}" if last else "")
    counted = bool(word) and (not match["sign"] or times > 1)
    end = match.end() if counted else match.end("last") if last else match.end("first")
    return Value(unit, amount, match.start(), end, text[match.start() : end])


def _unit(word: str) -> tuple[str, int]:
    for pattern, unit, times in _UNIT_PATTERNS:
        if word and pattern.match(word):
            return unit, times
    return word[:LETTERS_OF_A_UNIT], 1


def _dates(text: str) -> list[Value]:
    found = []
    for match in _DATE.finditer(text):
        day = next(filter(None, (match["d1"], match["d2"], match["d3"], match["d4"])))
        month = next(filter(None, (match["m1"], match["m2"], match["m3"], match["m4"])))
        year = match["y1"] or match["y2"] or match["y3"] or match["y4"] or ""
        amount = f"{_month(month):02}-{int(day):02}"
        found.append(
            Value(
                "date",
                f"{year}-{amount}" if year else amount,
                match.start(),
                match.end(),
                match.group().strip(),
            )
        )
    return found


def _month(word: str) -> int:
    if word.isdigit():
        return int(word)
    for names in _MONTHS:
        for number, name in enumerate(names, 1):
            # `мая` and `май` begin like `март`, which is looked at before them.
            if word.lower().startswith(name):
                return number
    return 0


def _times(text: str) -> list[Value]:
    found = []
    for match in _TIME.finditer(text):
        if "." in match.group() and not match["p1"] and match["h1"]:
            continue  # 10.30 is more often a number than a time
        hour, half = int(match["h1"] or match["h2"]), (match["p1"] or match["p2"] or "").lower()
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        amount = f"{hour:02}:{match['n1'] or '00'}"
        found.append(Value("time", amount, match.start(), match.end(), match.group()))
    return found


def _plain(number: str) -> str:
    """`1 500`, `1,500` and `1500,0` as `1500`; words as digits."""
    word = " ".join(number.lower().replace("ё", "е").split())
    if word in _SPELT:
        return str(_SPELT[word])
    digits = re.sub(_SPACE, "", number)
    digits = digits.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits) else digits
    digits = digits.replace(",", ".")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _times_over(amount: str, times: int) -> str:
    if times == 1 or not amount:
        return amount
    return f"{float(amount) * times:.6f}".rstrip("0").rstrip(".")
