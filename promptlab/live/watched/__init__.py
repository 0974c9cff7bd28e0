"""A watch as the page beside it knows it: what it told over a pipe, and what is asked of it."""
