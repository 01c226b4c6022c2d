"""The main job without a network: inside a namespace that has nothing but loopback.

    python -m bench.offline

Takes the sample company into a fresh home, asks and searches in both languages in the terminal, serves,
loads the page and asks over HTTP. Prints what was done and the time each step took; ends with 1 when an
answer lacks its document or a quote is not verified. Linux only: needs `unshare` (util-linux) and the
right to make a namespace. The control comes first: an address outside must be unreachable.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INHOUSE = Path(sys.executable).parent / "inhouse"
OUTSIDE = ("192.0.2.1", 443)
"""An address that is reserved for documentation (RFC 5737)."""

QUESTIONS = (
    ("Какая гарантия на петли и направляющие?", "sales/garantiynye-usloviya.pdf"),
    ("How long is a VPN profile valid?", "it/vpn-guide.md"),
)


def raise_loopback() -> None:
    """Bring `lo` up, which is down in a new namespace (SIOCSIFFLAGS with IFF_UP, netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, 0x8914, struct.pack("16sh", b"lo", 0x1))


def prove_offline() -> None:
    """Fail unless `lo` is the only interface and an address outside cannot be reached."""
    names = [name for _index, name in socket.if_nameindex()]
    assert names == ["lo"], f"not alone: {names}"
    with socket.socket() as probe:
        probe.settimeout(2)
        code = probe.connect_ex(OUTSIDE)
    assert code != 0, "the outside can be reached"
    print(f"control: interfaces {names}, {OUTSIDE[0]}: {os.strerror(code)}")


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long a step took."""
    started = time.perf_counter()
    yield
    print(f"{what:42} {time.perf_counter() - started:7.2f} s", flush=True)


def inhouse(*arguments: str) -> str:
    """What the command prints; its messages are shown only when it fails."""
    result = subprocess.run(
        [INHOUSE, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def check_answer(answer: dict[str, object], document: str) -> None:
    """The document is cited, and every citation is verified."""
    sentences = answer["sentences"]
    assert isinstance(sentences, list)
    citations = [citation for sentence in sentences for citation in sentence["citations"]]
    assert citations, f"no citation for {document}"
    assert all(citation["verified"] for citation in citations)
    assert document in {citation["document"] for citation in citations}, [c["document"] for c in citations]


def use_the_page() -> None:
    """Serve on a free port, load the page and ask over HTTP."""
    server = subprocess.Popen([INHOUSE, "up", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        with timed("start to address"):
            address = server.stdout.readline().rsplit(" ", 1)[-1].strip()
        with timed("GET /, /health"):
            for path in ("/", "/health"):
                with urllib.request.urlopen(address + path, timeout=10) as reply:
                    assert reply.status == 200
        for question, document in QUESTIONS:
            body = json.dumps({"question": question}).encode()
            request = urllib.request.Request(f"{address}/app/ask", body, {"content-type": "application/json"})
            with timed("POST /app/ask"), urllib.request.urlopen(request, timeout=60) as reply:
                events = reply.read().decode().split("\n\n")
            (done,) = [event for event in events if event.startswith("event: done")]
            check_answer(json.loads(done.split("data: ", 1)[1]), document)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        if server.stdout is not None:
            server.stdout.close()


def inside() -> None:
    """The whole job, in the namespace."""
    raise_loopback()
    prove_offline()
    with tempfile.TemporaryDirectory() as home:
        os.environ["INHOUSE_HOME"] = home
        with timed("ingest sample/company"):
            inhouse("ingest", str(ROOT / "sample" / "company"), "--source", "sample")
        for question, document in QUESTIONS:
            with timed("ask"):
                answer = json.loads(inhouse("ask", question, "--json"))
            check_answer(answer, document)
            with timed("search"):
                results = json.loads(inhouse("search", question, "--json"))["results"]
            assert document in {result["document"] for result in results}
        use_the_page()
    print(f"offline: all of it worked, n = {2 * len(QUESTIONS)} answers, every citation verified")


def main() -> int:
    """Enter a namespace, then do the job there."""
    if sys.argv[1:2] == ["--inside"]:
        inside()
        return 0
    unshare = shutil.which("unshare")
    if unshare is None:
        print("needs unshare (Debian: apt-get install util-linux)", file=sys.stderr)
        return 3
    here = [sys.executable, "-m", "bench.offline", "--inside"]
    return subprocess.run([unshare, "--map-root-user", "--net", *here], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
