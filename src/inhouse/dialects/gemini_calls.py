"""Ids of calls of functions: Gemini may give none, and seals some calls with a `thoughtSignature`.

From Gemini 3 on the seal must come back with the call. No other protocol has a place for it, so it travels
within the id, which every client gives back as it is.
"""

from __future__ import annotations

import re

__all__ = ["join_id", "split_id"]

SEAL = "__ts_"
_TO_ID = str.maketrans("+/", "-_")
_FROM_ID = str.maketrans("-_", "+/")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def join_id(call_id: str, signature: str) -> str:
    """The id with the seal in it; an odd seal, which is base64 in neither alphabet, is left out."""
    if not _BASE64.fullmatch(signature):
        return call_id
    return f"{call_id}{SEAL}{signature.rstrip('=').translate(_TO_ID)}"


def split_id(call_id: str) -> tuple[str, str]:
    """The id and its seal, which is empty where there is none."""
    plain, found, seal = call_id.rpartition(SEAL)
    if not found or not seal:
        return call_id, ""
    signature = seal.translate(_FROM_ID)
    return plain, signature + "=" * (-len(signature) % 4)
