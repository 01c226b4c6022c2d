"""Who may read which document of a source: rules for paths, inherited by folders. Pure.

Everything that decides a document's readers lives here:

1. The administrator's rules. A rule that names the document itself wins; else the pattern with the most
   letters (the later one of two equals); else the rule of the nearest folder above; else the source's own
   groups. Nothing of that: nobody.
2. Files `.inhouse-readers` in folders, from the outermost in. Such a file lies where the documents lie and
   is written by whoever may write there, so it can only narrow what the administrator allowed, and it has
   no say over a rule that names a place below it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inhouse.kernel.caller import Readers
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_groups import includes, read_group, renamed, shown, without

__all__ = [
    "FOLDER_FILE",
    "FolderFile",
    "Rule",
    "SourceRules",
    "is_pattern",
    "place_of",
    "readers_of",
    "rename_in_rules",
    "rules_from_json",
    "rules_to_json",
    "with_rule",
    "without_group_in_rules",
]

FOLDER_FILE = ".inhouse-readers"
"""Name of the file that says who may read a folder and all below it."""
BY_HAND = "set by hand"


@dataclass(frozen=True, slots=True)
class Rule:
    """`where` is a folder or document below the source ("" is all of it), or a pattern with `*`, `**`, `?`.

    A pattern without `/` is for names of files in any folder. No readers means nobody. `origin` says where
    the rule was written: "readers.csv, line 3".
    """

    where: str
    readers: Readers
    origin: str = BY_HAND


@dataclass(frozen=True, slots=True)
class FolderFile:
    """What the file in `folder` says; `problem` is set when it says nothing that can be understood."""

    folder: str
    readers: Readers
    problem: str = ""


class SourceRules:
    """The rules of one source, ready to be asked about many documents."""

    def __init__(self, rules: Sequence[Rule], own: Readers, files: Sequence[FolderFile] = ()) -> None:
        self._own = own
        self._named = {_plain(rule.where): rule for rule in rules if not is_pattern(rule.where)}
        patterns = [(rule, _expression(rule.where)) for rule in rules if is_pattern(rule.where)]
        # Stable, so that of two equals the later one stays behind the earlier one and is met first.
        self._patterns = sorted(patterns, key=lambda one: _letters(one[0].where))[::-1]
        self._files = {_plain(file.folder): file for file in files}

    def readers_of(self, document: str) -> tuple[Readers, str]:
        """Who may read the document, and in words which rule says so; same arguments, same readers."""
        path = _plain(document)
        above = _above(path)
        rule, depth = self._rule(path, above)
        readers = self._own if rule is None else rule.readers
        why = _words(rule, self._own)
        for at, folder in enumerate(above):
            if folder in self._files and at >= depth:
                readers, why = _narrowed(readers, self._files[folder], why)
        return readers, why

    def unused(self, documents: Iterable[str]) -> tuple[Rule, ...]:
        """Rules that are about none of these documents: most often a path that was mistyped."""
        paths = [_plain(document) for document in documents]
        there = {place for path in paths for place in (*_above(path), path)}
        idle = [rule for where, rule in self._named.items() if where not in there]
        idle += [rule for rule, wanted in self._patterns if not any(wanted.fullmatch(path) for path in paths)]
        return tuple(idle)

    def _rule(self, path: str, above: Sequence[str]) -> tuple[Rule | None, int]:
        """The rule that decides, and how deep the place lies that it names."""
        if path in self._named and path:
            return self._named[path], len(above)
        for rule, wanted in self._patterns:
            if wanted.fullmatch(path):
                return rule, _depth(rule.where)
        for depth in range(len(above) - 1, -1, -1):
            if above[depth] in self._named:
                return self._named[above[depth]], depth
        return None, 0


def readers_of(
    rules: Sequence[Rule], own: Readers, document: str, files: Sequence[FolderFile] = ()
) -> tuple[Readers, str]:
    """Who may read one document, and why; for many documents of a source ask one `SourceRules`."""
    return SourceRules(rules, own, files).readers_of(document)


def place_of(text: str) -> str:
    """A path or pattern as it was written, as rules have it: `/` between parts, none around it.

    Raises:
        BadRequest: if it leads out of the source, or is no path.
    """
    path = unicodedata.normalize("NFC", text.strip()).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or any(sign < " " for sign in path) or len(path) > 2_000:
        raise BadRequest(
            f"{text[:80]!r} is not a path below the source", hint="write it as folder/file, without `..`"
        )
    if parts and parts[-1] == "**" and not is_pattern("/".join(parts[:-1])):
        return "/".join(parts[:-1])  # everything below a folder is what the folder's name says already
    if parts and path.endswith("/") and is_pattern("/".join(parts)):
        return "/".join([*parts, "**"])
    return "/".join(parts)


def with_rule(rules: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The rules with this one in place of an earlier one for the same place."""
    where = _plain(rule.where)
    return (*(one for one in rules if _plain(one.where) != where), rule)


