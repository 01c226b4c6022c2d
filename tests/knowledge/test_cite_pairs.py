"""What models do to a source: every changed claim is caught, most true ones keep their quote."""

from __future__ import annotations

import pytest

from inhouse.kernel.documents import Passage
from inhouse.knowledge.cite import check, number_sources
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.words import Vocabulary
from tests.knowledge.cite_pairs import PAIRS
from tests.knowledge.cite_pairs_free import FREE_PAIRS

ALL_PAIRS = PAIRS + FREE_PAIRS
VOCABULARY = Vocabulary.of(analyzer())
LEAST_RECALL = 0.9
"""Share of true claims that keep their quote; a translation has no word in common and needs a model."""


def supported(quote: str, claim: str) -> bool:
    """Whether the claim, with marks of all sentences of its source, is shown as supported."""
    sources = number_sources([Passage("d", "hr.md", "s", "Rules", None, (), 0, len(quote), quote, 1, 1, 0)])
    return check(f"{claim} [{', '.join(sources)}]", sources, VOCABULARY).supported


FALSE = [(quote, claim) for _, true, quote, claim in ALL_PAIRS if not true]


@pytest.mark.parametrize(("quote", "claim"), FALSE, ids=[claim for _, claim in FALSE])
def test_a_changed_claim_is_not_supported(quote: str, claim: str) -> None:
    """A claim that changes a figure, a limit, a role, a period or an opposite gets no verified quote."""
    assert not supported(quote, claim)


def test_true_claims_keep_their_quotes() -> None:
    """Paraphrases are not punished for what others change: nine of ten true claims are supported."""
    kept = [supported(quote, claim) for _, true, quote, claim in ALL_PAIRS if true]
    assert sum(kept) >= LEAST_RECALL * len(kept)


def test_every_source_supports_itself() -> None:
    """A sentence quoted word by word is always supported by itself."""
    assert [quote for _, _, quote, _ in ALL_PAIRS if not supported(quote, " ".join(quote.split()))] == []
