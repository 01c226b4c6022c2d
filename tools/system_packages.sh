#!/bin/sh
# Makes sure that the programs which the tests drive are there: tesseract with Russian, a browser, a font.
# Installs them with apt-get when it may (root, or sudo without a password). Otherwise it says what to do;
# with CI=true a missing one is a failure, because a test that did not run proves nothing.
set -eu

missing() {
    languages=$(tesseract --list-langs 2>/dev/null || true)
    echo "$languages" | grep -qx eng || echo tesseract-ocr
    echo "$languages" | grep -qx rus || echo tesseract-ocr-rus
    echo "$languages" | grep -qx osd || echo tesseract-ocr-osd
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || echo chromium
    [ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] ||
        { command -v fc-list >/dev/null && fc-list | grep -q DejaVuSans; } || echo fonts-dejavu-core
}

packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
    echo "installing Debian packages (once): $packages" >&2
    {
        $as_root apt-get update -q
        # shellcheck disable=SC2086  # a list of package names
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
    } </dev/null >&2 || echo "apt-get failed; its messages stand above" >&2
    packages=$(missing | tr '\n' ' ')
    [ -n "$packages" ] || exit 0
fi
echo "missing for the tests: $packages" >&2
echo "hint: sudo apt-get install $packages" >&2
if [ "${CI:-}" = true ]; then exit 1; fi
