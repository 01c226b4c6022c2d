"""HTTP and HTML. Knows neither SQL nor vendors."""
