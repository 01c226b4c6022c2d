"""Where the ops room touches the world; only `compose` opens it."""
