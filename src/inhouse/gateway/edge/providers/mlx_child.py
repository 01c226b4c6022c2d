"""Runs `mlx_lm.server` on a random loopback port, and ends it with its parent.

    python -m inhouse.gateway.edge.providers.mlx_child

Its first line on stdin is a JSON object with `parent` (a process id). Its only line on stdout is
`{"address": "http://127.0.0.1:PORT"}`, once it listens; models are loaded by the first request that names
one. It ends when stdin ends. All that MLX has to say goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from http.server import HTTPServer
from typing import IO

from inhouse.gateway.edge.providers.embedded_child import die_with_parent, end_with_stdin

__all__ = ["main"]


def main() -> int:
    """Serve until stdin ends; return the exit code."""
    order = json.loads(sys.stdin.readline())
    die_with_parent(order["parent"])
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    _tell_port(answer)
    server = importlib.import_module("mlx_lm.server")
    sys.argv = ["mlx_lm.server", "--host", "127.0.0.1", "--port", "0", "--log-level", "WARNING"]
    server.main()
    return 0


def _tell_port(answer: IO[str]) -> None:
    """Print the address once the server listens there: it takes a free port, but tells nobody which."""
    listen = HTTPServer.server_activate

    def listen_and_tell(self: HTTPServer) -> None:
        listen(self)
        answer.write(json.dumps({"address": f"http://127.0.0.1:{self.server_port}"}) + "\n")
        answer.close()

    HTTPServer.server_activate = listen_and_tell  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    sys.exit(main())
