"""Whether short answers to one question say the same, in Russian and English.

Two do when nothing tells them apart: their numbers in order, what they deny, whether they say yes or no, the
bounds they set (`up to`, `before`, `only`), and their words. A wrong `yes` gives a false answer for certain;
a wrong `no` costs one more call of a model. So this is strict: where words differ on both sides they differ.

This is no grammar. Words count by their stems, cut roughly; two long answers that mean the same differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["agreement", "same"]

_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:[,\u00a0\u202f ]\d{3})+(?![\d])")
_TOKEN = re.compile(
    r"(?:(?<![\w.,])[-−])?\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[%$€£₽°]|[.,;:!?()\[\]{}\"—–\n]"
)
_SIGNS = frozenset("%$€£₽°")
_YES = frozenset("yes yeah yep true correct right да верно правильно правда true".split())
_NO = frozenset("no nope false incorrect wrong нет неверно неправильно неправда ложь".split())
_DENIES_NEXT = frozenset("not no nor never neither cannot without не ни никогда без".split())
_DENIES_CLAUSE = frozenset("нельзя нет невозможно".split())
_REACH = 4
"""Words after a denial among which the denied one is looked for: `may not be lightly carried`."""
_BOUNDS = frozenset(
    "before after over under above below more less fewer least most minimum maximum min max up until till"
    " except only must shall either or maybe perhaps possibly probably about approximately around roughly"
    " almost nearly до после более больше менее меньше минимум максимум свыше кроме только должен должна"
    " должно должны обязан обязана обязаны или либо возможно вероятно наверное около примерно приблизительно"
    " почти".split()
)
"""Words that change what a number or a name means while everything else stays the same."""
_STOPS = frozenset(
    "a an the it its is are was were be been being this that these those there here of in on at to for by"
    " with from and as per has have had do does did will would can could may might should i you he she we"
    " they their your our his her answer so then total equals equal amounts lasts takes gets"
    " и а в во на с со к ко по о об от у из за для при это этот эта эти тот та те он она оно они его ее их"
    " ваш наш есть был была было были будет будут является являются составляет составляют длится длятся"
    " равен равна равно ответ всего итого можно".split()
)
"""Words that carry no answer of their own. `можно` is what `нельзя` denies, and that is seen anyway."""
_UNITS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys("день дня дней дни дню днем днями сутки суток".split(), "day-ru"),
        **dict.fromkeys("час часа часов часы часам ч".split(), "hour-ru"),
        **dict.fromkeys("минута минуты минут минуту мин".split(), "minute-ru"),
        **dict.fromkeys("неделя недели недель неделю".split(), "week-ru"),
        **dict.fromkeys("месяц месяца месяцев месяцы".split(), "month-ru"),
        **dict.fromkeys("год года лет годы году".split(), "year-ru"),
        **dict.fromkeys("рубль рубля рублей рубли руб р".split(), "₽"),
        **dict.fromkeys("процент процента процентов percent percentage".split(), "%"),
        **dict.fromkeys("euro euros eur евро".split(), "€"),
        **dict.fromkeys("dollar dollars usd доллар доллара долларов".split(), "$"),
        **dict.fromkeys("hour hours hr hrs".split(), "hour"),
    }
)
_RUSSIAN_ENDINGS = (
    "иями ями ами ией иям ием иях ого его ому ему ыми ими ая яя ое ее ые ие ый ий ой ей ою ею ую юю ых их ым"
    " им ом ем ам ям ах ях ов ев ия ие ии ию ья ье ью ы и а я о е у ю ь й"
).split()
_TURNS = ("не", "un", "in", "im", "il", "ir", "dis", "non")
"""Beginnings that turn a word into its opposite."""
_SHORTEST_STEM = 3


@dataclass(frozen=True, slots=True)
class _Said:
    """What one answer says. `words` are stems in their order, `plain` all it holds, to compare the rest."""

    numbers: tuple[str, ...]
    verdicts: tuple[bool, ...]
    denied: frozenset[str]
    bounds: frozenset[str]
    words: tuple[str, ...]
    plain: tuple[str, ...]


def agreement(answers: Sequence[str]) -> float:
    """Share of the answers that say what most of them say; this is for short answers."""
    said = [_read(each) for each in answers]
    return max(sum(_alike(one, other) for other in said) for one in said) / len(said)


def same(answers: Sequence[str]) -> bool:
    """True when every two of the answers say the same."""
    said = [_read(each) for each in answers]
    return all(_alike(one, other) for place, one in enumerate(said) for other in said[place + 1 :])


def _alike(one: _Said, other: _Said) -> bool:
    if one.plain == other.plain:
        return True
    if one.numbers != other.numbers or not _same_verdict(one, other):
        return False
    if _is_bare(one) or _is_bare(other):
        # `Yes.` beside a sentence; but a sentence that denies is no plain yes.
        return one.verdicts[:1] == other.verdicts[:1] != () and not (
            one.verdicts[0] and (one.denied or other.denied)
        )
    if one.denied != other.denied or one.bounds != other.bounds or _are_opposed(one, other):
        return False
    if one.numbers:
        mine, theirs = frozenset(one.words), frozenset(other.words)
        return mine <= theirs or theirs <= mine
    return one.words == other.words != ()


def _same_verdict(one: _Said, other: _Said) -> bool:
    """Yes beside no differs. Beside an answer with neither a yes adds nothing, and a no must be denied."""
    if one.verdicts and other.verdicts:
        return one.verdicts == other.verdicts
    told, silent = (one, other) if one.verdicts else (other, one)
    return all(told.verdicts) or bool(silent.denied)


def _is_bare(said: _Said) -> bool:
    """True when it is a yes or a no and nothing more."""
    return bool(said.verdicts) and not (said.words or said.numbers or said.bounds or said.denied)


def _are_opposed(one: _Said, other: _Said) -> bool:
    """True when a word of one is a word of the other turned round: paid and unpaid."""
    mine, theirs = frozenset(one.words), frozenset(other.words)
    return any(
        turn + word in others
        for words, others in ((mine - theirs, theirs - mine), (theirs - mine, mine - theirs))
        for word in words
        for turn in _TURNS
    )


def _read(text: str) -> _Said:
    text = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text.casefold().replace("ё", "е"))
    tokens = _TOKEN.findall(text)
    numbers: list[str] = []
    verdicts: list[bool] = []
    denied: set[str] = set()
    bounds: set[str] = set()
    words: list[str] = []
    reach = 0
    for place, token in enumerate(tokens):
        if _is_mark(token):
            reach = 0
        elif (verdict := _verdict(tokens, place)) is not None:
            verdicts.append(verdict)
        elif token in _DENIES_CLAUSE:
            denied.add("")
        elif token in _DENIES_NEXT or token.endswith(("n't", "n’t")):
            reach = _REACH
        elif token in _STOPS:
            reach = max(0, reach - 1)
        else:
            stem = _stem(token)
            if reach:
                denied.add(stem)
                reach = 0
            if token[-1].isdigit():
                numbers.append(stem)
            elif token in _BOUNDS:
                bounds.add(token)
            else:
                words.append(stem)
    plain = tuple(token for token in tokens if not _is_mark(token))
    return _Said(tuple(numbers), tuple(verdicts), frozenset(denied), frozenset(bounds), tuple(words), plain)


def _verdict(tokens: Sequence[str], place: int) -> bool | None:
    """Yes or no where it stands alone between marks; `yes` also as the first word of all."""
    token = tokens[place]
    if token not in _YES and token not in _NO:
        return None
    begins = place == 0 or _is_mark(tokens[place - 1])
    ends = place + 1 == len(tokens) or _is_mark(tokens[place + 1])
    if begins and (ends or (place == 0 and token in _YES)):
        return token in _YES
    return None


def _is_mark(token: str) -> bool:
    return not token[-1].isalnum() and token not in _SIGNS


def _stem(token: str) -> str:
    if token[-1].isdigit():
        number = token.replace(",", ".").replace("−", "-")
        # `1.50` and `1.5` are one number.
        return number.rstrip("0").rstrip(".") if "." in number else number
    if token in _UNITS:
        return _UNITS[token]
    if token[0] >= "а":
        for ending in _RUSSIAN_ENDINGS:
            if token.endswith(ending) and len(token) - len(ending) >= _SHORTEST_STEM:
                return token.removesuffix(ending)
        return token
    token = token.removesuffix("'s").removesuffix("’s")
    if token.endswith("ies") and len(token) > _SHORTEST_STEM + 2:
        return token.removesuffix("ies") + "y"
    if token.endswith("s") and not token.endswith("ss") and len(token) > _SHORTEST_STEM:
        return token.removesuffix("s")
    return token
