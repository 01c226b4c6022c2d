"""Gateways before the same engine, under the same load, in one run: direct, nginx, LiteLLM, Portkey, ours.

    python -m bench.gateway [SECONDS] [direct|nginx|litellm|portkey|passed|translated ...]

The gateway runs on core 1, the engine (`bench.mock_engine`) and the client (`bench.load`) on core 0. Ours
has every duty on: a key, its limits and the house's, a budget, routing, journal, ledger. LiteLLM and Portkey
are installed into environments of their own below the cache folder (INHOUSE_BENCH_CACHE, else the system's
temporary folder); one that cannot be installed is said to be missing. Rounds alternate, medians are printed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.mock_engine import MODEL

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("INHOUSE_BENCH_CACHE", Path(tempfile.gettempdir()) / "inhouse-bench-cache"))
LITELLM, PORTKEY = "1.106.2", "1.15.2"
KEY = "sk-" + "0123456789abcdef" * 2
"""LiteLLM refuses to start with a short one."""
ROUNDS = 3
TEXT = "The quick brown fox jumps over the lazy dog. " * 24
READY_S = 120.0
NO_NETWORK = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_MODE": "PRODUCTION",
    "NODE_ENV": "production",
}


@dataclass
class Target:
    """One thing to measure: how it is started, where it is asked, and what it needs in the request."""

    name: str
    command: list[str] = field(default_factory=list)
    port: int = 0
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    health: str = "/health/live"
    streams: bool = True
    missing: str = ""


@dataclass
class Figures:
    """What was measured of one target; lists hold one value per round."""

    start_s: float = 0.0
    idle_mb: float = 0.0
    end_mb: float = 0.0
    values: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    told: str = ""

    def add(self, name: str, value: float) -> None:
        """One more round."""
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """Of all rounds; NaN without any."""
        found = self.values.get(name)
        return statistics.median(found) if found else float("nan")


def main() -> None:
    """Measure, print."""
    words = sys.argv[1:]
    seconds = float(words.pop(0)) if words and words[0].replace(".", "").isdigit() else 4.0
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        engine = stack.enter_context(mock(0.0))
        figures: dict[str, Figures] = {}
        for key, make in makers(folder, engine).items():
            if words and key not in words:
                continue
            target = make()
            if target.missing:
                print(f"{target.name}: missing ({target.missing})", flush=True)
                continue
            try:
                figures[target.name] = measure(target, folder, seconds)
            except (TimeoutError, OSError) as error:
                print(f"{target.name}: not measured ({error})", flush=True)
        show(figures, seconds)


def makers(folder: Path, engine: int) -> dict[str, Callable[[], Target]]:
    """What makes each target, by the word that chooses it, in order."""
    return {
        "direct": lambda: Target("direct", port=engine),
        "nginx": lambda: nginx(folder, engine),
        "litellm": lambda: litellm(folder, engine),
        "portkey": lambda: portkey(engine),
        "passed": lambda: ours("inhouse, passed through", folder / "passed", engine),
        "translated": lambda: ours("inhouse, translated", folder / "translated", engine, path="/api/chat"),
    }


def ours(name: str, home: Path, engine: int, path: str = "/v1/chat/completions") -> Target:
    """The gateway alone over the engine."""
    home.mkdir()
    (home / "inhouse.toml").write_text(
        '[engines]\nprobe_local_ports = false\nembedded = "off"\n'
        f'[[engine]]\nname = "mock"\nkind = "openai"\nprofile = "vllm"\nurl = "http://127.0.0.1:{engine}"\n'
        # A budget of the key and limits that are looked at and never reached.
        '[[budget]]\nscope = "key"\nname = "*"\nperiod = "month"\nlimit = 100\n'
        "[limits]\nhouse_requests_per_minute = 100000000\nhouse_tokens_per_minute = 100000000000\n"
    )
    environment = {"INHOUSE_HOME": str(home)}
    made = subprocess.run(
        [sys.executable, "-m", "inhouse", "keys", "add", "--name", "bench", "--rpm", "100000000"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {"Authorization": f"Bearer {made.stdout.split()[0]}"}
    port = free_port()
    command = [sys.executable, "-m", "inhouse", "serve", "--role", "gateway", "--port", str(port)]
    return Target(name, command, port, path, headers, environment)


def nginx(folder: Path, engine: int) -> Target:
    """A proxy in C, as the floor."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(binary).exists():
        return Target("nginx", missing="apt-get install nginx-light")
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"""daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
upstream engine {{ server 127.0.0.1:{engine}; keepalive 256; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://engine; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_buffering off; client_max_body_size 8m;
client_body_buffer_size 256k; tcp_nodelay on; }} }} }}"""
    )
    return Target("nginx", [binary, "-c", str(folder / "nginx.conf")], port, health="/v1/models")


