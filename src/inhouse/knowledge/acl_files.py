"""Rules as people write them down: CSV, TOML or JSON for a source, a small text file in a folder. Pure.

A file that is wrong anywhere is refused as a whole, with the line and the way out, so that whoever reads
it keeps the rules there were before. A wrong file in a folder means nobody: it was meant to keep people
out, and there is no earlier state to fall back to.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Iterable, Sequence

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_groups import read_groups
from inhouse.knowledge.acl_rules import FolderFile, Rule, place_of

__all__ = ["MAPPING_KINDS", "read_folder_file", "read_mapping"]

MAPPING_KINDS = (".csv", ".toml", ".json")
MOST_RULES = 100_000
_BETWEEN = re.compile(r"[,;|]")
_EXAMPLES = {
    ".csv": "a heading `path,groups`, then lines like `hr/pay,hr:2` and `public,everyone`",
    ".toml": '[readers] and lines like "hr/pay" = ["hr:2"]',
    ".json": '{"readers": {"hr/pay": ["hr:2"], "public": ["everyone"]}}',
}

Entry = tuple[str, list[str], int]
"""Path, groups and line, as they stand in the file."""


def read_mapping(text: str, *, name: str) -> tuple[Rule, ...]:
    """The rules of a mapping file; its kind is the ending of `name`, which messages and reasons show.

    Raises:
        BadRequest: if anything in it is wrong, with file, line and what to write instead.
    """
    kind = next((kind for kind in MAPPING_KINDS if name.lower().endswith(kind)), "")
    if not kind:
        raise BadRequest(
            f"{name} is no mapping file", hint=f"its name must end in {', '.join(MAPPING_KINDS)}"
        )
    plain = text.removeprefix("\ufeff")
    entries = _from_csv(plain, name) if kind == ".csv" else _from_table(plain, name, kind)
    rules: dict[str, Rule] = {}
    lines: dict[str, int] = {}
    for path, groups, line in entries:
        try:
            rule = Rule(place_of(path), read_groups(groups), f"{name}, line {line}")
        except BadRequest as error:
            raise _wrong(name, line, error.message, error.hint) from None
        earlier = rules.get(rule.where)
        if earlier and earlier.readers != rule.readers:
            what = f"{path!r} stands in line {lines[rule.where]} already, with other groups"
            raise _wrong(name, line, what, "keep one of the two lines")
        rules[rule.where], lines[rule.where] = rule, line
        if len(rules) > MOST_RULES:
            raise _wrong(name, line, f"more than {MOST_RULES:,} rules", "give whole folders to groups")
    if not rules:
        raise BadRequest(f"{name} holds no rule", hint=_EXAMPLES[kind])
    return tuple(rules.values())


def read_folder_file(text: str, *, folder: str) -> FolderFile:
    """What a file in a folder says: groups, one a line or with commas; `#` begins a remark."""
    groups: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        names = [name for name in _BETWEEN.split(line.partition("#")[0]) if name.strip()]
        try:
            if names:
                read_groups(names)
        except BadRequest as error:
            return FolderFile(folder, frozenset(), f"line {number}: {error.message}")
        groups += names
    try:
        return FolderFile(folder, read_groups(groups))
    except BadRequest as error:
        return FolderFile(folder, frozenset(), error.message)


def _from_csv(text: str, name: str) -> list[Entry]:
    lines = text.splitlines(keepends=True)
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    # Spreadsheets of half of Europe write `;`, and some people save with tabs.
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_without_remarks(lines), delimiter=delimiter, strict=True)
    entries: list[Entry] = []
    heading: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if heading is None:
                heading = [cell.lower() for cell in cells]
                if heading[:2] != ["path", "groups"]:
                    raise _wrong(name, reader.line_num, f"the heading is {row!r}", _EXAMPLES[".csv"])
                continue
            if len(cells) < 2 or any(cells[2:]):
                what = f"{len(cells)} cells, where a path and its groups should stand"
                raise _wrong(name, reader.line_num, what, "put `;` between groups, and quotes around a comma")
            entries.append((cells[0], _BETWEEN.split(cells[1]), reader.line_num))
    except csv.Error as error:
        raise _wrong(
            name, reader.line_num, str(error), "close every quote, and double those inside"
        ) from None
    return entries


def _without_remarks(lines: Iterable[str]) -> list[str]:
    """The lines, remarks made empty, so that the numbers stay."""
    return ["\n" if line.startswith("#") else line for line in lines]


def _from_table(text: str, name: str, kind: str) -> list[Entry]:
    try:
        found = tomllib.loads(text) if kind == ".toml" else json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise _wrong(name, error.lineno, error.msg, _EXAMPLES[kind]) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        raise _wrong(name, int(at[1]) if at else 1, str(error), _EXAMPLES[kind]) from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{name}: {error}", hint=_EXAMPLES[kind]) from None
    readers = found.get("readers") if isinstance(found, dict) and set(found) == {"readers"} else None
    if not isinstance(readers, dict):
        raise BadRequest(f"{name} has to hold one table `readers`", hint=_EXAMPLES[kind])
    entries: list[Entry] = []
    for path, groups in readers.items():
        line = _line_of(text, path)
        given = [groups] if isinstance(groups, str) else groups
        if not isinstance(given, list) or not all(isinstance(group, str) for group in given):
            raise _wrong(name, line, f"the groups of {path!r} are no list of names", _EXAMPLES[kind])
        entries.append((path, [one for group in given for one in _BETWEEN.split(group)], line))
    return entries


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """JSON lets a name stand twice and the last one win; here that would be a rule that is not in force."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice")
    return found


def _line_of(text: str, path: str) -> int:
    """The line in which the path stands, as near as can be told: 1 when it is spelt with escapes."""
    for number, line in enumerate(text.splitlines(), 1):
        if f'"{path}"' in line or f"'{path}'" in line or line.strip().startswith(path):
            return number
    return 1


def _wrong(name: str, line: int, what: str, hint: str) -> BadRequest:
    return BadRequest(f"{name}, line {line}: {what}", hint=hint or "the rules there were before stay")
