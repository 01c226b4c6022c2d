"""Facts about the machine: disk, permissions, ports, tesseract, graphics cards, installed extras."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from inhouse.ops.doctor import GpuFact

__all__ = ["free_bytes", "gpus", "missing_extras", "permissions", "port_holder", "tesseract"]

TIMEOUT_S = 5.0

_EXTRAS = {
    "knowledge": ("tantivy", "kreuzberg", "pypdfium2", "numpy"),
    "local": ("xllamacpp",),
}


def free_bytes(path: Path) -> int:
    """Free space on the disk of a folder that exists."""
    return shutil.disk_usage(path).free


def permissions(path: Path) -> tuple[int, bool]:
    """The mode bits, and whether the folder belongs to the user of this process."""
    status = path.stat()
    return status.st_mode & 0o777, status.st_uid == os.getuid()


def port_holder(port: int, *, proc: Path = Path("/proc")) -> str:
    """Who listens on that port of this machine, e.g. `ollama (process 812)`; empty when nobody does.

    Other users' processes and other systems than Linux give `another program`.
    """
    inodes = set(_listening(port, proc))
    if not inodes:
        return "" if (proc / "net" / "tcp").exists() or not _answers(port) else "another program"
    for folder in proc.glob("[0-9]*"):
        if any(_socket_of(descriptor) in inodes for descriptor in _descriptors(folder)):
            return f"{_name(folder)} (process {folder.name})"
    return "another program"


def _listening(port: int, proc: Path) -> Iterator[str]:
    """Inodes of listening sockets. Source: proc_net_tcp.txt of the Linux kernel (state 0A is LISTEN)."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _descriptors(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:  # not ours, or already gone
        return []


def _socket_of(descriptor: Path) -> str:
    try:
        target = str(descriptor.readlink())
    except OSError:
        return ""
    return target[8:-1] if target.startswith("socket:[") else ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip() or "a program"
    except OSError:
        return "a program"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tesseract() -> tuple[str | None, tuple[str, ...]]:
    """Version and languages; (None, ()) when it is not installed or does not run."""
    version = re.search(r"tesseract v?(\S+)", _output("tesseract", "--version"))
    if version is None:
        return None, ()
    languages = _output("tesseract", "--list-langs").splitlines()[1:]
    return version[1], tuple(sorted(line.strip() for line in languages if line.strip()))


def gpus() -> tuple[GpuFact, ...]:
    """NVIDIA cards. Without `nvidia-smi` the driver names them, but not who uses them."""
    listing = _output("nvidia-smi", "--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits")
    users = _output("nvidia-smi", "--query-compute-apps=gpu_uuid,process_name", "--format=csv,noheader")
    if listing:
        return tuple(_card(line, users) for line in listing.splitlines() if line.count(",") == 2)
    found = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = (re.search(r"Model:\s*(.+)", path.read_text()) for path in found)
    return tuple(GpuFact(name[1].strip() if name else "NVIDIA card", None, None) for name in names)


def _card(line: str, users: str) -> GpuFact:
    uuid, name, memory = (part.strip() for part in line.split(","))
    programs = {user.partition(",")[2].strip() for user in users.splitlines() if user.startswith(uuid)}
    return GpuFact(name, int(memory) if memory.isdigit() else None, tuple(sorted(programs)))


def missing_extras() -> tuple[str, ...]:
    """Extras of the package of which something is not installed; nothing is imported."""
    return tuple(
        extra
        for extra, modules in _EXTRAS.items()
        if any(importlib.util.find_spec(module) is None for module in modules)
    )


def _output(*command: str) -> str:
    """Both streams (tesseract once used the other one); empty when the program is absent or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""
