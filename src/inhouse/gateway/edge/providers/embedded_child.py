"""A child process that holds one model of llama.cpp and serves it on a random loopback port.

    python -m inhouse.gateway.edge.providers.embedded_child

Its first line on stdin is a JSON object with `path`, `alias`, `key`, `context_tokens`, `threads` and
`parent` (a process id), and perhaps `parallel`, `gpu` and `embedding`; the key comes this way because
arguments are visible to every user of the machine. Its only line on stdout is
`{"address": "http://127.0.0.1:PORT", "gpu": false}`, once the model answers. It ends when stdin ends, so
it cannot outlive its parent. All that llama.cpp has to say goes to stderr.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["die_with_parent", "end_with_stdin", "main"]

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until stdin ends; return the exit code."""
    order = json.loads(sys.stdin.readline())
    die_with_parent(order["parent"])
    # llama.cpp prints to stdout here and there; only our one line may reach the parent.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # While a model loads nobody reads stdin otherwise, and loading may take a minute.
    threading.Thread(target=end_with_stdin, daemon=True).start()
    try:
        server, has_gpu = _serve(order)
    except RuntimeError as error:
        print(f"embedded engine: {error}", file=sys.stderr)  # noqa: T201  stderr is this program's log
        return 1
    answer.write(json.dumps({"address": server.listening_address, "gpu": has_gpu}) + "\n")
    answer.close()
    threading.Event().wait()
    return 0


def _serve(order: dict[str, Any]) -> tuple[Any, bool]:  # an object of xllamacpp, which has no types
    """The running server, and whether llama.cpp found a GPU."""
    import xllamacpp

    parallel = order.get("parallel", 1)

    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["alias"]}  # otherwise the absolute path is shown as the model's name
    params.n_ctx = order["context_tokens"] * parallel  # it is divided among the slots
    params.n_parallel = parallel
    if not order.get("gpu", True):
        params.n_gpu_layers = 0
    if order.get("embedding", False):
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        # A text that is pooled must be worked on in one piece.
        params.n_batch = params.n_ubatch = order["context_tokens"]
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.ui = False
    params.cors_origins = ""
    params.endpoint_metrics = True
    params.cache_ram_mib = 0  # its default would keep up to 8 GiB of old prompts
    has_gpu = any(device["type"].name.endswith("GPU") for device in xllamacpp.get_device_info())
    return xllamacpp.Server(params), has_gpu


def die_with_parent(parent: int) -> None:
    """Linux ends us when the parent dies, also where a forked brother keeps our stdin open."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def end_with_stdin() -> None:
    """End this process when its standard input ends; never returns."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
