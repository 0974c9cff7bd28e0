"""Torture: runs are killed, starved and disturbed in every way that there is, and judged by the provider's journal."""
