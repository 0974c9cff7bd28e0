"""Bodies of the HTTP API, a file a noun."""
