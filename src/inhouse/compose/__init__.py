"""Builds the real objects and joins them; the only place that opens an edge. Decides nothing."""

from __future__ import annotations

from inhouse.compose.doctor import doctor_facts
from inhouse.compose.house import House, open_house, owner
from inhouse.compose.logs import port_holder, start_logging

__all__ = ["House", "doctor_facts", "open_house", "owner", "port_holder", "start_logging"]
