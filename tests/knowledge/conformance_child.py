"""A process that writes to an index as fast as it can and says aloud what it was promised.

    python -m tests.knowledge.conformance_child SUBJECT FOLDER HOW_MANY

Each line on stdout is `put N` or `gone N` after the call returned.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.knowledge.conformance import ALL, BOSSES, SUBJECTS, documents


def main() -> None:
    """Put documents in, remove every fifth again, move every seventh, and compact now and then."""
    subject = next(one for one in SUBJECTS if one.name == sys.argv[1])
    index = subject.open(Path(sys.argv[2]))
    for number in range(int(sys.argv[3])):
        name, _, entries = documents(subject, 1, prefix=f"p{number}-", pieces=3)[0]
        index.replace([(name, ALL, entries)])
        os.write(1, f"put {number}\n".encode())
        if number % 5 == 4:
            index.remove([f"p{number - 2}-0"])
            os.write(1, f"gone {number - 2}\n".encode())
        if number % 7 == 6:
            index.refile([f"p{number - 1}-0"], BOSSES)
        if number % 11 == 10:
            index.compact()


if __name__ == "__main__":
    main()
