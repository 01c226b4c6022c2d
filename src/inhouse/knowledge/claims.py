"""What a claim must not change of its source, beyond figures and words: limits, roles, periods, opposites.

A model that writes "at most" for "at least", "director" for "manager" or adds "free of charge" keeps most
words of its source. Each rule here looks for one such change and is careless only in one direction: a true
paraphrase may go without its mark, a changed one should not get it. Pure, both languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from inhouse.knowledge.claim_words import FRAME, OPPOSITES, ROLES, STRONG, WEEKDAYS
from inhouse.knowledge.expansions import Expansions
from inhouse.knowledge.thesaurus import SAME_LANGUAGE, office_expansions
from inhouse.knowledge.values import Value, values_of
from inhouse.knowledge.words import Vocabulary

__all__ = ["changes", "date_holds", "other_ends"]

_COUNTED = frozenset("day workday hour minute month year % money".split())
_LIMIT_LOW = (
    r"(?:at least|no (?:less|fewer) than|not (?:less|fewer) than|min(?:imum)?(?: of)?"
    r"|more than|over|exceed\w*"
    r"|starting (?:at|from)|не (?:менее|меньше)(?: чем)?|минимум|(?<!не )(?:более|больше|свыше)(?: чем)?|от)"
)
_LIMIT_HIGH = (
    r"(?:at most|no more than|not more than|not (?:over|exceed\w*)"
    r"|max(?:imum)?(?: of)?|up to|less than|fewer than"
    r"|under|below|within|не (?:более|больше|свыше|превыша\w+)(?: чем)?|максимум"
    r"|(?<!не )(?:менее|меньше)(?: чем)?|до|в пределах)"
)
_FIGURE = r"[$€£]?\s?(?P<figure>\d[\d\s\u00a0\u202f.,]*\d|\d)"
_LOW = re.compile(rf"\b{_LIMIT_LOW}\s+{_FIGURE}", re.IGNORECASE)
_HIGH = re.compile(rf"\b{_LIMIT_HIGH}\s+{_FIGURE}", re.IGNORECASE)
_RANGE = re.compile(r"\d\s?(?:-|–|—|to|до)\s?\d|(?:between|между)\s", re.IGNORECASE)
_MINUS = re.compile(r"(?:^|(?<=[\s(«“\"|~]))(?<!\d )[-−–](?=\d)(?P<figure>\d+(?:[.,]\d+)?)")
_PLUS = re.compile(r"(?<![\d\-−–.,])(?P<figure>\d+(?:[.,]\d+)?)")
_POINTS = re.compile(r"\d\s*(?:percentage points?|п(?:роцентн\w+|\.)\s?п(?:ункт\w*|\.))", re.IGNORECASE)
_PERCENT = re.compile(r"\d\s*(?:%|per ?cent(?!age)|процент(?!н))", re.IGNORECASE)
_CALENDAR = re.compile(r"calendar days?|consecutive days?|календарн\w+ (?:дн|ден|сут)", re.IGNORECASE)
_CURRENCIES = (
    r"[$]|\b(?:dollars?|usd|доллар\w*)\b", r"€|\b(?:euros?|eur|евро)\b", r"£|\b(?:pounds?|gbp|фунт\w*)\b",
    r"₽|\b(?:rub|rubles?|roubles?|руб|рубл\w+)\b", r"\b(?:francs?|chf|франк\w*)\b",
    r"\b(?:yuan|cny|юан\w*)\b",
    r"¥|\b(?:yen|jpy|иен\w*)\b", r"\b(?:tenge|kzt|тенге)\b",
)  # fmt: skip
_MEASURES = (
    r"kg|kilos?|kilograms?|кг|килограмм\w*", r"g|grams?|г|грамм\w*", r"t|tons?|tonnes?|т|тонн\w*",
    r"lbs?|pounds?",
    r"mm|millimet\w+|мм|миллиметр\w*", r"cm|centimet\w+|см|сантиметр\w*", r"m|met(?:er|re)s?|м|метр\w*",
    r"km|kilomet\w+|км|километр\w*", r"miles?|мил[ьия]\w*", r"ml|millilit\w+|мл|миллилитр\w*",
    r"l|lit(?:er|re)s?|л|литр\w*", r"°\s?[cс]|degrees celsius", r"°\s?f|degrees fahrenheit",
    r"kb|кб|килобайт\w*",
    r"mb|мб|мегабайт\w*", r"gb|гб|гигабайт\w*", r"tb|тб|терабайт\w*", r"kw|квт|киловатт\w*",
    r"w|watts?|вт|ватт\w*",
)  # fmt: skip
_CURRENCY_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _CURRENCIES)
_MEASURE = re.compile(
    r"(?P<figure>\d+(?:[.,]\d+)?)\s*(?:"
    + "|".join(f"(?P<m{number}>{pattern})" for number, pattern in enumerate(_MEASURES))
    + r")(?![\w°])",
    re.IGNORECASE,
)
_PERIODS = {
    "hour": r"hours?|час\w*", "day": r"days?|д(?:ень|ня|ней|ни)|сутки", "week": r"weeks?|недел\w+",
    "month": r"months?|месяц\w*", "quarter": r"quarters?|квартал\w*", "year": r"years?|annum|год\w*|лет",
}  # fmt: skip
_PER = re.compile(
    r"(?:\b(?:per|every|each|once an?|twice an?|times an?|раз[а]? в|кажд\w+|\d\s+\w+ в)\s+"
    r"|(?<=[\d€$₽%]\s)an?\s|/\s?)"
    r"(?:(?P<count>\d+|two|three|four|five|six|дв\w+|три|трех|четыре|пять|шесть)\s+)?(?:"
    + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _PERIODS.items())
    + r")\b",
    re.IGNORECASE,
)
_LY = (
    ("hour", r"hourly|ежечасн\w+"), ("day", r"daily|ежедневн\w+"), ("week", r"weekly|еженедельн\w+"),
    ("month", r"monthly|ежемесячн\w+"), ("quarter", r"quarterly|ежеквартальн\w+"),
    ("year", r"yearly|annual\w*|ежегодн\w+"),
)  # fmt: skip
_LY_PATTERNS = tuple((name, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)) for name, pattern in _LY)
_REASON = re.compile(
    r"\b(?:because|since it|due to|as a result of|потому что|так как|поскольку|из-за|ввиду|в связи с)\b(.*)",
    re.IGNORECASE | re.DOTALL,
)
_CLAUSE = re.compile(r"[,;:()—–\n]|\s(?:and|but|while|whereas|и|а|но|или|or)\s", re.IGNORECASE)
_EXCEPT = re.compile(
    r"\b(?:except(?: for)?|excluding|other than|apart from|кроме|за исключением|помимо)\s+([^.;]*)",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|solely|exclusively|только|лишь|исключительно)\b", re.IGNORECASE)
_ALL = re.compile(
    r"\b(?:all|everyone|everybody|any|anyone|все|всем|всех|люб\w+"
    r"|(?:every|кажд\w+)(?!\s+(?:\d|hour|day|week|month|quarter|year|час|д[ен]|недел|месяц|квартал|год)))\b",
    re.IGNORECASE,
)
_MAY = re.compile(
    r"\b(?:may|might|can|could|possibly|usually|optional\w*|мо(?:жет|гут|жно)|возможно|обычно|по желанию)\b",
    re.IGNORECASE,
)
_MUST = re.compile(r"\b(?:must|shall|always|(?:обязан\w*|долж\w+|всегда))\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not?|never|neither|nor|cannot|without|не|ни|нет|нельзя|никогда|без)\b|n['’]t\b", re.IGNORECASE
)
_INITIALS = re.compile(
    r"(?<![\w.])([A-ZА-ЯЁ])\.\s?([A-ZА-ЯЁ])\.|(?<![\w.])([A-ZА-ЯЁ])\.(?=\s[A-ZА-ЯЁ][a-zа-яё])"
)
_NAME_AFTER_INITIAL = re.compile(
    r"(?<=[A-ZА-ЯЁ]\.\s)([A-ZА-ЯЁ][a-zа-яё]{2,})|(?<=[A-ZА-ЯЁ]\.)([A-ZА-ЯЁ][a-zа-яё]{2,})"
)
_ADDRESS = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/[\w./-]*\w", re.IGNORECASE
)
_FULL_NAME = re.compile(r"^\W*([A-ZА-ЯЁ][a-zа-яё]+)\s+[A-ZА-ЯЁ][a-zа-яё]+")
_PREFIXES = ("un", "in", "im", "non", "dis", "не")
_AFTER = re.compile(r"\b(?:after|following|после|позже|спустя|через)\b", re.IGNORECASE)
_UNTIL = re.compile(
    r"\b(?:before|within|until|prior|до|раньше|не поз(?:же|днее)|в течение|за(?= \d))\b", re.IGNORECASE
)
_LEAST_OF_A_CLAUSE = 0.3
"""A clause of which less than this stands in the source says something new."""

_Rule = Callable[[str, str, str, Vocabulary], bool]


def changes(claim: str, quotes: Sequence[str], around: str, vocabulary: Vocabulary) -> bool:
    """True when the claim changes what the quotes say; `around` is the title and headings above them."""
    told = "\n".join(quotes)
    return any(rule(claim, told, around, vocabulary) for rule in _RULES)


def date_holds(claimed: str, held: str) -> bool:
    """True when a claimed day is the held one: `12-31` is held by `2025-12-31`, not the other way round."""
    return claimed == held or (len(claimed) == len("12-31") and held.endswith(f"-{claimed}"))


def other_ends(one: str, other: str) -> bool:
    """True when one text gives only the least and the other only the most: they can both be right."""
    ends = [(bool(_marked(_LOW, text)), bool(_marked(_HIGH, text))) for text in (one, other)]
    return sorted(ends) == [(False, True), (True, False)]


def _other_value(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """A counted figure whose amount the quotes give to nothing, or to something else that is counted."""
    held = values_of(told)
    return any(not _held(value, held, told) for value in values_of(claim))


def _held(value: Value, held: Sequence[Value], told: str) -> bool:
    if value.unit == "date":
        return any(one.unit == "date" and date_holds(value.amount, one.amount) for one in held)
    if value.unit == "time":
        hour = str(int(value.amount[:2]))
        return any(one.unit == "time" and one.amount == value.amount for one in held) or any(
            one.unit in ("", "hour") and hour in one.amount.split("-") for one in held
        )
    if value.unit not in _COUNTED:
        return True
    ends = frozenset(value.amount.split("-"))
    for one in held:
        same_unit = one.unit == value.unit or (
            value.unit == "day" and one.unit == "workday" and not _CALENDAR.search(value.written)
        )
        theirs = frozenset(one.amount.split("-"))
        if same_unit and (one.amount == value.amount or (ends <= theirs and not _RANGE.search(one.written))):
            return True
    known = any(one.unit == value.unit for one in held)
    bare = any(ends <= frozenset(one.amount.split("-")) and one.unit not in _COUNTED for one in held)
    return bare and not (known and "|" in told)


def _other_limit(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """`at least 3` for `at most 3`."""
    low, high = _marked(_LOW, claim) - _marked(_HIGH, claim), _marked(_HIGH, claim) - _marked(_LOW, claim)
    their_low, their_high = _marked(_LOW, told), _marked(_HIGH, told)
    if (low & their_high - their_low) or (high & their_low - their_high):
        return True
    after, until = bool(_AFTER.search(claim)), bool(_UNTIL.search(claim))
    their_after, their_until = bool(_AFTER.search(told)), bool(_UNTIL.search(told))
    return (after, until, their_after, their_until) in (
        (True, False, False, True),
        (False, True, True, False),
    )


def _other_measure(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """Tonnes for kilograms, dollars for euros, percent for points, minus for plus."""
    mine, theirs = _measures(claim), _measures(told)
    if any(figure in theirs and not units & theirs[figure] for figure, units in mine.items()):
        return True
    money, paid = _currencies(claim), _currencies(told) or _currencies(around)
    if paid and not money <= paid:
        return True
    if _PERCENT.search(claim) and _POINTS.search(told) and not _PERCENT.search(told):
        return True
    if _POINTS.search(claim) and not _POINTS.search(told):
        return True
    minus, their_minus = _marked(_MINUS, claim), _marked(_MINUS, told)
    plus, their_plus = _marked(_PLUS, claim), _marked(_PLUS, told)
    return bool(
        ((plus - minus) & (their_minus - their_plus)) or ((minus - plus) & (their_plus - their_minus))
    )


def _other_period(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """`per week` for `per day`; a period that is only added counts when it is said outright."""
    mine, theirs = _periods(claim), _periods(told) | _periods(around)
    said, their_said = mine | _adverbs(claim), theirs | _adverbs(told) | _adverbs(around)
    if said and their_said:
        return not said <= their_said
    return bool(mine)


def _opposite(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """`maximum` for `minimum`, `possible` for `impossible`. A denial on either side leaves it open."""
    if bool(_NEGATED.search(claim)) or bool(_NEGATED.search(told)):
        return False
    mine, theirs = frozenset(vocabulary.stems(claim)), frozenset(vocabulary.stems(told))
    mine_only, theirs_only = mine - theirs, theirs - mine
    for left, right in _opposites(vocabulary):
        for here, there in ((left, right), (right, left)):
            if (
                mine_only & (here - there)
                and theirs_only & (there - here)
                and not mine & there
                and not theirs & here
            ):
                return True
    return any(
        f"{prefix}{stem}" in bigger
        for smaller, bigger in ((mine_only, theirs_only), (theirs_only, mine_only))
        for stem in smaller
        if len(stem) > 2
        for prefix in _PREFIXES
    )


def _added(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """A reason, a clause or a strong word (`always`, `free`) of which the quotes know nothing."""
    held = frozenset(vocabulary.stems(f"{told}\n{around}"))
    held |= _other_names(held, vocabulary)
    mine = frozenset(vocabulary.stems(claim))
    if mine & frozenset(vocabulary.stems(STRONG)) - held:
        return True
    reason = _REASON.search(claim)
    if reason and not _mostly(reason[1], held, vocabulary, least=0.5):
        return True
    return any(
        not _mostly(clause, held, vocabulary, least=_LEAST_OF_A_CLAUSE) for clause in _CLAUSE.split(claim)
    )


def _mostly(text: str, held: frozenset[str], vocabulary: Vocabulary, *, least: float) -> bool:
    stems = [
        stem for stem in vocabulary.stems(text) if stem not in vocabulary.stops and not stem[0].isdigit()
    ]
    if values_of(text) or len(stems) < 2:
        return True  # figures have rules of their own; one word is a matter of taste
    return sum(stem in held for stem in stems) >= least * len(stems)


def _replaced(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """A word that the source does not know stands where one of its own is gone: `oral` for `written`.

    Other names of a word, words of the frame and figures are no replacement.
    """
    held = _content(f"{told}\n{around}", vocabulary)
    mine, theirs = _content(claim, vocabulary), _content(told, vocabulary)
    extra = mine - held - _other_names(held, vocabulary) - _frame(vocabulary)
    lost = theirs - mine - _other_names(mine, vocabulary) - _frame(vocabulary)
    if _ALL.search(claim) and not _ALL.search(told) and lost:
        return True
    return bool(extra and lost)


def _content(text: str, vocabulary: Vocabulary) -> frozenset[str]:
    counted = frozenset(stem for value in values_of(text) for stem in vocabulary.stems(value.written))
    stems = frozenset(stem for stem in vocabulary.stems(text) if not stem[0].isdigit())
    return stems - vocabulary.stops - counted


def _other_names(stems: frozenset[str], vocabulary: Vocabulary) -> frozenset[str]:
    known = _office(vocabulary).of
    return frozenset(
        other
        for stem in stems
        for name in known.get((stem,), ())
        if name.weight >= SAME_LANGUAGE and len(name.stems) == 1
        for other in name.stems
    )


@lru_cache(maxsize=4)
def _office(vocabulary: Vocabulary) -> Expansions:
    return office_expansions(vocabulary.stems)


@lru_cache(maxsize=4)
def _opposites(vocabulary: Vocabulary) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    pairs = (line.split("|") for line in OPPOSITES.replace("\n    ", " ").strip().splitlines())
    return tuple(
        (frozenset(vocabulary.stems(one)), frozenset(vocabulary.stems(other))) for one, other in pairs
    )


@lru_cache(maxsize=4)
def _roles(vocabulary: Vocabulary) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(vocabulary.stems(line)) for line in ROLES.strip().splitlines())


@lru_cache(maxsize=4)
def _frame(vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(vocabulary.stems(FRAME))


def _for_others(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """`interns` of `all except interns`, `everybody` of `only managers`, `must` of `may`, another role."""
    mine = frozenset(vocabulary.stems(claim))
    if not _NEGATED.search(claim) and not _EXCEPT.search(claim):
        left_out = {
            stem for rest in _EXCEPT.findall(told) for stem in vocabulary.stems(_CLAUSE.split(rest)[0])
        }
        before = _EXCEPT.sub(" ", told)
        if (left_out - vocabulary.stops - frozenset(vocabulary.stems(before))) & mine:
            return True
    if _ALL.search(claim) and _ONLY.search(told) and not _ALL.search(told) and not _ONLY.search(claim):
        return True
    if _MUST.search(claim) and _MAY.search(told) and not _MUST.search(told) and not _MAY.search(claim):
        return True
    theirs = frozenset(vocabulary.stems(f"{told}\n{around}"))
    days = frozenset(vocabulary.stems(WEEKDAYS))
    if mine & days - theirs and not mine & days <= theirs:
        return True
    return any(mine & role and not theirs & role for role in _roles(vocabulary))


def _other_name(claim: str, told: str, around: str, vocabulary: Vocabulary) -> bool:
    """Another address, other initials, another first name, or two people who changed places."""
    above = f"{told}\n{around}"
    theirs = frozenset(vocabulary.stems(above))
    if {one.lower() for one in _ADDRESS.findall(claim)} - {one.lower() for one in _ADDRESS.findall(above)}:
        return True
    if _letters(above) and _letters(claim) - _letters(above):
        return True
    names = [one or other for one, other in _NAME_AFTER_INITIAL.findall(claim)]
    names += _FULL_NAME.findall(claim)
    if any(frozenset(vocabulary.stems(name)) - theirs - vocabulary.stops for name in names):
        return True
    mine = re.findall(r"\w+", claim)
    return any(
        sorted(mine) == sorted(words) and _names_in(mine) != _names_in(words)
        for words in (re.findall(r"\w+", line) for line in told.splitlines())
        if len(_names_in(words)) > 1 and not {"and", "и", "or", "или", "by"} & set(words)
    )


def _names_in(words: Sequence[str]) -> list[str]:
    return [word for word in words if len(word) > 1 and word[:1].isupper()]


def _letters(text: str) -> frozenset[str]:
    """The initials of names: both letters of `И. П. Сидоров` and of `Сидоров И. П.`."""
    return frozenset(letter for both in _INITIALS.findall(text) for letter in both if letter)


def _marked(pattern: re.Pattern[str], text: str) -> frozenset[str]:
    return frozenset(
        re.sub(r"[\s\u00a0\u202f]", "", match["figure"]).rstrip(".,") for match in pattern.finditer(text)
    )


def _measures(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _MEASURE.finditer(text):
        found.setdefault(match["figure"].replace(",", "."), set()).add(str(match.lastgroup))
    return found


def _currencies(text: str) -> frozenset[int]:
    return frozenset(number for number, pattern in enumerate(_CURRENCY_PATTERNS) if pattern.search(text))


def _periods(text: str) -> frozenset[str]:
    return frozenset(
        f"{match['count'] or ''}{name}" for match in _PER.finditer(text) for name in _PERIODS if match[name]
    )


def _adverbs(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _LY_PATTERNS if pattern.search(text))


_RULES: tuple[_Rule, ...] = (
    _other_value, _other_limit, _other_measure, _other_period, _opposite, _added, _replaced,
    _for_others, _other_name,
)  # fmt: skip
