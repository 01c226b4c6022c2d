"""Names for requests and replies."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

__all__ = ["new_ids"]


def new_ids() -> Callable[[], str]:
    """What gives 32 hexadecimal digits, never the same twice.

    Nothing depends on nobody guessing them, so the system is asked for chance once and not every time: that
    is a call of the kernel, which takes longer than everything else that is done for a name.
    """
    bits = random.Random(secrets.token_bytes(32)).getrandbits
    return lambda: f"{bits(128):032x}"