def litellm(folder: Path, engine: int) -> Target:
    """LiteLLM's proxy with a master key, no database and no callbacks, one worker."""
    home = CACHE / "litellm"
    missing = ""
    if not (home / "bin" / "litellm").exists():
        missing = install(
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin" / "pip"), "install", "-q", f"litellm[proxy]=={LITELLM}"],
        )
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: http://127.0.0.1:{engine}/v1\n      api_key: none\n"
        f"general_settings:\n  master_key: {KEY}\n"
    )
    command = [
        str(home / "bin" / "litellm"),
        "--config",
        str(config),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    return Target(
        f"LiteLLM {LITELLM}",
        command,
        port,
        headers={"Authorization": f"Bearer {KEY}"},
        health="/health/liveliness",
        missing=missing,
    )


def portkey(engine: int) -> Target:
    """Portkey's open gateway under Node."""
    home = CACHE / "portkey"
    script = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    missing = "" if shutil.which("node") else "node is not installed"
    if not missing and not script.exists():
        home.mkdir(parents=True, exist_ok=True)
        package = f"@portkey-ai/gateway@{PORTKEY}"
        missing = install(["npm", "install", "--silent", "--no-audit", "--prefix", str(home), package])
    port = free_port()
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{engine}/v1",
        "Authorization": "Bearer none",
    }
    command = ["node", str(script), f"--port={port}", "--headless"]
    environment = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    return Target(
        f"Portkey {PORTKEY}",
        command,
        port,
        headers=headers,
        environment=environment,
        health="/",
        missing=missing,
    )


def install(*commands: Sequence[str]) -> str:
    """Empty when all commands went well, else what was said."""
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
        except (OSError, subprocess.SubprocessError) as error:
            return f"{' '.join(command[:4])}: {getattr(error, 'stderr', None) or error}"[:300]
    return ""


def measure(target: Target, folder: Path, seconds: float) -> Figures:
    """All figures of one target."""
    figures = Figures()
    with started(target, figures) as pid:
        time.sleep(2.0)
        figures.idle_mb = resident_mb(pid) if pid else 0.0
        url = f"http://127.0.0.1:{target.port}{target.path}"
        for _ in range(ROUNDS):
            for name, size, stream, connections in (
                ("one", 1, False, 1),
                ("many", 1, False, 32),
                ("long", 31, False, 1),
                ("stream", 1, True, 1),
            ):
                file = folder / "body.json"
                file.write_text(json.dumps(body(size, stream=stream)))
                before = cpu_s(pid)
                found = load(url, file, target.headers, connections, seconds, stream=stream)
                figures.errors += int(str(found["errors"]))
                figures.told = figures.told or str(found["told"])
                figures.add(f"{name} whole", found["whole_ms"][0])
                figures.add(f"{name} p99", found["whole_ms"][2])
                figures.add(f"{name} rate", found["per_second"])
                figures.add(f"{name} n", found["n"])
                figures.add(f"{name} first", found["first_ms"][0])
                figures.add(f"{name} cpu us", (cpu_s(pid) - before) * 1e6 / max(1, found["n"]))
        figures.end_mb = resident_mb(pid) if pid else 0.0
    return figures


