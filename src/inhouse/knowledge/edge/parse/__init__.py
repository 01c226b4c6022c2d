"""From bytes to text, in child processes with limits."""
