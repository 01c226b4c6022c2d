"""Which engine should answer, and at what price. Knows neither HTTP requests nor documents."""
