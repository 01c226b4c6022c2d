"""Whether a model fits, what must go for it, and what a model file says about itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inhouse.gateway.edge.providers.embedded import demo_model
from inhouse.gateway.edge.providers.embedded_memory import GgufShelf, free_gpu, machine
from inhouse.gateway.fit import Machine, Need, fit, fit_named, gigabytes, guess_size, need_of, room_for
from inhouse.gateway.gguf import GgufFacts, read_facts
from inhouse.gateway.memory import (
    Held,
    Plan,
    Rung,
    TooBig,
    ladder,
    make_room,
    usable_bytes,
    variants_of,
)

GB = 10**9
OFFICE = Machine(ram_free_bytes=16 * GB, ram_total_bytes=32 * GB, disk_free_bytes=50 * GB)
CARD = Machine(16 * GB, 32 * GB, 50 * GB, gpu_free_bytes=10 * GB, gpu_total_bytes=12 * GB)


@pytest.mark.parametrize(
    ("need_gb", "on", "word"),
    [
        (8, OFFICE, "fits"),
        (13.6, OFFICE, "fits"),
        (15, OFFICE, "tight"),
        (17, OFFICE, "does not fit"),
        (8, CARD, "fits"),
        (24, CARD, "tight"),
        (27, CARD, "does not fit"),
    ],
)
def test_memory_decides(need_gb: float, on: Machine, word: str) -> None:
    """Up to 85 % of the free memory fits, up to all of it is tight; GPU and main memory count together."""
    verdict = fit(Need(int(need_gb * GB), 0, 0), on)
    assert verdict.word == word
    assert gigabytes(int(need_gb * GB)) in verdict.reason


def test_the_disk_decides_before_a_download() -> None:
    """A file larger than the free disk does not fit, however much memory there is."""
    verdict = fit(Need(5 * GB, 0, 0), OFFICE, download_bytes=60 * GB)
    assert (verdict.word, "60.0 GB" in verdict.reason, "50.0 GB" in verdict.reason) == (
        "does not fit",
        True,
        True,
    )
    assert fit(Need(5 * GB, 0, 0), OFFICE, download_bytes=5 * GB).word == "fits"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("qwen2.5:7b", 4_270_000_000),
        ("llama3.2:1b-instruct-q4_0", 610_000_000),
        ("mixtral:8x7b", 34_160_000_000),
        ("smollm2-135m", 82_350_000),
        ("qwen2.5-0.5b", 305_000_000),
        ("phi3", None),
        ("gpt-4", None),
        ("b2b-bot", None),
    ],
)
def test_sizes_are_guessed_from_names(name: str, size: int | None) -> None:
    """Parameters in a name give about the size of its file; names without give nothing."""
    assert guess_size(name) == size


def test_a_name_is_judged_by_what_is_known() -> None:
    """Its need, else its size, else its name and `about`; else unknown, which is no verdict."""
    assert fit_named("x", OFFICE, need_bytes=2 * GB).reason.startswith("needs 2.0 GB")
    assert fit_named("x:70b", OFFICE, size_bytes=GB).word == "fits"
    guessed = fit_named("x:70b", OFFICE, download=True)
    assert (guessed.word, "about" in guessed.reason) == ("does not fit", True)
    assert fit_named("phi3", OFFICE).word == "unknown"


def test_context_costs_memory() -> None:
    """The need grows by the cache of each token; `room_for` is its inverse, in steps of 256."""
    facts = GgufFacts(layers=28, kv_bytes_per_token=57_344, vocabulary=152_064, embedding_length=3584)
    small, large = need_of(4 * GB, 4096, facts), need_of(4 * GB, 8192, facts)
    assert large.total_bytes - small.total_bytes == 4096 * 57_344
    assert small.overhead_bytes > 300_000_000
    context = room_for(large.total_bytes, 4 * GB, facts)
    assert context == 8192
    assert room_for(3 * GB, 4 * GB, facts) == 0


def held(name: str, gb: float, *, busy: bool = False, kept: bool = False, used: float = 0.0) -> Held:
    """A loaded model, half of which are weights."""
    return Held(name, int(gb * GB), int(gb * GB / 2), busy, kept, used)


def test_mapped_weights_are_no_free_memory() -> None:
    """What the system calls available holds the weights of loaded models; reserve and limit come off too."""
    assert usable_bytes(10 * GB, 20 * GB, []) == 9 * GB
    assert usable_bytes(10 * GB, 20 * GB, [held("a", 4)]) == 7 * GB
    assert usable_bytes(10 * GB, 20 * GB, [held("a", 4)], limit_bytes=5 * GB) == GB
    assert usable_bytes(10**6, 20 * GB, []) == 0


@pytest.mark.parametrize(
    ("need_gb", "models", "evicted"),
    [
        (2, [held("a", 4, used=1), held("b", 4, used=2)], ()),
        (5, [held("a", 4, used=1), held("b", 4, used=2)], ("a",)),
        (5, [held("a", 4, used=3), held("b", 4, used=2)], ("b",)),
        (5, [held("a", 4, kept=True, used=1), held("b", 4, used=2)], ("b",)),
        (5, [held("a", 4, busy=True, used=1), held("b", 4, used=2)], ("b",)),
        (10, [held("a", 4, used=1), held("b", 4, used=2)], ("a", "b")),
        (6, [held("a", 1, used=1), held("b", 4, used=2)], ("b",)),
    ],
)
def test_as_few_as_do_are_unloaded(need_gb: float, models: list[Held], evicted: tuple[str, ...]) -> None:
    """Least recently used first, kept ones last, busy ones never, and none that need not go."""
    assert make_room(Rung("m", 0, int(need_gb * GB)), 2 * GB, models) == Plan(evicted)


def test_what_does_not_fit_says_why() -> None:
    """The need, what can be had, and who is at work; `busy` only where waiting would help."""
    models = [held("a", 4, busy=True), held("b", 2)]
    waiting = make_room(Rung("m", 0, 7 * GB), 2 * GB, models)
    assert waiting == TooBig("needs 7.0 GB, and 4.0 GB can be had while `a` is at work", busy=True)
    never = make_room(Rung("m", 0, 20 * GB), 2 * GB, models)
    assert isinstance(never, TooBig)
    assert not never.busy


def test_the_ladder_goes_down() -> None:
    """The wish, half the context as long as the request fits, variants, at last the processor alone."""
    wish, small = Rung("big", 8192, 10 * GB), Rung("small", 8192, 4 * GB, remark="as the smaller `small`")
    rungs = ladder(wish, [small], needed_tokens=2000, per_token_bytes=10**6)
    assert [(each.model, each.context_tokens, each.on_cpu) for each in rungs] == [
        ("big", 8192, False),
        ("big", 4096, False),
        ("big", 2048, False),
        ("small", 8192, False),
        ("big", 2048, True),
    ]
    assert rungs[1].need_bytes == 10 * GB - 4096 * 10**6
    assert all(each.remark for each in rungs[1:])
    cpu = ladder(Rung("big", 1024, GB, on_cpu=True), [], needed_tokens=900, per_token_bytes=1)
    assert [each.context_tokens for each in cpu] == [1024]


def test_variants_are_of_the_same_name() -> None:
    """Smaller ones with the same stem, largest first; another model is no variant."""
    sizes = {"qwen2.5-7b-q8_0": 8, "qwen2.5:7b": 4, "qwen2.5-3b-instruct": 2, "qwen3-4b": 3, "llama3.2:3b": 2}
    assert variants_of("qwen2.5-7b-q8_0", sizes) == ["qwen2.5:7b", "qwen2.5-3b-instruct"]
    assert variants_of("qwen2.5-3b-instruct", sizes) == []


def text(value: str) -> bytes:
    """A string as GGUF writes it."""
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(**more: bytes) -> bytes:
    """A small, sound head of a file: two layers, four heads of which two are for keys, 100 tokens."""
    said = {
        "general.architecture": struct.pack("<I", 8) + text("llama"),
        "general.file_type": struct.pack("<II", 4, 15),
        "llama.block_count": struct.pack("<II", 4, 2),
        "llama.embedding_length": struct.pack("<II", 4, 64),
        "llama.attention.head_count": struct.pack("<II", 4, 4),
        "llama.attention.head_count_kv": struct.pack("<II", 4, 2),
        "llama.context_length": struct.pack("<II", 4, 4096),
        "tokenizer.ggml.tokens": struct.pack("<IIQ", 9, 8, 3) + text("a") + text("b") + text("c"),
        "tokenizer.ggml.scores": struct.pack("<IIQ3f", 9, 6, 3, 0.0, 1.0, 2.0),
        "tokenizer.chat_template": struct.pack("<I", 8) + text("{% if tools %}{% endif %}<think>"),
    } | {name.replace("__", "."): value for name, value in more.items()}
    tensor = text("w") + struct.pack("<IQQIQ", 2, 64, 100, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(said))
    return head + b"".join(text(name) + value for name, value in said.items()) + tensor


def test_facts_are_read() -> None:
    """Shape, size, quantisation and template of a sound head."""
    facts = read_facts(gguf())
    assert (facts.family, facts.quantization, facts.layers) == ("llama", "Q4_K_M", 2)
    assert (facts.parameters, facts.parameter_size, facts.vocabulary) == (6400, "6.4K", 3)
    assert facts.kv_bytes_per_token == 2 * 2 * 2 * (16 + 16)
    assert (facts.context_tokens, facts.calls_tools, facts.thinks, facts.embeds_only) == (
        4096,
        True,
        True,
        False,
    )


def test_heads_per_layer_are_summed_and_pooling_means_vectors() -> None:
    """Hybrid models have key heads in some layers only; a pooling type marks a model for vectors."""
    per_layer = struct.pack("<IIQII", 9, 4, 2, 0, 2)
    facts = read_facts(
        gguf(llama__attention__head_count_kv=per_layer, llama__pooling_type=struct.pack("<II", 4, 1))
    )
    assert facts.kv_bytes_per_token == 2 * 2 * (16 + 16)
    assert facts.embeds_only


def test_damaged_heads_are_errors_and_nothing_else() -> None:
    """Every cut, and every byte that is changed, gives facts or a `ValueError`."""
    sound = gguf()
    for end in range(len(sound)):
        with pytest.raises(ValueError, match=r"GGUF|damaged|version"):
            read_facts(sound[:end])
    for place in range(len(sound)):
        bent = bytearray(sound)
        bent[place] ^= 0xFF
        try:
            read_facts(bytes(bent))
        except ValueError as error:
            assert str(error)  # noqa: PT017  both ends are allowed, no third one


@pytest.mark.parametrize(
    "values",
    [
        [struct.pack("<IQ", 8, 1 << 20) + b"x" * (1 << 20)] * 6,
        [struct.pack("<IIQ", 9, 8, 900) + struct.pack("<Q", 0) * 900] * 6,
        [struct.pack("<IIQ", 9, 10, 900) + b"\xff" * 7200] * 6,
    ],
    ids=["texts", "arrays of texts", "arrays of numbers"],
)
def test_a_head_is_bounded_as_a_whole(values: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Many entries that are each just allowed must not fill the memory or keep us counting."""
    sound = gguf(**{f"x{number}": value for number, value in enumerate(values)})
    read_facts(sound)  # control: allowed as long as the caps are what they are
    monkeypatch.setattr("inhouse.gateway.gguf._MOST_TEXT_BYTES", 4 << 20)
    monkeypatch.setattr("inhouse.gateway.gguf._MOST_ITEMS", 4000)
    with pytest.raises(ValueError, match="damaged"):
        read_facts(sound)


