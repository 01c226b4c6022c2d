"""Where the jobs room touches the world; only `compose` opens it."""
