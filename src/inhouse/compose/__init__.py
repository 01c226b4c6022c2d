"""Builds the real objects and joins them; the only place that opens an edge. Decides nothing.

A name is imported when it is first asked for: who holds a home is asked by every command, and must not
load a database and an engine client (0.6 s) when a server has it open.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inhouse.compose.doctor import doctor_facts
    from inhouse.compose.house import House, open_house
    from inhouse.compose.lock import owner
    from inhouse.compose.logs import port_holder, start_logging
    from inhouse.compose.models import take_in
    from inhouse.compose.role import open_role

__all__ = [
    "House",
    "doctor_facts",
    "open_house",
    "open_role",
    "owner",
    "port_holder",
    "start_logging",
    "take_in",
]

_PLACES = {
    "House": "house",
    "doctor_facts": "doctor",
    "open_house": "house",
    "open_role": "role",
    "owner": "lock",
    "port_holder": "logs",
    "start_logging": "logs",
    "take_in": "models",
}


def __getattr__(name: str) -> object:
    """Source: PEP 562."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
