"""Trials of two sides in pairs, a page at a time, for the server: by HTTP and in pages."""
