"""The providers of completions, one a file."""
