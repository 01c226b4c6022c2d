"""Answers that several models make: which are asked, what is given, and what it may cost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from inhouse.gateway.edge.strategies import Strategies
from inhouse.gateway.policy import Attempt
from inhouse.gateway.strategy import StrategySettings
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineBroke, EngineError
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Finished,
    TextDelta,
    TokenScore,
    Usage,
    UsageSeen,
    Wishes,
)
from inhouse.kernel.ports import ChatStream, Embedded, EngineUsed

ASK = ChatRequest((ChatMessage("user", "How many days of leave?"),), data="any")
CASCADE = replace(ASK, wishes=Wishes(strategy="cascade"))
CONSENSUS = replace(ASK, model="inhouse/consensus")
WEAK, STRONG, OTHER = (
    Attempt("a", "weak", "local", ""),
    Attempt("b", "strong", "local", ""),
    Attempt("c", "other", "local", ""),
)


@dataclass
class Said:
    """What a model says, how sure it is of each word, and what it costs."""

    text: str
    probability: float | None = None
    error: EngineError | None = None
    hangs: bool = False


@dataclass
class Stream:
    """One answer that is there already."""

    used: EngineUsed
    events: list[ChatEvent]

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self._each()

    async def _each(self) -> AsyncIterator[ChatEvent]:
        for event in self.events:
            yield event

    async def aclose(self) -> None:
        self.events = []


@dataclass
class House:
    """Models by `engine/model`, as the dispatch and the routing would offer them."""

    says: dict[str, Said]
    order: Sequence[Attempt] = (WEAK, STRONG, OTHER)
    best: Attempt | None = STRONG
    price: int | None = 10
    now: float = 0.0
    asked: list[ChatRequest] = field(default_factory=list)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> ChatStream:
        self.asked.append(request)
        name = request.model or f"{self.order[0].engine}/{self.order[0].model}"
        said = self.says[name]
        if said.hangs:
            await asyncio.Event().wait()
        if said.error is not None:
            raise said.error
        engine, model = name.split("/")
        scores = () if said.probability is None else (TokenScore("t", math.log(said.probability)),)
        events: list[ChatEvent] = [TextDelta(said.text, scores), UsageSeen(Usage(10, 5)), Finished()]
        return Stream(EngineUsed(engine, model, "local", "first in the order"), events)

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        raise NotImplementedError

    def attempts(self, request: ChatRequest, grant: Grant | None, user: str) -> Sequence[Attempt]:
        if request.model is None:
            return self.order
        return [each for each in self.order if f"{each.engine}/{each.model}" == request.model]

    def strongest(self, request: ChatRequest, grant: Grant | None, user: str) -> Attempt | None:
        return self.best

    def gives_scores(self, attempt: Attempt) -> bool:
        return True

    def cost(self, used: EngineUsed, usage: Usage) -> int | None:
        return self.price

    def ready(self, request: ChatRequest) -> bool:
        return True

    async def ask(
        self, request: ChatRequest, settings: StrategySettings | None = None
    ) -> tuple[str, EngineUsed, Usage]:
        """The answer's text, who gave it, and the tokens of all."""
        chosen = settings or StrategySettings()
        made = Strategies(self, self, self, lambda: chosen, stopwatch=lambda: self.now)
        stream = await made.open(request, request_id="r", user="u")
        events = [event async for event in stream]
        assert isinstance(events[-1], Finished)
        usage = next(event.usage for event in events if isinstance(event, UsageSeen))
        return "".join(e.text for e in events if isinstance(e, TextDelta)), stream.used, usage


def house(**says: Said) -> House:
    """A house whose models are called weak, strong and other."""
    places = {"weak": "a/weak", "strong": "b/strong", "other": "c/other"}
    return House({places[name]: said for name, said in says.items()})


async def test_a_single_answer_passes_straight_on() -> None:
    """Without a wish nothing is changed and one model is asked, with the very same request."""
    here = house(weak=Said("28", 0.1))
    text, used, _usage = await here.ask(ASK)
    assert (text, used.steps) == ("28", ())
    assert here.asked[0] is ASK


async def test_a_sure_draft_is_the_answer() -> None:
    """At .85 and more nobody else is asked."""
    here = house(weak=Said("28", 0.9), strong=Said("30"))
    text, used, usage = await here.ask(CASCADE)
    assert (text, used.engine, len(here.asked)) == ("28", "a", 1)
    assert [(each.role, each.engine) for each in used.steps] == [("draft", "a")]
    assert usage == Usage(10, 5)


async def test_an_unsure_draft_is_refined() -> None:
    """Under .85 the strongest model gets the draft, and the tokens of both are counted."""
    here = house(weak=Said("29", 0.84), strong=Said("28"))
    text, used, usage = await here.ask(CASCADE)
    assert (text, used.engine) == ("28", "b")
    assert [each.role for each in used.steps] == ["draft", "refine"]
    assert "29" in here.asked[1].messages[0].content
    assert usage == Usage(20, 10)
    assert "0.84 is under 0.85" in used.reason


