"""The event grammar as a check, and strategies for events; used by dialect and provider tests."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from inhouse.kernel.messages import (
    ChatEvent,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    UsageSeen,
)

ENGINE_CODES = [
    "engine_unreachable",
    "engine_timeout",
    "engine_overloaded",
    "engine_refused",
    "engine_unfit",
    "engine_broke",
]

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
counts = st.integers(0, 10_000)


def keeps_grammar(events: Sequence[ChatEvent]) -> bool:
    """True for `(TextDelta | ReasoningDelta | ToolDelta)* UsageSeen? (Finished | Failed)`."""
    if not events or not isinstance(events[-1], Finished | Failed):
        return False
    body = list(events[:-1])
    if body and isinstance(body[-1], UsageSeen):
        body.pop()
    return all(isinstance(event, TextDelta | ReasoningDelta | ToolDelta) for event in body)


def deltas(*, index: st.SearchStrategy[int]) -> st.SearchStrategy[ChatEvent]:
    """One piece of an answer; tool arguments are whole JSON objects."""
    arguments = st.dictionaries(words, counts, max_size=2).map(json.dumps)
    tool = st.builds(ToolDelta, index=index, call_id=words, name=words, arguments=arguments)
    return st.one_of(st.builds(TextDelta, words), st.builds(ReasoningDelta, words), tool)
