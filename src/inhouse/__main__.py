"""`python -m inhouse`."""

from __future__ import annotations

from inhouse.cli.main import main

if __name__ == "__main__":
    main()
