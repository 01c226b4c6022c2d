"""Is the house safe and healthy. Knows neither prompts nor routing."""
