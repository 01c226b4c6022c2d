"""Where the gateway room touches the world; only `compose` opens it."""
