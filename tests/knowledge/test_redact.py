"""What is taken out of a kept answer, and what stays."""

from __future__ import annotations

import json

import pytest

from inhouse.knowledge.redact import GONE, documents_in, mark_changed, redact


def citation(document: str, quote: str) -> dict[str, object]:
    return {
        "document": f"{document}.md",
        "document_id": document,
        "source": "hr",
        "page": 3,
        "start": 10,
        "end": 40,
        "quote": quote,
        "verified": True,
        "modified_at": 5.0,
    }


def answer(*sentences: tuple[str, list[str]], text: str = "", language: str = "en") -> dict[str, object]:
    """An ask document: each sentence with the documents that it cites."""
    named = sorted({document for _, documents in sentences for document in documents})
    return {
        "answer": text or " ".join(words for words, _ in sentences),
        "language": language,
        "sentences": [
            {
                "text": words,
                "citations": [citation(one, f"quote of {one}") for one in documents],
                "supported": True,
            }
            for words, documents in sentences
        ],
        "reason": None,
        "passages": [{**citation(one, ""), "text": f"passage of {one}", "title": one} for one in named],
        "conflicts": [],
    }


def test_documents_are_found_wherever_they_are_named() -> None:
    """In citations, passages and the sides of conflicts; an answer without any names none."""
    one = answer(("Pay is 5.", ["a"]))
    one["conflicts"] = [{"statement": "x", "sides": [{"value": "5", "citation": citation("b", "5")}]}]
    assert documents_in(one) == {"a", "b"}
    assert documents_in({"answer": "nothing"}) == documents_in(None) == frozenset()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_sentence_of_a_gone_document_is_replaced(language: str) -> None:
    """Words, quote, passage and names go; the other sentence and its citation stay as they were."""
    kept = answer(("Pay is 5.", ["a"]), ("Leave is 28 days.", ["b"]), language=language)
    after, text = redact(kept, "Pay is 5. Leave is 28 days.", {"a"})
    assert text == f"{GONE[language]} Leave is 28 days."
    assert isinstance(after, dict)
    assert after["answer"] == text
    first, second = after["sentences"]
    assert first["text"] == GONE[language]
    assert first["citations"][0] | {"deleted": True} == {
        "document": "",
        "document_id": "",
        "source": "",
        "page": None,
        "start": 0,
        "end": 0,
        "quote": "",
        "verified": False,
        "modified_at": None,
        "deleted": True,
    }
    assert second == kept["sentences"][1]  # type: ignore[index]
    assert [one["text"] for one in after["passages"]] == ["", "passage of b"]
    written = json.dumps(after, ensure_ascii=False)
    assert not [words for words in ("Pay is 5", "quote of a", "passage of a", "a.md") if words in written]


def test_nothing_changes_without_the_document() -> None:
    """The very same values come back."""
    kept = answer(("Pay is 5.", ["a"]))
    assert redact(kept, "Pay is 5.", {"b"}) == (kept, "Pay is 5.")
    assert redact(None, "words", {"b"}) == (None, "words")


def test_a_sentence_of_two_documents_goes_with_either() -> None:
    """It may tell what the gone one says."""
    kept = answer(("Pay is 5 here and 6 there.", ["a", "b"]))
    _, text = redact(kept, "Pay is 5 here and 6 there.", {"a"})
    assert text == GONE["en"]


def test_a_sentence_without_citation_goes_with_any() -> None:
    """Nobody can tell which of the passages it was written from."""
    kept = answer(("Pay is 5.", ["a"]), ("As said above, five.", []))
    _, text = redact(kept, "Pay is 5. As said above, five.", {"a"})
    assert "five" not in text


def test_lists_keep_their_form() -> None:
    """Bullets, numbers and line ends between sentences stay."""
    kept = answer(("Pay is 5.", ["a"]), ("Leave is 28 days.", ["b"]))
    _, text = redact(kept, "- Pay is 5.\n2. Leave is 28 days.\n", {"a"})
    assert text == f"- {GONE['en']}\n2. Leave is 28 days.\n"


def test_words_beside_the_sentences_do_not_survive() -> None:
    """A stopped answer has a half sentence that was never checked: only the sentences are kept."""
    kept = answer(("Pay is 5.", ["a"]), ("Leave is 28 days.", ["b"]))
    _, text = redact(kept, "Pay is 5. Leave is 28 days. And the bonus is 7", {"a"})
    assert text == f"{GONE['en']}\nLeave is 28 days."


def test_an_answer_without_sentences_is_only_the_words() -> None:
    """A refusal that names near misses says nothing of them any more."""
    kept = answer() | {"passages": [{**citation("a", ""), "text": "secret"}], "reason": "secret is missing"}
    after, text = redact(kept, "Something about a secret", {"a"})
    assert text == GONE["en"]
    assert "secret" not in json.dumps(after)


def test_a_conflict_loses_its_statement_and_its_side() -> None:
    """The other side stays."""
    kept = answer(("Pay is 5.", ["b"]))
    sides = [{"value": "7 of a", "citation": citation("a", "7 of a"), "modified_at": 1.0}]
    sides.append({"value": "5 of b", "citation": citation("b", "5 of b"), "modified_at": 2.0})
    kept["conflicts"] = [{"statement": "7 of a or 5 of b", "sides": sides}]
    after, _ = redact(kept, "Pay is 5.", {"a"})
    written = json.dumps(after)
    assert "7 of a" not in written
    assert "5 of b" in written


def test_a_redacted_answer_stays_as_it_is() -> None:
    """Taking the same document out twice gives the same, and another one can still be taken out."""
    kept = answer(("Pay is 5.", ["a"]), ("Leave is 28 days.", ["b"]))
    once = redact(kept, "Pay is 5. Leave is 28 days.", {"a"})
    assert redact(*once, {"a"}) == once
    _, text = redact(*once, {"b"})
    assert "28" not in text


def test_a_quote_that_is_not_there_any_more_is_marked() -> None:
    """Only that one, and an emptied one never."""
    kept = answer(("Pay is 5.", ["a"]), ("Leave is 28 days.", ["b"]))
    emptied, _ = redact(answer(("x", ["c"])), "x", {"c"})
    marked = mark_changed([kept, emptied], lambda document, *_: document == "b")
    assert isinstance(marked, list)
    changed = [one["citations"][0].get("changed", False) for one in marked[0]["sentences"]]
    assert changed == [True, False]
    assert [one.get("changed", False) for one in marked[0]["passages"]] == [True, False]
    assert "changed" not in json.dumps(marked[1])
