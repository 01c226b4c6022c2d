"""Prints how many packages an installation brings and how large they are on disk.

    python -m bench.install_size

Installs into temporary environments from `requirements.lock`, so the figures are those of the versions
that people get: first the base (gateway, terminal, pages), then with the extras [knowledge,local]. Needs
pip to reach an index or a folder of wheels. Sizes are apparent bytes (1 MB = 1,000,000), once without and
once with the compiled `.pyc` files that pip writes; pip itself is not counted. Promise: base at most
50 packages and 85 MB.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES_MAX = 50
MEGABYTES_MAX = 85.0


def install(folder: Path, extras: str) -> Path:
    """An environment with this checkout installed; returns its site-packages."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = folder / "constraints.txt"
    pins = re.findall(
        r"^[a-z0-9][^\\\n]*==[^\\\n]*", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
    )
    constraints.write_text("\n".join(pins), "utf-8")
    subprocess.run([*pip, "--constraint", str(constraints), f"{ROOT}{extras}"], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    return site


def measure(site: Path) -> tuple[int, int, int]:
    """Packages, bytes without and bytes with compiled files; inhouse itself is counted, pip is not."""
    packages = plain = compiled = 0
    for package in importlib.metadata.distributions(path=[str(site)]):
        if package.metadata["Name"].lower() in {"pip", "setuptools"}:
            continue
        packages += 1
        for file in package.files or ():
            path = Path(str(package.locate_file(file)))
            if path.is_file():
                compiled += path.stat().st_size
                plain += 0 if path.suffix == ".pyc" else path.stat().st_size
    return packages, plain, compiled


def main() -> int:
    """Exit code 1 when the base is over what was promised."""
    with tempfile.TemporaryDirectory() as scratch:
        print(f"{'install':32} {'packages':>8} {'MB':>8} {'MB with .pyc':>13}")
        for name, extras in (("base", ""), ("[knowledge,local]", "[knowledge,local]")):
            packages, plain, compiled = measure(install(Path(scratch) / name, extras))
            print(f"{name:32} {packages:8} {plain / 1e6:8.1f} {compiled / 1e6:13.1f}", flush=True)
            if name == "base":
                over = packages > PACKAGES_MAX or compiled / 1e6 > MEGABYTES_MAX
                print(f"{'promised for base':32} {PACKAGES_MAX:8} {'':8} {MEGABYTES_MAX:13.1f}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
