"""Which documents are editions of one another, and which of them is the newest. Pure.

Being wrong here hides nothing, but it puts "superseded" beside a document, so the rule is a cautious one:

1. A version at the end of a name (`v2`, `версия 3`, `ред. 4`, `rev 5`, `final`, `draft`, `old`) is a mark
   of an edition for every document. A folder that is called `archive` or `архив` marks what is in it.
2. A year or a date in the name, or a folder that is called by one, is a mark only where the name or the
   title says that the document sets a rule (policy, regulation, handbook, instruction, price list;
   положение, регламент, инструкция, правила, прайс …). What comes anew in each period is never an edition
   of the period before: reports, minutes, invoices, contracts, letters, news. An order (`приказ`) is one by
   its year or version only: two orders of different days are two orders.
3. A document that sets a rule and has no mark in its name takes the one that its first lines state: a date
   in the front matter, `Effective date`, `Version`, `Действует с`, `в редакции от`.

What is left of the name without its marks, with the folder, is the family. Another number, department or
language stays in the name and makes another family. Editions compare within one source only.

`edition` is a year with its fraction (2024.19…), a version below 1,000, 0 where nothing is known, or below
zero for what was named a draft or old. A version does not compare with a date.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import NamedTuple

__all__ = ["Edition", "Sibling", "edition_of", "superseded"]

HEAD_CHARS = 3_000
FINAL, UNKNOWN = 900.0, 0.0
OLDEST_YEAR, LATEST_YEAR = 1985, 2099
DRAFT, OLD = -10_000.0, -20_000.0
"""Added to the edition of a draft or an old copy, so that none of them is ever newer than one in force."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan январ янв",
            "february feb феврал фев",
            "march mar март мар",
            "april apr апрел апр",
            "may ма май мая",
            "june jun июн",
            "july jul июл",
            "august aug август авг",
            "september sept sep сентябр сен",
            "october oct октябр окт",
            "november nov ноябр ноя",
            "december dec декабр дек",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = (
    r"(?P<month{n}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|январ[ья]|феврал[ья]|марта?|апрел[ья]|ма[йя]|июн[ья]|июл[ья]|августа?|сентябр[ья]|октябр[ья]|ноябр[ья]"
    r"|декабр[ья])"
)
_YEAR = r"(?:19[89]\d|20\d\d)"
_DATES = (
    rf"(?P<y1>{_YEAR})[-. ](?P<m1>0[1-9]|1[0-2])[-. ](?P<d1>0[1-9]|[12]\d|3[01])",
    rf"(?P<d2>0?[1-9]|[12]\d|3[01])[-. /](?P<m2>0?[1-9]|1[0-2])[-. /](?P<y2>{_YEAR})",
    rf"(?P<y3>{_YEAR})(?P<m3>0[1-9]|1[0-2])(?P<d3>0[1-9]|[12]\d|3[01])",
    rf"(?P<d4>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.? {_MONTH.format(n=4)},? (?P<y4>{_YEAR})",
    rf"{_MONTH.format(n=5)} (?P<d5>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?,? (?P<y5>{_YEAR})",
    rf"{_MONTH.format(n=6)}\.?,? (?P<y6>{_YEAR})",
    rf"(?P<y7>{_YEAR})[-. ](?P<m7>0[1-9]|1[0-2])",
    rf"(?P<m8>0[1-9]|1[0-2])[-. ](?P<y8>{_YEAR})",
    rf"(?P<y9>{_YEAR})(?:[-–/ ]{{1,3}}(?:{_YEAR}|\d\d))?",
)
_AROUND = (
    r"(?:(?:\b(?:утв\.?(?: от)?|утвержден\w*(?: от)?|в? ?ред(?:\.|акции)?|редакция|от|на|с|за|of|from|as of"
    r"|dated|effective) )?"
    r"{inner}(?:\s?(?:гг?\b\.?|года?\b|year\b|edition\b))?)"
)
_DATE = re.compile(r"(?<![\w])" + _AROUND.format(inner="(?:" + "|".join(_DATES) + ")") + r"(?!\w)")
_PRODUCT = re.compile(
    r"\b(?:office|windows|server|iso|iec|гост|снип|сп|sql|exchange|autocad|visual studio|sharepoint|excel"
    r"|word|outlook|project|компас|solidworks)[ -]*(?:р|р исо|r)?[ -]*[\d.-]*$"
)

