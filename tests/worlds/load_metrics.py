"""Metrics pages as engines really write them, with the figures that a test wants.

Source: vLLM 0.32 and 0.5 (docs.vllm.ai, "Production Metrics"), SGLang (docs.sglang.io, "Production Metrics"),
llama.cpp build 10549 (seen on a server of ours), 2026-11.
"""

from __future__ import annotations

import json

__all__ = ["llamacpp", "llamacpp_slots", "sglang", "vllm", "vllm_v0"]


def vllm(running: float, waiting: float, cache: float, *, engines: int = 1) -> str:
    """vLLM v1; with data parallelism each engine has a label of its own."""
    lines = []
    for name, words, value in (
        ("num_requests_running", "Number of requests in model execution batches.", running),
        ("num_requests_waiting", "Number of requests waiting to be processed.", waiting),
        ("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", cache),
    ):
        lines += [f"# HELP vllm:{name} {words}", f"# TYPE vllm:{name} gauge"]
        for engine in range(engines):
            lines.append(f'vllm:{name}{{engine="{engine}",model_name="Qwen/Qwen2.5-7B-Instruct"}} {value}')
    lines += [
        "# TYPE vllm:e2e_request_latency_seconds histogram",
        'vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="a b\\"c"} 7.0',
        'vllm:e2e_request_latency_seconds_sum{engine="0",model_name="a b\\"c"} NaN',
    ]
    return "\n".join(lines) + "\n"


def vllm_v0(running: float, waiting: float, cache: float) -> str:
    """vLLM before version 1, which called the cache by the GPU's name."""
    label = '{model_name="m"}'
    return (
        f"vllm:num_requests_running{label} {running}\nvllm:num_requests_waiting{label} {waiting}\n"
        f"vllm:gpu_cache_usage_perc{label} {cache}\nvllm:cpu_cache_usage_perc{label} 0.9\n"
    )


def sglang(running: float, waiting: float, usage: float, *, ranks: int = 1) -> str:
    """SGLang with `--enable-metrics`; every rank of a parallel model repeats the figure."""
    return "".join(
        f'sglang:{name}{{model_name="m",tp_rank="{rank}"}} {value}\n'
        for name, value in (
            ("num_running_reqs", running),
            ("num_queue_reqs", waiting),
            ("token_usage", usage),
        )
        for rank in range(ranks)
    )


def llamacpp(processing: int, deferred: int) -> str:
    """llama.cpp with `--metrics`; it has no figure for its cache."""
    return (
        "# HELP llamacpp:requests_processing Number of requests processing.\n"
        "# TYPE llamacpp:requests_processing gauge\n"
        f"llamacpp:requests_processing {processing}\n"
        f"llamacpp:requests_deferred {deferred}\n"
        "llamacpp:predicted_tokens_seconds 41.3627\n"
    )


def llamacpp_slots(*busy: bool) -> str:
    """`GET /slots`, cut to what matters."""
    slots = [{"id": number, "n_ctx": 2048, "is_processing": at_work} for number, at_work in enumerate(busy)]
    return json.dumps(slots)
