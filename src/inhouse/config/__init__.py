"""Settings: one table (`table`), read from four places (`load`); and where the home lies (`home`)."""

from __future__ import annotations

from inhouse.config.home import Home, default_root, open_home
from inhouse.config.load import Loaded, is_loopback, load, read_dotenv, show
from inhouse.config.table import EngineEntry, Settings

__all__ = [
    "EngineEntry",
    "Home",
    "Loaded",
    "Settings",
    "default_root",
    "is_loopback",
    "load",
    "open_home",
    "read_dotenv",
    "show",
]
