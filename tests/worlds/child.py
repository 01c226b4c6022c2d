"""A stand-in for the embedded engine's child process, with the same manners or worse ones.

    python child.py serve|fail|hang|deaf|stall|mlx|starve|oom [LIMIT FILE]

`stall` gives two pieces of every answer and then nothing; `deaf` does not end with its stdin; `mlx` has the
manners of `mlx_child`. `starve` cannot allocate, and `oom` is killed by the system in the middle of loading,
when more than LIMIT tokens of context are wanted; both write a line to FILE whenever that happens.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.worlds.engines import FakeEngine, Kind


async def serve(mode: str, key: str) -> None:
    """Answer chats until stdin ends."""
    kind: Kind = "mlx" if mode == "mlx" else "llama.cpp"
    async with FakeEngine(kind, "stall" if mode == "stall" else "none", key=key).running() as fake:
        print(json.dumps({"address": fake.url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Read the order, then behave."""
    mode, order = sys.argv[1], json.loads(sys.stdin.readline())
    assert order["parent"] == os.getppid()
    if "path" in order:
        assert order["path"].endswith(".gguf")
        assert order["threads"] >= 1
        assert os.environ["OMP_WAIT_POLICY"] == "passive"
    else:
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert "OPENAI_API_KEY" not in os.environ
    if mode in ("starve", "oom") and order["context_tokens"] > int(sys.argv[2]):
        with Path(sys.argv[3]).open("a") as fired:
            fired.write(f"{order['alias']} {order['context_tokens']}\n")
        if mode == "oom":
            print("0.01 I load_tensors: loading", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        print("0.01 E ggml: failed to allocate CPU buffer of size 9000000000", file=sys.stderr)
        sys.exit(1)
    if mode == "fail":
        print("0.00 I srv: loading\n0.01 E gguf: not a model\n0.02 E srv: giving up", file=sys.stderr)
        sys.exit(1)
    if mode != "deaf":
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    if mode == "hang":
        threading.Event().wait()
    asyncio.run(serve(mode, order.get("key", "")))


if __name__ == "__main__":
    main()
