#!/bin/sh
# Runs every script of bench/, one after the other, and says at the end which ones failed.
# The first argument is the folder with the question files; scripts that need it say so when it is absent.
set -u
failed=
for script in bench/*.py; do
    grep -q '__main__' "$script" || continue
    name=$(basename "$script" .py)
    # What others start: an engine, and a client.
    case $name in load | mock_engine) continue ;; esac
    echo "== $name"
    .venv/bin/python -m "bench.$name" "$@" </dev/null || failed="$failed $name"
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