_NUMBER = r"\d{1,3}(?:\.\d{1,3}){0,2}"
_VERSION = re.compile(
    rf"(?:[ (\[,.-]|^)(?:(?:v|ver|vers|version|в|вер|версия|ред|редакция|rev|revision|edition|изд|издание)"
    rf"[. №#]{{0,2}}(?P<number>{_NUMBER})"
    rf"|(?P<nth>\d{{1,2}})(?:st|nd|rd|th|[ -]?(?:[еяй]|ая|ое|го))? (?:edition|revision|редакция|издание)"
    r"|(?P<final>final|финал|финальн\w+|итог|итоговая|окончательн\w+|утвержденн\w+|approved)"
    r"[ -]?(?P<again>\d{0,2})"
    r"|(?P<draft>draft|черновик|проект)(?: \d{1,2})?"
    r"|(?P<old>old|obsolete|устарел\w*|архив|archived?|superseded|утратил\w* силу)"
    r"(?: \d{1,2})?)[)\] ]*$"
)
_INTERFACE = re.compile(r"\b(?:api|sdk|protocol|протокол|схема|schema)$")
"""Whose versions live beside one another."""
_COPY = re.compile(r"(?: ?\(\d{1,2}\)| ?- ?(?:copy|копия)(?: \(\d{1,2}\))?| (?:copy|копия))$")
_ARCHIVE = re.compile(
    r"^\W*(?:архив\w*|archived?s?|old|obsolete|устарел\w*|superseded|прошлые версии|старые(?: версии)?"
    r"|previous(?: versions?)?|old versions?)\W*$"
)

_RULE = re.compile(
    r"\b(?:polic(?:y|ies)|procedures?|regulations?|rules?|rulebook|guidelines?|handbook|manual|instructions?"
    r"|code of (?:conduct|ethics)|charter|bylaws|standards?|sop|playbook|guide|terms (?:of|and) \w+"
    r"|price ?list|price-list|tariffs?|rate card"
    r"|политик[аи]|положени[ея]|регламент\w*|инструкци[яи]|правила?|порядок|стандарт\w*|устав|кодекс|руководств[оа]"
    r"|методик[аи]|методические|памятк[аи]|справочник|процедур[аы]|оферта|прайс\w*|тариф\w*)\b"
)
_ORDER = re.compile(r"\b(?:приказ|распоряжение|order|directive)\b")
_PERIODIC = re.compile(
    r"\b(?:reports?|minutes|invoices?|receipts?|agendas?|meetings?|newsletters?|news|updates?|announcements?"
    r"|blog|contracts?|agreements?|letters?|memos?|payslips?|timesheets?|statements?|logs?|changelog"
    r"|release notes?"
    r"|reviews?|audits?|results?|budgets?|calendars?|schedules?|plans?|requests?|surveys?|forms?|training"
    r"|отч[её]т\w*|протокол\w*|счет\w*|счёт\w*|накладн\w*|акт|акты|квитанци\w*|чек\w*|ведомост\w*|табел\w*"
    r"|договор\w*|соглашени\w*|письм\w*|служебн\w*|заявлени\w*|заявк\w*|повестк\w*|совещани\w*|новост\w*|объявлени\w*|дайджест\w*"
    r"|смет\w*|бюджет\w*|план|планы|график\w*|календар\w*|расписани\w*|анкет\w*|опрос\w*|итоги|результат\w*|журнал\w*"
    r"|выписк\w*|справка|справки)\b"
)
_ALONE = re.compile(r"\b(?:handbook|rulebook|bylaws|playbook|устав|price ?list|price-list|прайс\w*|тарифы)\b")
"""Kinds of which a house has one, so that the word alone is a subject."""

_FRONT = re.compile(r"\A\s*---\n(.*?)\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_FRONT_DATE = re.compile(
    r"^(?:date|updated|last[_ -]?(?:updated|modified|reviewed)|effective(?:[_ -]date)?|дата)\s*:\s*(.+)$",
    re.MULTILINE,
)
_FRONT_VERSION = re.compile(
    rf"^(?:version|revision|версия|редакция)\s*:\s*[\"']?v?({_NUMBER})\b", re.MULTILINE
)
_STATED_DATE = re.compile(
    r"(?:effective(?: date| from| as of)?|in force (?:from|since)|valid from"
    r"|last (?:updated|revised|reviewed)|revised(?: on)?|approved(?: on)?|date of (?:issue|approval)"
    r"|issue date"
    r"|дата (?:введения|утверждения|вступления|редакции|пересмотра)\w*(?: в (?:действие|силу))?"
    r"|действует с|введен\w* в действие|вступает в силу|вводится(?: в действие)? с|утвержден\w*"
    r"|в ред(?:акции|\.)|редакция)[^\n]{0,60}?"
    r"(?=\d|january|february|march|april|may|june|july|august|september|october|november|december)"
)
_STATED_VERSION = re.compile(
    rf"^\W*(?:document )?(?:version|revision|rev|версия(?: документа)?|редакция)"
    rf"\s*(?:№|no)?[.: ]\s*v?({_NUMBER})\b",
    re.MULTILINE,
)


