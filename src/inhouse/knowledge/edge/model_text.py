"""A model's answer as it arrives: words to show, sentences to check, and whether it declined."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from inhouse.kernel.messages import Failed, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import ChatStream
from inhouse.knowledge.cite import MARK
from inhouse.knowledge.ports import AnswerDelta, AnswerEvent, Sentence, SentenceChecked
from inhouse.knowledge.prompt import NO_ANSWER
from inhouse.knowledge.stream import AnswerText

__all__ = ["ModelText"]


class ModelText:
    """One model's answer as parts. `sentences` and `usage` fill up on the way.

    `known` tells whether an address stands in the sources: any other one is taken out of the text.
    """

    def __init__(self, stream: ChatStream, *, known: Callable[[str], bool]) -> None:
        self._stream = stream
        self._text = AnswerText(known)
        self._head: str | None = ""
        self.sentences: list[Sentence] = []
        self.usage: Usage | None = None
        self.failed: Failed | None = None
        self.declined = False

    async def parts(self, checked: Callable[[str], Sentence]) -> AsyncIterator[AnswerEvent]:
        """Deltas and checked sentences until the stream ends."""
        async for event in self._stream:
            if isinstance(event, TextDelta):
                for part in self._take(event.text, checked):
                    yield part
            elif isinstance(event, UsageSeen):
                self.usage = event.usage
            elif isinstance(event, Failed):
                self.failed = event
        if self._head:
            self.declined = self._head.strip().strip(".\"'*`") == NO_ANSWER
        if not self.declined:
            rest, self._head = self._head or "", None
            # A sentence that was cut off may have lost what makes it false: "until 15" of "until 15 March".
            ends = _unchecked if self.failed else checked
            for part in (*self._take(rest, checked), *self._end(ends)):
                yield part

    async def aclose(self) -> None:
        """Cancel the engine's work."""
        await self._stream.aclose()

    def _take(self, piece: str, checked: Callable[[str], Sentence]) -> list[AnswerEvent]:
        """Hold the very first letters back while they may still spell the word for "no answer"."""
        if self._head is not None:
            self._head += piece
            if (NO_ANSWER + ".").startswith(self._head.strip().strip("\"'*`")):
                return []
            piece, self._head = self._head, None
        cut = self._text.feed(piece)
        return self._events(cut.shown, cut.ended, checked)

    def _end(self, checked: Callable[[str], Sentence]) -> list[AnswerEvent]:
        cut = self._text.finish()
        return self._events(cut.shown, cut.ended, checked)

    def _events(
        self, shown: str, ended: Sequence[str], checked: Callable[[str], Sentence]
    ) -> list[AnswerEvent]:
        events: list[AnswerEvent] = [AnswerDelta(shown)] if shown else []
        for raw in ended:
            sentence = checked(raw)
            self.sentences.append(sentence)
            events.append(SentenceChecked(sentence))
        return events


def _unchecked(raw: str) -> Sentence:
    return Sentence(" ".join(MARK.sub("", raw).split()), (), supported=False)
