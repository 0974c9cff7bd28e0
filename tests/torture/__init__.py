"""Runs are killed, starved and disturbed in every way that there is; the provider's journal is the judge."""