def test_a_size_that_no_model_has_is_damage() -> None:
    """Eight dimensions of 64 bits make a number that no other program reads."""
    entry = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    tensor = text("w") + struct.pack("<I4QIQ", 4, *[1 << 63] * 4, 0, 0)
    with pytest.raises(ValueError, match="damaged"):
        read_facts(b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + entry + tensor)


def test_the_shelf_reads_a_file_once_and_again_when_it_changed(tmp_path: Path) -> None:
    """Facts by file; None for what is no GGUF file."""
    path, shelf = tmp_path / "m.gguf", GgufShelf()
    path.write_bytes(b"no model")
    assert shelf.known(path) is None
    assert shelf.facts(path) is None
    path.write_bytes(gguf())
    first = shelf.facts(path)
    assert first is not None
    assert shelf.facts(path) is first
    assert shelf.known(path) is first


def test_the_demo_model_has_its_own_shape() -> None:
    """A real file: SmolLM2 135M."""
    model = demo_model()
    assert model is not None
    facts = GgufShelf().facts(model.path)
    assert facts is not None
    assert (facts.parameter_size, facts.layers, facts.kv_bytes_per_token) == ("134.5M", 30, 23_040)
    assert (facts.context_tokens, facts.calls_tools) == (8192, False)


def test_memory_of_a_machine_and_of_a_container(tmp_path: Path) -> None:
    """Linux's own words; the limit of a container counts where it is less, in both versions of cgroups."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (groups / "memory").mkdir(parents=True)
    proc.mkdir()
    (proc / "meminfo").write_text("MemTotal:  8000000 kB\nMemFree: 1 kB\nMemAvailable:  4000000 kB\n")
    bare = machine(tmp_path, proc=proc, cgroup=groups)
    assert (bare.ram_free_bytes, bare.ram_total_bytes) == (4_000_000 << 10, 8_000_000 << 10)
    assert bare.disk_free_bytes is not None
    (groups / "memory.max").write_text("max\n")
    assert machine(proc=proc, cgroup=groups).ram_total_bytes == 8_000_000 << 10
    (groups / "memory.max").write_text("1000\n")
    (groups / "memory.current").write_text("700\n")
    (groups / "memory.stat").write_text("anon 5\ninactive_file 100\n")
    assert machine(proc=proc, cgroup=groups).ram_free_bytes == 400
    (groups / "memory.max").unlink()
    (groups / "memory" / "memory.limit_in_bytes").write_text("900\n")
    (groups / "memory" / "memory.usage_in_bytes").write_text("800\n")
    (groups / "memory" / "memory.stat").write_text("total_inactive_file 50\n")
    limited = machine(proc=proc, cgroup=groups)
    assert (limited.ram_free_bytes, limited.ram_total_bytes) == (150, 900)


def test_cards_are_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nvidia-smi` tells in MiB; without it, or when it fails, nothing is known."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert free_gpu() is None
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '1000, 8000'\necho '500, 4000'\n")
    tool.chmod(0o755)
    assert free_gpu() == (1500 << 20, 12_000 << 20)
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert free_gpu() is None
