"""A pipeline against what it was in a commit."""