class Edition(NamedTuple):
    """`family` is "" for a document that can be an edition of nothing."""

    family: str
    edition: float


@dataclass(frozen=True, slots=True)
class Sibling:
    """A document of the same family and source; `modified_at` is the file's own date, UNIX seconds."""

    edition: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class _Marks:
    rest: str
    day: float | None = None
    version: float | None = None
    below: float = 0.0

    @property
    def any(self) -> bool:
        return self.below < 0 or self.day is not None or self.version is not None


def edition_of(path: str, title: str, head_of_text: str, modified_at: float) -> Edition:
    """The family of a document and how new it is in there.

    `path` is the one below the source. `modified_at` decides nothing by itself, since a copied file has
    the time of its copying; `superseded` uses it as the latest day on which the text can have been written.
    """
    del modified_at  # stands here so that nobody has to ask whether it was forgotten
    *folders, name = path.split("/")
    stem = _plain(PurePosixPath(name).stem if PurePosixPath(name).suffix else name)
    plain_title = _plain(title)
    sets_rule = _sets_rule(stem, plain_title)
    kept, archived, folder_day = _folders(folders, sets_rule)
    named = _marks(stem, dated=sets_rule and not _is_order(stem, plain_title), years=sets_rule)
    if not named.any and folder_day is None and not archived:
        titled = _marks(plain_title, dated=sets_rule and not _is_order(stem, plain_title), years=sets_rule)
        if titled.any:
            named = titled
    day, version = named.day if named.day is not None else folder_day, named.version
    if sets_rule and day is None and version is None:
        day, version = _stated(head_of_text[:HEAD_CHARS])
    if not _has_subject(named.rest):
        return Edition("", UNKNOWN)
    family = "/".join([*kept, named.rest])
    return Edition(family, _value(day, version) + (OLD if archived else named.below))


def superseded(mine: Sibling, others: Sequence[Sibling]) -> bool:
    """True when one of the others is surely newer. Pass only those that the reader may see."""
    return any(_newer(other, mine) for other in others)


def _newer(other: Sibling, mine: Sibling) -> bool:
    theirs, own = _above(other.edition), _above(mine.edition)
    comparable = UNKNOWN not in (theirs, own) and (theirs >= OLDEST_YEAR) == (own >= OLDEST_YEAR)
    if other.edition < 0 <= mine.edition:
        return False
    if mine.edition < 0 <= other.edition:
        # An old copy or a draft gives way, unless it is the draft of an edition to come.
        return not (_is_draft(mine.edition) and comparable and own > theirs)
    if own == UNKNOWN and theirs >= OLDEST_YEAR:
        return mine.modified_at < _start_of(theirs)
    return comparable and theirs > own


def _above(edition: float) -> float:
    if edition >= 0:
        return edition
    return edition - (DRAFT if _is_draft(edition) else OLD)


def _is_draft(edition: float) -> bool:
    return DRAFT <= edition < 0


def _start_of(year_and_fraction: float) -> float:
    """UNIX seconds of the beginning of an edition's year, or of its day where the day is known."""
    year = int(year_and_fraction)
    start = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    return start + (year_and_fraction - year) * 366 * 86_400


def _plain(words: str) -> str:
    folded = unicodedata.normalize("NFC", words).casefold().replace("ё", "е")
    return " ".join(re.sub(r"[_«»\"“”]+|(?<=[^\W\d])-(?=\d)|(?<=\d)-(?=[^\W\d])", " ", folded).split())


def _sets_rule(stem: str, title: str) -> bool:
    both = f"{stem} {title}".replace("-", " ")
    return bool(_RULE.search(both) or _ORDER.search(both)) and not _PERIODIC.search(both)


def _is_order(stem: str, title: str) -> bool:
    return bool(_ORDER.search(f"{stem} {title}"))


