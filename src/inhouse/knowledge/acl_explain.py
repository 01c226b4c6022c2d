"""Says in words why somebody may or may not read a document, and what would change it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from inhouse.kernel.caller import EVERYONE, Caller, Readers, may_read
from inhouse.knowledge.acl_groups import base_of, level_of, shown
from inhouse.knowledge.ports.people import Explanation, Person, Step

__all__ = ["Paper", "explain"]

_HIDDEN = {
    "pending": "it waits for the index, and is found in a moment",
    "empty": "no text was found in it, so no question finds it",
    "refused": "it could not be read, so no question finds it",
    "trashing": "it is being taken to the trash",
    "trashed": "it is in the trash, where nobody finds it",
    "removing": "it is being removed",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What has to be known of a document."""

    document_id: str
    document: str
    source: str
    status: str
    readers: Readers
    readers_from: str


def explain(caller: Caller, person: Person | None, paper: Paper, recorded: Collection[str]) -> Explanation:
    """Why, and what would change it. `person` is None without a record; `recorded` are groups there are."""
    may = may_read(caller, paper.readers) and paper.status not in ("trashed", "trashing", "removing")
    through = tuple(sorted(caller.groups & paper.readers))
    left = person is not None and person.left_at is not None
    return Explanation(
        user=caller.user,
        known=person is not None,
        left=left,
        level=person.level if person else 0,
        groups=person.groups if person else (),
        document_id=paper.document_id,
        document=paper.document,
        source=paper.source,
        status=paper.status,
        readers=tuple(sorted(paper.readers)),
        readers_from=paper.readers_from,
        may_read=may,
        through=through,
        words=_words(caller, person, paper, may=may),
        changes=tuple(_changes(caller, person, paper, recorded, through)),
    )


def _words(caller: Caller, person: Person | None, paper: Paper, *, may: bool) -> str:
    name = f"{paper.source}/{paper.document}"
    why = paper.readers_from or "the groups named when it was taken in"
    parts = [f"{caller.user} may {'read' if may else 'not read'} {name}."]
    parts.append(f"It is for {shown(paper.readers)}: {why}.")
    if person is None:
        parts.append(
            f"There is no user {caller.user!r} on record, and a name without a record is in everyone."
        )
    elif person.left_at is not None:
        parts.append(f"{caller.user} has left and reads nothing.")
    else:
        parts.append(f"{caller.user} has level {person.level} and is in {shown({EVERYONE, *person.groups})}.")
    if paper.status in _HIDDEN:
        parts.append(f"The document: {_HIDDEN[paper.status]}.")
    return " ".join(parts)


def _changes(
    caller: Caller,
    person: Person | None,
    paper: Paper,
    recorded: Collection[str],
    through: tuple[str, ...],
) -> list[Step]:
    place = shlex.quote(f"{paper.source}/{paper.document}")
    other = Step("let other groups read the document", f"inhouse acl set {place} --group GROUP")
    if through:
        return [*_ways_out(caller.user, through), other]
    if person is not None and person.left_at is not None:
        return [Step("take leaving back", f"inhouse users set {shlex.quote(caller.user)} --back")]
    return [*_ways_in(caller.user, person, paper.readers, recorded), other]


def _ways_out(user: str, through: tuple[str, ...]) -> list[Step]:
    steps: list[Step] = []
    for base in sorted({base_of(group) for group in through} - {EVERYONE}):
        command = f"inhouse groups members {shlex.quote(base)} --remove {shlex.quote(user)}"
        steps.append(Step(f"take {user} out of {base}", command))
    return steps


def _ways_in(user: str, person: Person | None, readers: Readers, recorded: Collection[str]) -> list[Step]:
    steps: list[Step] = []
    who = shlex.quote(user)
    for group in sorted(readers):
        base, level = base_of(group), level_of(group)
        named = shlex.quote(base)
        if base not in recorded and base != EVERYONE:
            made = f"make the group {base}, which nobody can be in until then"
            steps.append(Step(made, f"inhouse groups add {named}"))
        joins = base != EVERYONE and (person is None or base not in person.groups)
        rises = person is None or person.level < level
        if person is None:
            words = f"put {user} on record" + (f" in {base}" if joins else "")
            group_words = f" --group {named}" if joins else ""
            level_words = f" --level {level}" if level else ""
            steps.append(Step(words, f"inhouse users add {who}{group_words}{level_words}"))
            continue
        if joins:
            steps.append(Step(f"put {user} into {base}", f"inhouse groups members {named} --add {who}"))
        if rises and level:
            words = f"raise {user} to level {level}, in all of their groups"
            steps.append(Step(words, f"inhouse users set {who} --level {level}"))
    return steps