def body(size: int, *, stream: bool) -> dict[str, object]:
    """A request; `size` 31 is one overlong prompt of 34 KB."""
    return {"model": MODEL, "messages": [{"role": "user", "content": TEXT * size}], "stream": stream}


# The figures of bench.load are JSON: numbers, lists of numbers and one text.
def load(
    url: str, file: Path, headers: dict[str, str], connections: int, seconds: float, *, stream: bool
) -> dict:  # type: ignore[type-arg]
    """One run of the client."""
    command = [*pinned(0), sys.executable, "-m", "bench.load", url, str(file), str(connections), str(seconds)]
    command += [f"{name}={value}" for name, value in headers.items()] + (["--stream"] if stream else [])
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


@contextmanager
def mock(gap_ms: float) -> Iterator[int]:
    """The engine on core 0; gives its port."""
    command = [*pinned(0), sys.executable, "-m", "bench.mock_engine", "0", str(gap_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as engine:
        assert engine.stdout is not None
        try:
            yield int(engine.stdout.readline())
        finally:
            engine.terminate()


@contextmanager
def started(target: Target, figures: Figures) -> Iterator[int]:
    """The target on core 1, ready; gives its process, 0 for the engine itself."""
    if not target.command:
        yield 0
        return
    began = time.perf_counter()
    environment = os.environ | NO_NETWORK | target.environment
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*pinned(1), *target.command], env=environment, stdout=said, stderr=said, cwd=ROOT
        )
        try:
            await_ready(target, process)
            figures.start_s = time.perf_counter() - began
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_ready(target: Target, process: subprocess.Popen[bytes]) -> None:
    """Until its health page answers 200.

    Raises:
        TimeoutError: if it does not in two minutes, or ends.
    """
    url = f"http://127.0.0.1:{target.port}{target.health}"
    until = time.perf_counter() + READY_S
    while time.perf_counter() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass  # not yet
        time.sleep(0.02)
    raise TimeoutError(f"{target.name} did not answer at {url}")


def show(figures: dict[str, Figures], seconds: float) -> None:
    """The table; added times are against `direct` of the same run."""
    print(f"medians of {ROUNDS} rounds of {seconds:g} s; load average now {os.getloadavg()[0]:.1f}")
    print(
        f"{'':26}{'added ms':>10}{'p99 added':>10}{'34 KB':>8}{'first':>8}{'req/s 32':>10}{'us/req':>8}"
        f"{'idle MB':>9}{'end MB':>8}{'start s':>9}{'n':>9}{'errors':>8}"
    )
    direct = figures.get("direct", Figures())
    for name, each in figures.items():
        print(
            f"{name:26}"
            f"{each.median('one whole') - direct.median('one whole'):10.3f}"
            f"{each.median('one p99') - direct.median('one p99'):10.3f}"
            f"{each.median('long whole') - direct.median('long whole'):8.3f}"
            f"{each.median('stream first') - direct.median('stream first'):8.3f}"
            f"{each.median('many rate'):10.0f}"
            f"{each.median('many cpu us'):8.0f}"
            f"{each.idle_mb:9.0f}{each.end_mb:8.0f}{each.start_s:9.2f}"
            f"{sum(sum(found) for key, found in each.values.items() if key.endswith(' n')):9.0f}"
            f"{each.errors:8}"
        )
        if each.errors:
            print(f"    first error: {each.told[:200]}")
    mine = figures.get("inhouse, passed through")
    for name, each in figures.items():
        if mine is not None and name.startswith(("LiteLLM", "Portkey")):
            ratio = mine.median("many rate") / each.median("many rate")
            print(f"requests per second against {name}: {ratio:.0f} times")


def pinned(core: int) -> list[str]:
    """Words before a command that keep it on one core, where the system can."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def processes(pid: int) -> list[int]:
    """The process and all below it (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = children.read_text().split() if children.exists() else []
    return [pid, *(each for child in below for each in processes(int(child)))]


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all below it (Linux)."""
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in processes(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process and all below it (Linux); 0 without one."""
    if not pid:
        return 0.0
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in processes(pid)]
    return sum(int(each[11]) + int(each[12]) for each in stats) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
