#!/bin/sh
# Writes the lock files: exact versions with hashes for every platform, without the address of any index,
# so that they install from any mirror. Needs `uv` (UV=... names one). Run by `make lock`.
set -eu
uv=${UV:-uv}
if ! command -v "$uv" >/dev/null; then
    echo "error: make lock needs uv" >&2
    echo "hint: pip install uv, or make lock UV=/path/to/uv" >&2
    exit 3
fi
compile() {
    output=$1
    shift
    "$uv" pip compile "$@" --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header --output-file "$output"
}
compile requirements.lock pyproject.toml --extra knowledge --extra local
compile requirements-dev.lock pyproject.toml --extra knowledge --extra local --extra sources --group dev \
    --constraint requirements.lock
compile requirements-build.lock requirements-build.in --constraint requirements-dev.lock
compile requirements-model.lock requirements-model.in --no-deps
if grep -n '://' requirements*.lock; then
    echo "error: an address got into a lock file" >&2
    exit 1
fi