async def test_no_words_leave_that_may_not() -> None:
    """Every step carries the data word of the request."""
    here = house(weak=Said("29", 0.1), strong=Said("28"))
    await here.ask(replace(CASCADE, data="local_only"))
    assert [each.data for each in here.asked] == ["local_only", "local_only"]


async def test_a_failed_draft_goes_to_the_strong_model() -> None:
    """An engine that fails as the drafter does not fail the request."""
    here = house(weak=Said("", error=EngineBroke("gone")), strong=Said("28"))
    text, used, _usage = await here.ask(CASCADE)
    assert (text, used.engine) == ("28", "b")
    assert "the draft failed: gone" in used.reason


async def test_the_draft_is_kept_when_nobody_can_improve_it() -> None:
    """A strong model that fails, or none at all, leaves the draft with the reason."""
    here = house(weak=Said("29", 0.5), strong=Said("", error=EngineBroke("gone")))
    text, used, _usage = await here.ask(CASCADE)
    assert text == "29"
    assert "nobody could improve it: gone" in used.reason
    here.best = None
    assert "no stronger model" in (await here.ask(CASCADE))[1].reason
    here.best = WEAK
    assert "the strongest model already" in (await here.ask(CASCADE))[1].reason


async def test_the_cap_on_cost_ends_a_cascade() -> None:
    """What the draft cost is taken off; with nothing left the draft is given. With more it goes on."""
    here = house(weak=Said("29", 0.5), strong=Said("28"))
    capped = replace(CASCADE, wishes=replace(CASCADE.wishes, max_cost_micros=10))
    text, used, _usage = await here.ask(capped)
    assert (text, len(here.asked)) == ("29", 1)
    assert "the money for more is spent" in used.reason
    richer = replace(CASCADE, wishes=replace(CASCADE.wishes, max_cost_micros=11))
    assert (await here.ask(richer))[0] == "28"
    assert here.asked[-1].wishes.max_cost_micros == 1


async def test_the_cap_on_time_ends_a_cascade() -> None:
    """A strong model that does not begin in time leaves the draft; the wait is cancelled."""
    here = house(weak=Said("29", 0.5), strong=Said("28", hangs=True))
    text, used, _usage = await here.ask(CASCADE, StrategySettings(max_seconds=0.02))
    assert text == "29"
    assert "it took too long" in used.reason


async def test_samples_pull_a_sure_draft_down() -> None:
    """With samples asked for, a draft whose samples differ is not sure."""
    here = house(weak=Said("29", 0.99), strong=Said("28"))
    await here.ask(CASCADE, StrategySettings(samples=2))
    assert len(here.asked) == 3
    assert {each.temperature for each in here.asked[1:]} == {0.7}


async def test_agreeing_opinions_need_no_synthesis() -> None:
    """Three short answers that say the same are the answer."""
    here = house(weak=Said("28 days"), strong=Said("It is 28."), other=Said("28"))
    text, used, usage = await here.ask(CONSENSUS)
    assert (text, len(here.asked)) == ("28 days", 3)
    assert [each.role for each in used.steps] == ["opinion"] * 3
    assert usage == Usage(30, 15)
    assert "all 3 agree" in used.reason


async def test_differing_opinions_are_joined() -> None:
    """The strongest model writes one answer from all of them."""
    here = house(weak=Said("29"), strong=Said("28"), other=Said("30"))
    _text, used, usage = await here.ask(CONSENSUS)
    assert [each.role for each in used.steps] == ["opinion", "opinion", "opinion", "synthesis"]
    assert '<answer number="3">\n30' in here.asked[-1].messages[0].content
    assert usage == Usage(40, 20)


async def test_a_failed_opinion_is_left_out() -> None:
    """One engine that fails does not fail the consensus; all failing does."""
    here = house(weak=Said("28"), strong=Said("", error=EngineBroke("gone")), other=Said("28"))
    assert (await here.ask(CONSENSUS))[0] == "28"
    broken = Said("", error=EngineBroke("gone"))
    with pytest.raises(EngineBroke):
        await house(weak=broken, strong=broken, other=broken).ask(CONSENSUS)


async def test_the_same_model_twice_is_one_opinion() -> None:
    """Two engines with one model count once."""
    here = house(weak=Said("28"), strong=Said("28"), other=Said("28"))
    here.order = (WEAK, replace(WEAK, engine="b"), STRONG)
    await here.ask(CONSENSUS)
    assert [each.model for each in here.asked] == ["a/weak", "b/strong"]


async def test_single_answers_are_judged_when_wanted() -> None:
    """With post-hoc checks an answer under .70 is asked again of the strongest; at .70 and above not."""
    whole = replace(ASK, stream=False)
    wanted = StrategySettings(post_hoc=True)
    here = house(weak=Said("29", 0.69), strong=Said("28"))
    assert (await here.ask(whole, wanted))[0] == "28"
    here = house(weak=Said("29", 0.71), strong=Said("28"))
    assert (await here.ask(whole, wanted))[0] == "29"


async def test_single_streams_are_not_held_for_judging() -> None:
    """The control: who reads along gets the words as they come, unjudged."""
    here = house(weak=Said("29", 0.1), strong=Said("28"))
    assert (await here.ask(ASK, StrategySettings(post_hoc=True)))[0] == "29"