def _has_subject(rest: str) -> bool:
    """A kind of document without a subject says too little: `Policy 2023` may be about anything."""
    if _ALONE.search(rest):
        return True
    left = _ORDER.sub(" ", _RULE.sub(" ", rest.replace("-", " ")))
    return any(len(word) >= 3 and not word.isdigit() for word in re.findall(r"\w+", left))


def _folders(folders: Sequence[str], sets_rule: bool) -> tuple[list[str], bool, float | None]:
    """The folders that belong to the family, whether one is an archive, and the day that one is called by."""
    kept: list[str] = []
    archived, day = False, None
    for folder in folders:
        plain = _plain(folder)
        if _ARCHIVE.match(plain):
            archived = True
            continue
        found = _DATE.fullmatch(plain) if sets_rule else None
        if found is not None:
            day = _day(found)
            continue
        kept.append(plain)
    return kept, archived, day


def _marks(name: str, *, dated: bool, years: bool) -> _Marks:
    """The name without its marks, and what they say. `dated`: full dates count; `years`: years do."""
    rest, below = _COPY.sub("", name), 0.0
    version: float | None = None
    day: float | None = None
    while True:
        found = _VERSION.search(rest)
        if found is None or (version is not None and found["number"]):
            break
        if _INTERFACE.search(_tidy(rest[: found.start()])):
            break
        below = min(below, _below(found))
        said = _version(found)
        version = said if version is None else version if said is None else said + 0.5
        rest = _tidy(rest[: found.start()])
    for when in _DATE.finditer(rest) if dated or years else ():
        whole = when.group(0)
        if _PRODUCT.search(rest[: when.start()].rstrip()) or (not dated and not _only_year(when)):
            continue
        day = _day(when)
        if day is not None:
            rest = _tidy(rest.replace(whole, " ", 1))
            break
    if day is not None and version is None:
        found = _VERSION.search(rest)
        if found is not None:
            version, below = _version(found), min(below, _below(found))
            rest = _tidy(rest[: found.start()])
    return _Marks(rest, day, version, below)


def _below(found: re.Match[str]) -> float:
    return OLD if found["old"] else DRAFT if found["draft"] else 0.0


def _version(found: re.Match[str]) -> float | None:
    if found["number"]:
        return _number(found["number"])
    if found["nth"]:
        return float(found["nth"])
    if found["final"]:
        return FINAL + float(found["again"] or 0)
    return None


def _number(written: str) -> float:
    """2.10 is newer than 2.9."""
    parts = [int(part) for part in written.split(".")]
    return sum(part * 10.0 ** (-3 * at) for at, part in enumerate(parts))


def _tidy(rest: str) -> str:
    return " ".join(re.sub(r"\(\s*\)|\[\s*\]", " ", rest).split()).strip(" -–,.;:([")


def _only_year(found: re.Match[str]) -> bool:
    return found["y9"] is not None


def _day(found: re.Match[str]) -> float | None:
    """The year with its fraction; None for a day that no calendar has."""
    for n in range(1, 10):
        if found[f"y{n}"] is None:
            continue
        groups = found.groupdict()
        month = groups.get(f"m{n}") or groups.get(f"month{n}") or "1"
        day = groups.get(f"d{n}") or "1"
        try:
            when = date(int(found[f"y{n}"]), _month(month), int(day))
        except ValueError:
            return None
        return when.year + (when.timetuple().tm_yday - 1) / 366
    return None


def _month(written: str) -> int:
    if written.isdigit():
        return int(written)
    for length in (len(written), len(written) - 1, 3):
        if written[:length] in _MONTHS:
            return _MONTHS[written[:length]]
    raise ValueError(written)


def _value(day: float | None, version: float | None) -> float:
    """Two versions of one year differ in the sixth place."""
    if day is None:
        return version or UNKNOWN
    return day + min(version or 0.0, FINAL + 99) * 1e-6


def _stated(head: str) -> tuple[float | None, float | None]:
    """The day and the version that the first lines give."""
    lines = _folded(head)
    front = _FRONT.match(lines)
    if front is not None:
        when = _FRONT_DATE.search(front.group(1))
        found = _DATE.search(when.group(1)) if when else None
        version = _FRONT_VERSION.search(front.group(1))
        if found is not None or version is not None:
            return _day(found) if found else None, _number(version.group(1)) if version else None
    version = _STATED_VERSION.search(lines)
    for stated in _STATED_DATE.finditer(lines):
        found = _DATE.search(lines, max(stated.end() - 3, 0), stated.end() + 40)
        if found is not None:
            return _day(found), _number(version.group(1)) if version else None
    return None, _number(version.group(1)) if version else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
