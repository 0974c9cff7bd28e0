"""The links of the two chains, one a file."""
