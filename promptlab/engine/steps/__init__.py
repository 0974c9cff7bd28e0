"""The kinds of step, one a file."""
