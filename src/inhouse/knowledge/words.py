"""Words of a question: its language, which of them carry meaning, and what kind of answer it wants.

Stems come from the index's own analyzer, handed in as `Vocabulary`, so that questions and documents are
always cut the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inhouse.knowledge.expansions import Expansions, Meaning

__all__ = ["AnswerKind", "Language", "Question", "Vocabulary", "holds_kind", "language_of", "read_question"]

Language = Literal["ru", "en"]
AnswerKind = Literal["number", "date", "period", "person", "money", "percent", "address"]

_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_LATIN = re.compile(r"[a-z]", re.IGNORECASE)
_NAME = re.compile(r"(?<=[\w,»”\")] )[«“\"]?([A-ZА-ЯЁ][\w-]+)")
_LIST_NUMBER = re.compile(r"^\s*\(?\d{1,3}[.)]\s")
_NUMBER = re.compile(r"\d[\d.,:/-]*")

STOP_WORDS = (
    "a about after all also am an and any are as at be been before being between but by can could d did"
    " didn do does doesn doing don during each few for from get go got had has have having he her here"
    " him his how i if in into is isn it its just ll m may me more most much must my no nor not now of"
    " off on once only or other our out over own per re s same shall she should so some such t than that"
    " the their them then there these they this those through to too under until up us ve very was we"
    " were what when where which while who whom whose why will with would you your long many often far"
    " old happens tell please"
    " а без бы был была были было быть в вам вас ваш во вот все всё всего вы где да для до его ее её если"
    " есть еще ещё же за здесь и из или им их к как какая какие какими каких какого какой каком какому"
    " какую ко когда кого ком кому который которая которое которые которого которой которых кто куда ли"
    " либо между меня мне много мной мой моя моё мои мы на над надо нам нас наш не него нее неё нет ни них"
    " но ну о об обо однако он она они оно от откуда очень по под почему при про раз с сам само свой своя"
    " сейчас сколько со так такая такие такой там то тогда того тоже только том тот ту тут ты у уже хоть"
    " чего чей чем чему через что чтобы чья эта эти это этой этом этот эту я является являются можно нужно"
    " следует должен должна должны зачем скажи скажите подскажите пожалуйста"
)

_KINDS: tuple[tuple[AnswerKind, tuple[str, ...]], ...] = (
    ("percent", (r"какой процент", r"сколько процентов", r"(?:what|which) percent")),
    (
        "money",
        (
            r"сколько (?:стоит|стоят|платят|заплат|денег|рублей)",
            r"как(?:ая|ова|ую|ой) (?:цена|цену|стоимость|сумм|штраф|оклад|зарплат)",
            r"how much (?:does|do|is|are|money|will|can|would)",
            r"what(?: is| are|'s) the (?:price|cost|fee|salary|rate)",
        ),
    ),
    (
        "period",
        (
            r"как долго",
            r"сколько (?:времени|дней|суток|недель|месяцев|лет|часов|минут)",
            r"(?:за|на) сколько",
            r"как(?:ой|ов|ого) срок",
            r"how long",
            r"how (?:many|few) (?:days|hours|weeks|months|years|minutes|business|working|calendar)",
            r"how soon",
        ),
    ),
    (
        "date",
        (
            r"\bкогда\b",
            r"какого числа",
            r"в как(?:ом|ой) (?:году|день)",
            r"до какого (?:числа|срока|дня)",
            r"какая дата",
            r"\bwhen\b",
            r"(?:what|which|earliest|latest) (?:date|year|day)",
            r"by what (?:date|time)",
        ),
    ),
    ("address", (r"какой (?:e-?mail|телефон|адрес|номер телефон)", r"(?:phone|e-?mail) (?:number|address)")),
    (
        "number",
        (
            r"\bсколько\b",
            r"как(?:ой|ая|ое|ова|ого|ую) (?:длин|размер|объ[её]м|максимальн|минимальн|количеств|лимит|порог)",
            r"как(?:ой|ая|ова|ую) (?:вес|высот|ширин|глубин|толщин)",
            r"\bhow (?:many|much|often|far|big|large|tall|wide|old)\b",
            r"(?:max\w*|min\w*|total|what|which) (?:number|amount|size|length|limit|quantity|weight|height)",
        ),
    ),
    ("person", (r"\bкто\b", r"\bкому\b", r"\bкем\b", r"\bwho\b", r"\bwhom\b")),
)
_KIND_PATTERNS = tuple((kind, re.compile("|".join(patterns), re.IGNORECASE)) for kind, patterns in _KINDS)

_PERSONAL = re.compile(
    r"\b(?:i|i'm|i'd|i've|i'll|me|my|mine|myself|we|we're|we've|us|our|ours|you|your|somebody|someone"
    r"|я|мне|меня|мной|мо[йяеёюи]|моего|моей|моему|моих|моим\w*|мы|нам|нас|нами|наш\w*|хочу|хотим|хотел\w*"
    r"|могу|можем|можно|нужно|надо|нельзя|положен[оы]?|полагается|прид[её]тся|дадут"
    r"|долж\w+ ли|обязан\w* ли)\b",
    re.IGNORECASE,
)

_SPELT_NUMBER = (
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred"
    r"|thousand|once|twice|half|один|одн\w+|два|две|дв[ау]\w+|три|тр[её]\w+|четыр\w+|пят\w+|шест\w+|сем[ьи]\w*"
    r"|восьм\w+|восемь|девят\w+|десят\w+|сорок\w*|ст[оа]\b|тысяч\w*|полтор\w+|раз в|дважды|трижды|половин\w+)"
)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|январ\w+|феврал\w+|март\w*|апрел\w+|ма[яй]|июн\w+|июл\w+|август\w*|сентябр\w+|октябр\w+|ноябр\w+|декабр\w+)"
)
_WEEKDAY = (
    r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|понедельник\w*|вторник\w*|сред[аыу]|четверг\w*|пятниц\w+|суббот\w+|воскресень\w+)"
)
_EVIDENCE: dict[AnswerKind, re.Pattern[str]] = {
    "number": re.compile(rf"\d|{_SPELT_NUMBER}", re.IGNORECASE),
    "percent": re.compile(r"\d\s*%|процент|percent", re.IGNORECASE),
    "money": re.compile(
        r"[$€£₽]|\d[\d\s.,]*(?:руб|₽|usd|eur|тыс|млн|dollar|euro|cent)|бесплатн|free of charge|\d{2,}",
        re.IGNORECASE,
    ),
    "period": re.compile(
        rf"(?:\d|{_SPELT_NUMBER})[\w\s.,()-]{{0,25}}?(?:day|week|month|year|hour|minut|second|дн|день|сут|недел"
        r"|месяц|год|лет|час|минут|секунд|\bч\b|квартал)"
        r"|\bв тот же день|same day|immediately|немедленно|бессрочн",
        re.IGNORECASE,
    ),
    "date": re.compile(
        rf"\b\d{{4}}\b|\b\d{{1,2}}[./]\d{{1,2}}|{_MONTH}|{_WEEKDAY}|\d{{1,2}}:\d{{2}}|\d+-?(?:го|е|th|st|nd|rd)\b"
        r"|\b(?:after|before|until|within|через|после|до|не позднее|ежегодно|annually|monthly|daily|weekly"
        r"|quarterly|каждый|каждую|век\w*|century)\b",
        re.IGNORECASE,
    ),
    "person": re.compile(
        r"[\w,»] [A-ZА-ЯЁ][a-zа-яё]+|@|[A-ZА-ЯЁ]\. ?[A-ZА-ЯЁ][a-zа-яё]+"
        r"|директор|отдел|руководител|бухгалтер|администратор|manager|team|director|officer|supervisor|lead"
    ),
    "address": re.compile(r"@|https?://|\d{3,}|www\.", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How text becomes stems, and the stems that carry no meaning alone."""

    stems: Callable[[str], list[str]]
    stops: frozenset[str]

    @classmethod
    def of(cls, stems: Callable[[str], list[str]]) -> Vocabulary:
        """The vocabulary of an analyzer."""
        return cls(stems, frozenset(stems(STOP_WORDS)))


