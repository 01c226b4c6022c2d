#!/bin/sh
# Runs every script of bench/, one after the other, and says at the end which ones failed.
# A script that needs data takes the folder as --data; without one it says what it cannot measure.
set -u
failed=
for script in bench/*.py; do
    echo "== $script"
    if [ $# -gt 0 ] && grep -q -e '"--data"' "$script"; then
        .venv/bin/python "$script" --data "$1" || failed="$failed $script"
    else
        .venv/bin/python "$script" || failed="$failed $script"
    fi
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
