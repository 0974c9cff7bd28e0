"""The kinds of check, one a file."""
