"""Which words of a text are denied: `not allowed` and `allowed` share every word and say the opposite.

A denial counts for the next word of its clause that carries meaning. Some words (`нельзя`, `нет`) deny
their whole clause, wherever they stand in it. This is no grammar: what it cannot tell it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inhouse.knowledge.words import Vocabulary

__all__ = ["contradicts"]

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d|[.,;:!?()—–]")
_NEXT_WORD = frozenset("not no nor never neither cannot without не ни никогда без".split())
_CLAUSE = frozenset("нельзя нет невозможно невозможна невозможен impossible".split())
_BANNED = frozenset(
    "запрещено запрещена запрещены запрещен запрещён запрещается воспрещается недопустимо"
    " prohibited forbidden banned disallowed".split()
)
_PERMITTED = frozenset("можно разрешено разрешается разрешена разрешены allowed permitted".split())
_ONLY = frozenset("only just merely только лишь просто".split())
_SHORT = ("n't", "n’t")
REACH = 4
"""Words after a denial among which the denied one is looked for: `may not be lightly carried`."""


@dataclass(frozen=True, slots=True)
class _Said:
    """Stems that are claimed and stems that are denied; a stem may be in both."""

    claimed: frozenset[str]
    denied: frozenset[str]
    clause: bool
    any: bool


def contradicts(claim: str, quotes: Sequence[str], vocabulary: Vocabulary) -> bool:
    """True when the claim states what all the quotes that speak of it deny, or denies what they state."""
    said, told = _read(claim, vocabulary), [_read(quote, vocabulary) for quote in quotes]
    if said.clause and not any(each.any for each in told):
        return True
    if not said.any and told and all(each.clause for each in told):
        return True
    if said.any and any(each.any for each in told) and (said.clause or any(each.clause for each in told)):
        return False  # `must not be shared` and `sharing is prohibited`: which words are denied is open
    claimed = frozenset[str]().union(*(each.claimed for each in told))
    denied = frozenset[str]().union(*(each.denied for each in told))
    turned = (said.claimed - said.denied) & (denied - claimed)
    return bool(turned or (said.denied - said.claimed) & (claimed - denied))


def _read(text: str, vocabulary: Vocabulary) -> _Said:
    claimed: set[str] = set()
    denied: set[str] = set()
    clause = found = banned = permitted = False
    reach = 0
    for token in _TOKEN.findall(text.lower()):
        if not token[0].isalpha():
            reach = 0  # the end of a clause; before a figure a denial belongs to a limit: not over 14 days
        elif token in _NEXT_WORD or token.endswith(_SHORT):
            found, reach = True, REACH
        elif token in _CLAUSE:
            found = clause = True
        elif token in _BANNED:
            banned, reach = banned or not reach, 0  # `not prohibited` denies nothing
        elif token in _ONLY:
            reach = 0
        else:
            permitted = permitted or (token in _PERMITTED and not reach)
            stems = [stem for stem in vocabulary.stems(token) if stem not in vocabulary.stops]
            (denied if reach and stems else claimed).update(stems)
            reach = 0 if stems else max(0, reach - 1)
    banned = banned and not permitted  # both in one sentence: who may and who may not is open
    return _Said(frozenset(claimed), frozenset(denied), clause or banned, found or banned)
