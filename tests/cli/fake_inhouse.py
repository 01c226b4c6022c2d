"""`inhouse` in a process of its own, with fakes behind it: `python -m tests.cli.fake_inhouse serve`.

With HOLD set, answers stop in the middle and wait; with ENDLESS, an ingest never ends by itself.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from pathlib import Path

from inhouse.cli.main import main
from inhouse.cli.setup import Setup
from tests.cli.house import FakeBuilder
from tests.serve.fakes import GOOD_SCRIPT, FakeAnswers, FakeHouse, FakeIngest


class _Telling(FakeBuilder):
    """Says on stderr how the answers ended, once the house is closed."""

    def tell(self) -> None:
        for _user, detail in self.fakes.chats.chats.values():
            for message in detail.messages[1::2]:
                os.write(2, f"kept {message.status}: {message.text}\n".encode())
        os.write(2, f"closed {self.closed}\n".encode())


if __name__ == "__main__":
    if os.environ.get("TERMINAL"):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl+C reaches this process
    answers = FakeAnswers([*GOOD_SCRIPT[:2], asyncio.Event()]) if os.environ.get("HOLD") else FakeAnswers()
    ingest = FakeIngest(endless=bool(os.environ.get("ENDLESS")))
    builder = _Telling(FakeHouse(answers=answers, ingest=ingest))
    try:
        main(obj=Setup(environment=os.environ, folder=Path.cwd(), builder=builder))
    finally:
        builder.tell()
