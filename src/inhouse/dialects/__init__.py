"""Protocols as they are spelt on the wire, both directions. Knows neither callers nor engines nor prices."""
