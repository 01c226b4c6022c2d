#!/bin/sh
# Runs its arguments with a Python that is new enough, or says what to install. PYTHON=... names one.
set -eu
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$candidate" "$@"
    fi
done
found=$(python3 --version 2>/dev/null || echo "no python3")
echo "error: inhouse needs Python 3.11 or newer, found: $found" >&2
echo "hint: Debian or Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13;" >&2
echo "hint: or name one: make run PYTHON=/path/to/python3.12" >&2
exit 3
