"""What this machine and a model file say about memory: /proc, the limits of a container, nvidia-smi."""

from __future__ import annotations

import mmap
import re
import shutil
import subprocess
import sys
from pathlib import Path

import structlog

from inhouse.gateway.fit import Machine
from inhouse.gateway.gguf import GgufFacts, read_facts

__all__ = ["GgufShelf", "free_gpu", "machine"]

log = structlog.get_logger(__name__)

TOOL_TIMEOUT_S = 5.0
_CGROUP = Path("/sys/fs/cgroup")


def machine(folder: Path | None = None, *, proc: Path = Path("/proc"), cgroup: Path = _CGROUP) -> Machine:
    """Free memory now, and the free space of the disk that holds `folder`; takes milliseconds.

    Inside a container its own limit counts where that is less than the machine has.
    """
    free, total = _linux(proc) if sys.platform == "linux" else _macos()
    for limit, used in (_cgroup2(cgroup), _cgroup1(cgroup)):
        if limit is not None and limit < total:
            free, total = min(free, max(0, limit - used)), limit
    disk = shutil.disk_usage(folder).free if folder is not None and folder.exists() else None
    gpu = free_gpu()
    return Machine(free, total, disk, *(gpu or (None, None)))


def free_gpu() -> tuple[int, int] | None:
    """Free and whole memory of all NVIDIA cards together; None without `nvidia-smi`."""
    if shutil.which("nvidia-smi") is None:
        return None
    said = _output("nvidia-smi", "--query-gpu=memory.free,memory.total", "--format=csv,noheader,nounits")
    cards = [tuple(int(part) << 20 for part in re.findall(r"\d+", line)) for line in said.splitlines()]
    cards = [card for card in cards if len(card) == 2]
    return (sum(card[0] for card in cards), sum(card[1] for card in cards)) if cards else None


def _linux(proc: Path) -> tuple[int, int]:
    said: dict[str, str] = dict(
        re.findall(r"^(\w+):\s+(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE)
    )
    return int(said["MemAvailable"]) << 10, int(said["MemTotal"]) << 10


def _macos() -> tuple[int, int]:
    """Free, inactive and purgeable pages are what a new program can take. Source: vm_stat(1)."""
    total = int(_output("sysctl", "-n", "hw.memsize").strip() or 0)
    said = _output("vm_stat")
    size = re.search(r"page size of (\d+) bytes", said)
    pages = dict(re.findall(r"^Pages ([\w ]+):\s+(\d+)", said, re.MULTILINE))
    free = sum(int(pages.get(name, 0)) for name in ("free", "inactive", "purgeable"))
    return free * int(size[1] if size else 4096), total


def _cgroup2(root: Path) -> tuple[int | None, int]:
    limit, used = _number(root / "memory.max"), _number(root / "memory.current") or 0
    return limit, used - _reclaimable(root / "memory.stat", "inactive_file")


def _cgroup1(root: Path) -> tuple[int | None, int]:
    folder = root / "memory"
    limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes") or 0
    return limit, used - _reclaimable(folder / "memory.stat", "total_inactive_file")


def _reclaimable(path: Path, name: str) -> int:
    try:
        found = re.search(rf"^{name} (\d+)$", path.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _number(path: Path) -> int | None:
    """A limit; None where there is no such file or it says `max`."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


class GgufShelf:
    """Facts of model files, each head read once for as long as its file does not change."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, GgufFacts | None]] = {}

    def facts(self, path: Path) -> GgufFacts | None:
        """The file's facts; None where it is no sound GGUF file, which is said in the log once."""
        status = path.stat()
        mark = (status.st_mtime_ns, status.st_size)
        known = self._known.get(path)
        if known is None or known[:2] != mark:
            known = self._known[path] = (*mark, _read(path))
        return known[2]

    def known(self, path: Path) -> GgufFacts | None:
        """The file's facts where its head was read before; no I/O."""
        known = self._known.get(path)
        return known[2] if known is not None else None


def _read(path: Path) -> GgufFacts | None:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                return read_facts(view)
            finally:
                view.release()
    except (OSError, ValueError) as error:
        log.warning("model_unreadable", path=str(path), reason=str(error))
        return None