@dataclass(frozen=True, slots=True)
class Question:
    """A question as retrieval sees it. `content` are the distinct stems with meaning, in order.

    `names` and `numbers` are stems of capitalised words (not the first) and of figures; `background` are
    stems that an earlier question of the conversation lends to this one.
    """

    text: str
    language: Language
    content: tuple[str, ...]
    names: frozenset[str]
    numbers: frozenset[str]
    wants: AnswerKind | None
    background: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    """What of the question can be said otherwise, and how."""
    personal: bool = False
    """True when people speak of themselves or ask what they may: in words of their own, not of a policy."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The question's own stems, then those of the question before."""
        return (*self.content, *self.background)

    @property
    def other_stems(self) -> tuple[str, ...]:
        """Stems of other names for what is asked, that are not its own."""
        others = (stem for one in self.meanings for other in one.others for stem in other.stems)
        return tuple(stem for stem in dict.fromkeys(others) if stem not in self.stems)


def read_question(
    text: str,
    vocabulary: Vocabulary,
    *,
    earlier: str = "",
    expansions: Expansions = Expansions(),  # noqa: B008  frozen
) -> Question:
    """What `text` asks for. `earlier` is a question that it leans on, empty when it stands alone.

    `expansions` know what its words may also be called: the office thesaurus, the house's glossary.
    """
    content = _content(text, vocabulary)
    background: tuple[str, ...] = ()
    if earlier:
        content = tuple(stem for stem in content if stem not in vocabulary.stops)
        background = tuple(stem for stem in _content(earlier, vocabulary) if stem not in content)
    names = {
        stem
        for name in _NAME.findall(text)
        for stem in vocabulary.stems(name)
        if stem not in vocabulary.stops
    }
    numbers = {stem for number in _NUMBER.findall(text) for stem in vocabulary.stems(number)}
    wants = next((kind for kind, pattern in _KIND_PATTERNS if pattern.search(text)), None)
    return Question(
        text=text,
        language=language_of(text),
        content=content,
        names=frozenset(names),
        numbers=frozenset(numbers),
        wants=wants,
        background=background,
        meanings=expansions.meanings(vocabulary.stems(text)),
        personal=bool(_PERSONAL.search(f"{earlier} {text}")),
    )


def language_of(text: str) -> Language:
    """`ru` when at least a third of the letters are Cyrillic: Russian questions often name English things."""
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    return "ru" if cyrillic and cyrillic * 2 >= latin else "en"


def holds_kind(text: str, kind: AnswerKind) -> bool:
    """True when `text` holds a value of this kind. Says nothing of whether it is the right one."""
    return bool(_EVIDENCE[kind].search(_LIST_NUMBER.sub("", text)))


def _content(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Distinct stems with meaning; all stems when none has, so that "who are we" still finds something."""
    stems = list(dict.fromkeys(vocabulary.stems(text)))
    return tuple(stem for stem in stems if stem not in vocabulary.stops) or tuple(stems)
