"""What the house itself says in an answer, in both languages, and how sentences are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inhouse.knowledge.ports import Sentence
from inhouse.knowledge.words import Language

__all__ = ["SAID", "Said", "joined"]


@dataclass(frozen=True, slots=True)
class Said:
    """Reasons for the receipt and for the reader; `{reason}` is filled in."""

    no_model: str
    model_off: str
    not_asked: str
    engine_failed: str
    engine_stopped: str
    not_confirmed: str
    model_declined: str
    conflict: str
    other_language: str


SAID: Mapping[Language, Said] = {
    "ru": Said(
        no_model="готовой модели нет: ответ составлен из цитат",
        model_off="модели отключены настройкой answers.use_model: ответ составлен из цитат",
        not_asked="модель не спрашивали: в документах нет ответа",
        engine_failed="модель не ответила ({reason}): ответ составлен из цитат",
        engine_stopped="Модель прервалась на полуслове ({reason}). Дальше — цитаты из документов.",
        not_confirmed="Слова модели не подтвердились документами. Ниже — цитаты.",
        model_declined="В найденных фрагментах модель не нашла ответа. Ниже — самые близкие.",
        conflict="Документы говорят об этом разное.",
        other_language="Модель ответила не на языке вопроса.",
    ),
    "en": Said(
        no_model="no model is ready: the answer is made of quotes",
        model_off="models are off by answers.use_model: the answer is made of quotes",
        not_asked="no model was asked: the documents hold no answer",
        engine_failed="the model did not answer ({reason}): the answer is made of quotes",
        engine_stopped="The model stopped in mid-answer ({reason}). Quotes from the documents follow.",
        not_confirmed="The documents do not confirm the model's words. Quotes follow.",
        model_declined="The model found no answer in the passages. The nearest are below.",
        conflict="The documents say different things about this.",
        other_language="The model did not answer in the language of the question.",
    ),
}


def joined(before: Sentence | None, sentence: Sentence) -> str:
    """The sentence with what separates it from the one before: a blank line between documents."""
    if before is None:
        return sentence.text
    first, second = _document(before), _document(sentence)
    if first and second and first != second:
        return f"\n\n{sentence.text}"
    ends = before.text.rstrip().endswith((".", "!", "?", "…"))
    return f"{' ' if ends else chr(10)}{sentence.text}"


def _document(sentence: Sentence) -> str:
    return sentence.citations[0].document_id if sentence.citations else ""