def rename_in_rules(rules: Sequence[Rule], old: str, new: str) -> tuple[Rule, ...]:
    """The rules after a group got another name."""
    return tuple(Rule(rule.where, renamed(rule.readers, old, new), rule.origin) for rule in rules)


def without_group_in_rules(rules: Sequence[Rule], group: str) -> tuple[Rule, ...]:
    """The rules after a group is gone; one that named only this group lets nobody read."""
    return tuple(Rule(rule.where, without(rule.readers, group), rule.origin) for rule in rules)


def rules_to_json(rules: Sequence[Rule]) -> str:
    """For `sources.rules`; the order is kept."""
    kept = [{"where": rule.where, "readers": sorted(rule.readers), "origin": rule.origin} for rule in rules]
    return json.dumps(kept, ensure_ascii=False)


def rules_from_json(text: str) -> tuple[Rule, ...]:
    """What `rules_to_json` wrote; none for an empty text.

    Raises:
        BadRequest: if it is damaged. Nobody may take that for "no rules": who asks leaves things as they are.
    """
    if not text.strip():
        return ()
    try:
        found = json.loads(text)
        return tuple(
            Rule(str(one["where"]), frozenset(map(read_group, one["readers"])), str(one["origin"]))
            for one in found
        )
    except (ValueError, TypeError, KeyError) as error:
        raise BadRequest(
            f"The kept rules of the source cannot be read: {error}", hint="set them again: inhouse acl set"
        ) from None


def _words(rule: Rule | None, own: Readers) -> str:
    if rule is not None:
        place = f"`{rule.where}`" if rule.where else "the whole source"
        return f"the rule for {place} ({rule.origin})"
    return "the groups of its source" if own else "no rule covers it and its source has no groups"


def _narrowed(readers: Readers, file: FolderFile, why: str) -> tuple[Readers, str]:
    name = f"{file.folder}/{FOLDER_FILE}" if file.folder else FOLDER_FILE
    if file.problem:
        return frozenset(), f"{name} cannot be understood: {file.problem}"
    kept = frozenset(group for group in file.readers if includes(readers, group))
    left_out = file.readers - kept
    more = f", which cannot add {shown(left_out)}" if left_out else ""
    return kept, f"{name}{more}, within {why}"


def _plain(path: str) -> str:
    """Equal for paths that look equal: a Mac spells `й` as two signs."""
    return unicodedata.normalize("NFC", path).strip("/")


def _above(path: str) -> list[str]:
    """The folders above a document, the whole source ("") first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts))]


def is_pattern(where: str) -> bool:
    """True for a rule that may be about several documents by their names."""
    return "*" in where or "?" in where


def _letters(where: str) -> int:
    return len(where) - where.count("*") - where.count("?")


def _depth(where: str) -> int:
    """How many folders a pattern names before its first star."""
    parts = where.split("/")[:-1]
    return next((at for at, part in enumerate(parts) if is_pattern(part)), len(parts))


def _expression(where: str) -> re.Pattern[str]:
    pattern = _plain(where)
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    expression = ""
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        match piece:
            case "**/":
                expression += r"(?:.*/)?"
            case "**":
                expression += r".*"
            case "*":
                expression += r"[^/]*"
            case "?":
                expression += r"[^/]"
            case _:
                expression += re.escape(piece)
    return re.compile(expression, re.DOTALL)
