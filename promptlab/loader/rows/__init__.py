"""Rows of a dataset: one module a format, plus identity, values and names."""
