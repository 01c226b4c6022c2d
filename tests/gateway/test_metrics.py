"""How busy and how fast engines are: metrics read, silence respected, our own answers measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.dialects.prometheus import Sample, largest, read_samples, total
from inhouse.gateway.edge.metrics import Meter, scrape
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.fleet import UNKNOWN_LOAD, Engine, Load, Model
from inhouse.gateway.measure import (
    NOTHING_LEARNED,
    Learned,
    after_answer,
    after_load,
    scraped,
    slow,
    with_learned,
)
from inhouse.gateway.profiles import PROFILES, EngineKind
from tests.gateway.house import PATIENT, configured, house
from tests.worlds import load_metrics
from tests.worlds.engines import FakeEngine, Kind

PAGES: list[tuple[EngineKind, str, Load]] = [
    ("vllm", load_metrics.vllm(3, 7, 0.25), Load(running=3, waiting=7, cache_use=0.25)),
    ("vllm", load_metrics.vllm(3, 7, 0.25, engines=2), Load(running=6, waiting=14, cache_use=0.25)),
    ("vllm", load_metrics.vllm_v0(1, 0, 0.5), Load(running=1, waiting=0, cache_use=0.5)),
    ("vllm", "", UNKNOWN_LOAD),
    ("vllm", "vllm:num_requests_running 2\n", Load(running=2)),
    ("sglang", load_metrics.sglang(4, 2, 0.28, ranks=8), Load(running=4, waiting=2, cache_use=0.28)),
    ("llama.cpp", load_metrics.llamacpp(2, 4), Load(running=2, waiting=4)),
    ("mlx", load_metrics.vllm(3, 7, 0.25), UNKNOWN_LOAD),
]


@pytest.mark.parametrize(("kind", "page", "load"), PAGES)
def test_each_engine_in_its_own_words(kind: EngineKind, page: str, load: Load) -> None:
    """Sums over engines, not over ranks; a metric that is missing is unknown and never zero."""
    assert scraped(PROFILES[kind], read_samples(page.encode())) == load


def test_lines_that_are_no_samples_are_left_out() -> None:
    """Comments, garbage, bytes that are no text and figures that are none give nothing; labels are read."""
    page = b'# HELP a b\n\xff\xfe\na\na{ 1\na 1 2 3 4\na nan\na{x="1\\"2,}",y="\\\\n"} 5 1700000000\nb 1e3\n'
    found = read_samples(page)
    assert found == {"a": [Sample(5.0, {"x": '1"2,}', "y": "\\n"})], "b": [Sample(1000.0)]}
    assert (total(None), total([]), largest(None)) == (None, None, None)
    assert total([Sample(2, {"tp_rank": "0"}), Sample(2, {"tp_rank": "1"}), Sample(3, {"dp": "1"})]) == 5


@pytest.mark.parametrize(
    ("kind", "pages", "load"),
    [
        ("vllm", {"/metrics": load_metrics.vllm(1, 2, 0.5)}, Load(running=1, waiting=2, cache_use=0.5)),
        ("sglang", {"/metrics": load_metrics.sglang(1, 2, 0.5)}, Load(running=1, waiting=2, cache_use=0.5)),
        (
            "llama.cpp",
            {"/metrics": load_metrics.llamacpp(1, 0), "/slots": load_metrics.llamacpp_slots(True, False)},
            Load(running=1, waiting=0, slots=2),
        ),
        ("llama.cpp", {"/slots": load_metrics.llamacpp_slots(True, False, True)}, Load(running=2, slots=3)),
        ("llama.cpp", {"/slots": '{"error":"not supported"}'}, UNKNOWN_LOAD),
        ("vllm", {}, UNKNOWN_LOAD),
        ("mlx", {"/metrics": load_metrics.vllm(1, 2, 0.5)}, UNKNOWN_LOAD),
    ],
)
async def test_metrics_reach_the_snapshot(
    tmp_path: Path, kind: Kind, pages: dict[str, str], load: Load
) -> None:
    """What a fake of each engine says stands in the fleet after a look, and in the view."""
    async with FakeEngine(kind, extra=pages).running() as fake, house(tmp_path, configured(fake)) as gateway:
        (engine,) = gateway.board.fleet.engines
        assert engine.load == load
        (view,) = gateway.prober.engines()
        assert (view.load.running, view.load.waiting, view.load.in_flight) == (load.running, load.waiting, 0)


async def test_an_engine_that_is_gone_is_not_an_error() -> None:
    """A page that cannot be had leaves the load unknown."""
    http = HttpClient(PATIENT)
    gone = Engine("v", "vllm", "local", "http://127.0.0.1:9", "up")
    assert await scrape(http, gone) == UNKNOWN_LOAD
    assert await scrape(http, replace(gone, state="down")) == UNKNOWN_LOAD
    await http.close()


def test_speed_is_learned_from_answers() -> None:
    """The first answer counts whole, later ones a fifth; short and whole ones not at all."""
    first = after_answer(NOTHING_LEARNED, output_tokens=101, writing_s=2.0, whole_s=3.0)
    assert first == Learned(tokens_per_s=50.0, request_s=3.0, answers=1)
    second = after_answer(first, output_tokens=101, writing_s=1.0, whole_s=2.0)
    assert second.tokens_per_s == pytest.approx(60.0)
    assert second.request_s == pytest.approx(2.8)
    assert after_answer(first, output_tokens=3, writing_s=1.0, whole_s=3.0).answers == 1
    assert after_answer(first, output_tokens=300, writing_s=0.001, whole_s=3.0).tokens_per_s == 50.0


def test_load_time_is_learned_from_loads() -> None:
    """The last load counts half; the blink that Ollama reports for a loaded model is none."""
    known = after_load(after_load(NOTHING_LEARNED, 10.0), 4.0)
    assert known.load_s == pytest.approx(7.0)
    assert after_load(known, 0.02) == known


def test_an_engine_is_as_fast_as_its_models_usually_are() -> None:
    """Speeds weigh by answers, the longest load counts; without any, what was scraped stays."""
    models = [Learned(10.0, 2.0, 3.0, answers=1), Learned(40.0, 4.0, 30.0, answers=2), Learned()]
    load = with_learned(Load(waiting=1), models)
    assert load == Load(waiting=1, tokens_per_s=30.0, request_s=3.0, load_s=30.0)
    assert with_learned(Load(tokens_per_s=5.0), []) == Load(tokens_per_s=5.0)


def test_under_five_tokens_a_second_is_said() -> None:
    """A slow model is warned of; a fast and an unknown one are not."""
    assert "only 4.2 tokens/s" in slow(4.2)
    assert (slow(5.0), slow(None)) == ("", "")


def test_hits_are_requests_that_found_their_model_loaded() -> None:
    """Counted are local engines that say what is loaded; what answered since the last look is loaded."""
    meter = Meter()
    models = (Model("a", loaded=True), Model("b", loaded=False), Model("c"))
    engine = Engine("ollama", "ollama", "local", "", "up", models)
    assert meter.hits.rate is None
    for name in ("a", "b", "c", "unknown"):
        meter.asked(engine, name)
    meter.asked(replace(engine, where="cloud"), "a")
    assert (meter.hits.asked, meter.hits.warm) == (2, 1)
    meter.answered("ollama", "b", output_tokens=1, writing_s=0.0, whole_s=1.0)
    meter.asked(engine, "b")
    assert (meter.hits.asked, meter.hits.warm) == (3, 2)
    meter.looked()
    meter.asked(engine, "b")
    assert meter.hits.rate == 0.5


async def test_answers_are_measured_on_their_way(tmp_path: Path) -> None:
    """After an answer through dispatch the model's time is known, and the hit is counted."""
    async with FakeEngine("ollama").running() as fake, house(tmp_path, configured(fake)) as gateway:
        await gateway.ask()
        assert gateway.board.meter.of("ollama", "m").request_s is not None
        assert gateway.prober.hits().rate == 1.0
        await gateway.prober.refresh()
        assert gateway.board.fleet.engines[0].load.request_s is not None
