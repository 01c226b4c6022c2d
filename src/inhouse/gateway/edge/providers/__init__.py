"""One file per kind of engine, all behind the same small protocol."""
