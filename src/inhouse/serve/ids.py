"""Names for requests and replies."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable

__all__ = ["new_ids"]


def new_ids() -> Callable[[], str]:
    """What gives 32 hexadecimal digits, never the same twice, those of a later millisecond behind the others.

    They begin with the time because the ledger has an index of them: names in no order touch another page of
    it each, which makes up a third of what it takes to write a row. Nothing depends on nobody guessing them,
    so the system is asked for chance once and not every time: that is a call of the kernel, which takes
    longer than everything else that is done for a name.
    """
    bits = random.Random(secrets.token_bytes(32)).getrandbits
    return lambda: f"{time.time_ns() // 1_000_000 << 80 | bits(80):032x}"
