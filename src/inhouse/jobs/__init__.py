"""When a thing runs again. Knows not what the thing does."""
