"""Makes `.venv/` hold exactly what the lock files say, and does nothing when it already does.

    python tools/environment.py run     what the product needs, and the demo model
    python tools/environment.py test    that, and what its tests need

Runs with the machine's own Python and needs nothing but the standard library. Every package is checked
against the hash in its lock file; where packages come from is the business of pip's own settings.
Exit codes: 0 ready, 1 an installation failed, 3 the machine lacks something (the message names it).
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"

MODEL = "requirements-model.lock"
LOCKS = {
    "run": ("requirements-build.lock", "requirements.lock"),
    "test": ("requirements-build.lock", "requirements-dev.lock"),  # holds all of requirements.lock
}


def fingerprint(names: tuple[str, ...]) -> str:
    """A hash of everything that decides what is in the environment."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in (*names, MODEL, "pyproject.toml", "src/inhouse/__init__.py"):
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def is_ready(kind: str) -> bool:
    """True when a stamp of this kind, or of a larger one, was set for the present lock files."""
    kinds = ("run", "test") if kind == "run" else ("test",)
    stamps = [(ENVIRONMENT / f".ready-{each}", each) for each in kinds]
    return works() and any(
        stamp.is_file() and stamp.read_text("utf-8") == fingerprint(LOCKS[each]) for stamp, each in stamps
    )


def works() -> bool:
    """True when the environment's Python starts and has pip."""
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def create() -> None:
    """Make the environment, over whatever half of one is there."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        say(f"error: {sys.executable} (Python {version}) has no venv module")
        say(f"hint: Debian or Ubuntu: apt-get install python{version}-venv")
        sys.exit(3)
    say(f"making .venv with Python {sys.version.split()[0]}")
    venv.create(ENVIRONMENT, with_pip=True, clear=True)


def install(*arguments: str) -> None:
    """Run pip in the environment; end with 1 if it fails, after what pip itself said."""
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    if subprocess.run([*command, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
        say(f"error: could not install: pip install {' '.join(arguments)}")
        say("hint: pip must reach a package index or a folder of wheels: docs/guides/install.md")
        sys.exit(1)


def say(line: str) -> None:
    """One line for the person, before anything slow starts."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> None:
    """Bring the environment up to date."""
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in LOCKS:
        say("usage: environment.py run|test")
        sys.exit(2)
    if is_ready(kind):
        return
    if not works():
        create()
    for lock in LOCKS[kind]:
        say(f"installing the packages of {lock} (once)")
        install("--require-hashes", "-r", lock)
    say("installing inhouse and the demo model (once)")
    install("--no-deps", "--no-index", "--no-build-isolation", "--editable", ".")
    install("--no-deps", "--require-hashes", "-r", MODEL)
    (ENVIRONMENT / f".ready-{kind}").write_text(fingerprint(LOCKS[kind]), "utf-8")


if __name__ == "__main__":
    main()
