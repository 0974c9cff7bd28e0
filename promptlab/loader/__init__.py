"""Reads what a project is made of: strictly, with positions, all problems at once."""
