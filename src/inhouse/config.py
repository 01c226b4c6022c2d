"""Settings: one table of names, types, defaults, units and reasons."""
