"""Where the knowledge room touches the world; only `compose` opens it."""
