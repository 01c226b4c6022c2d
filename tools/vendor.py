"""Fetch the page's third-party modules and write them, with their proofs, below `static/vendor/`.

Run it by hand when a version in `MODULES` changes: `python tools/vendor.py`. It needs `npm` and a
registry that `npm` is set up for; nothing at run time or in the tests does.

The page has no build step and its content-security policy forbids an inline import map, so bare
specifiers (`from "preact"`) are rewritten to relative paths here. `VENDOR.toml` keeps two hashes per
file: of the file as published, and of the file as served. Source-map comments are dropped, because the
maps are not shipped and a browser's tools would ask for them.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "src/inhouse/serve/static/vendor"


@dataclass(frozen=True, slots=True)
class Module:
    """One file of one published package. `specifier` is how other modules import it."""

    package: str
    version: str
    licence: str
    upstream: str
    file: str
    specifier: str
    licence_file: str = "LICENSE"


MODULES = (
    Module("preact", "11.2.0", "MIT", "dist/preact.mjs", "preact.js", "preact"),
    Module("preact", "11.2.0", "MIT", "hooks/dist/hooks.mjs", "preact-hooks.js", "preact/hooks"),
    Module("htm", "3.1.1", "Apache-2.0", "dist/htm.mjs", "htm.js", "htm"),
    Module(
        "@preact/signals-core",
        "1.14.5",
        "MIT",
        "dist/signals-core.mjs",
        "signals-core.js",
        "@preact/signals-core",
    ),
    Module("@preact/signals", "2.11.4", "MIT", "dist/signals.mjs", "signals.js", "@preact/signals"),
    Module("marked", "18.2.1", "MIT", "lib/marked.esm.js", "marked.js", "marked"),
    Module("dompurify", "3.4.18", "MPL-2.0 OR Apache-2.0", "dist/purify.es.mjs", "purify.js", "dompurify"),
)


def rewrite(source: str) -> str:
    """Point bare specifiers at the files beside this one and drop the source-map comment."""
    for module in MODULES:
        quoted = re.escape(module.specifier)
        source = re.sub(rf"""(\bfrom\s*|\bimport\s*)(["']){quoted}\2""", rf'\1"./{module.file}"', source)
    return re.sub(r"^//# sourceMappingURL=.*\n?", "", source, flags=re.MULTILINE)


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def unpack(module: Module, folder: Path) -> Path:
    """Fetch one package with npm's own client and return the folder of its files."""
    target = folder / f"{module.package.replace('/', '-')}-{module.version}"
    if not target.exists():
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{module.package}@{module.version}"],
            cwd=folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
            archive.extractall(target, filter="data")
    return target / "package"


def entry(module: Module, upstream: bytes, served: bytes) -> str:
    """One table of VENDOR.toml."""
    return "\n".join(
        (
            "[[module]]",
            f'name = "{module.package}"',
            f'version = "{module.version}"',
            f'licence = "{module.licence}"',
            f'licence_file = "{licence_name(module)}"',
            f'file = "{module.file}"',
            f'upstream_file = "{module.upstream}"',
            f'upstream_sha256 = "{sha256(upstream)}"',
            f'sha256 = "{sha256(served)}"',
            "",
        )
    )


def licence_name(module: Module) -> str:
    return f"LICENSE.{module.package.removeprefix('@').replace('/', '-')}"


def main() -> int:
    """Write every module, its licence and VENDOR.toml; print one line per file."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    tables = [
        "# Written by tools/vendor.py; the files are checked against it by tests/browser/test_static.py.\n"
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for module in MODULES:
            package = unpack(module, Path(scratch))
            upstream = (package / module.upstream).read_bytes()
            served = rewrite(upstream.decode()).encode()
            (VENDOR / module.file).write_bytes(served)
            (VENDOR / licence_name(module)).write_bytes((package / module.licence_file).read_bytes())
            tables.append(entry(module, upstream, served))
            sys.stdout.write(f"{module.package} {module.version} -> {module.file} ({len(served)} bytes)\n")
    (VENDOR / "VENDOR.toml").write_text("\n".join(tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
