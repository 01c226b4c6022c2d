"""How well prompts are sorted into easy and hard, on the public outcomes of `data/router`.

Prints APGR and CPT of every router on every file, trained ones on prompts they have not seen (five folds),
the targets, and how long one score takes.

    python -m bench.router [DATA_FOLDER]
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.house import data_folder
from inhouse.cli.eval import router_table
from inhouse.gateway.complexity import cold_start, signal_score
from inhouse.gateway.gap_model import learn
from inhouse.gateway.router_eval import read_outcomes

FILES = (
    "routellm_mmlu.jsonl",
    "routellm_gsm8k.jsonl",
    "routellm_mt_bench.jsonl",
    "llmrouter_9models.jsonl",
)
UNTRAINED, TRAINED = 0.58, 0.64
"""APGR on MMLU that has to be reached."""
ROUNDS = 2000


def main() -> None:
    folder = data_folder() / "router"
    read = {folder / name: read_outcomes((folder / name).read_text("utf-8")) for name in FILES}
    for file in router_table(read).files:
        print(f"\n{file.file}: n = {file.n}, weak {file.weak:.3f}, strong {file.strong:.3f}")
        print(f"  {'router':36} {'APGR':>6} {'CPT 50':>7} {'CPT 80':>7}")
        for each in file.routers:
            print(f"  {each.router:36} {each.apgr:6.3f} {_share(each.cpt50):>7} {_share(each.cpt80):>7}")
        if file.file == FILES[0]:
            best = {each.router.partition(" (")[0]: each.apgr for each in file.routers}
            _target("untrained", best["length"], UNTRAINED)
            _target("trained", best["text and task"], TRAINED)
    outcomes = [each.outcome for each in read[folder / FILES[0]]]
    started = time.perf_counter()
    model = learn(outcomes)
    print(f"\nlearning from {len(outcomes)} outcomes: {time.perf_counter() - started:.1f} s")
    prompts = [each.prompt for each in outcomes[:ROUNDS]]
    _speed("length", lambda text: cold_start(text, ""), prompts)
    _speed("signals", signal_score, prompts)
    _speed("text and task", lambda text: model.score(text, ""), prompts)


def _target(name: str, reached: float, wanted: float) -> None:
    print(f"  {name}: {reached:.3f}, target {wanted} {'reached' if reached >= wanted else 'MISSED'}")


def _speed(name: str, router: Callable[[str], float], prompts: list[str]) -> None:
    started = time.perf_counter()
    for prompt in prompts:
        router(prompt)
    print(f"{name}: {(time.perf_counter() - started) / len(prompts) * 1e6:.1f} us a prompt")


def _share(value: float | None) -> str:
    return "?" if value is None else f"{value:.1%}"


if __name__ == "__main__":
    main()
