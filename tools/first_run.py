"""Takes the sample company into a home that has no documents yet. Run by `make run`.

A run that was interrupted is completed by the next one: a note in the home says that it began. The
sample's files first get the dates that `sample/dates.csv` gives them, since a clone dates them all today
and a date is part of every citation. A failure here stops nothing: the house works without a sample.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent.parent / "sample"
INHOUSE = Path(sys.executable).parent / "inhouse"


def date_files() -> None:
    """Give every file of the sample the date on which it was written, noon UTC."""
    with (SAMPLE / "dates.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            written = datetime.fromisoformat(row["written"]).replace(hour=12, tzinfo=UTC).timestamp()
            os.utime(SAMPLE / "company" / row["file"], (written, written))


def has_documents() -> bool:
    """True when the home already holds documents of anybody."""
    listing = subprocess.run(
        [INHOUSE, "documents", "ls", "--json"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True
    )
    return bool(json.loads(listing.stdout)["total"])


def main() -> int:
    """Exit code 0 when the sample is in or not wanted, 1 when it could not be taken in."""
    begun = Path(os.environ["INHOUSE_HOME"]) / "state" / "sample-begun"
    try:
        if not begun.exists() and has_documents():
            return 0
        begun.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun.touch()
        sys.stderr.write("taking in the sample company (once)\n")
        date_files()
        subprocess.run(
            [INHOUSE, "ingest", SAMPLE / "company", "--source", "sample"],
            stdout=sys.stderr,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        return 130
    begun.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
