"""Who rates, where a request does not say: whoever git knows at the server, else its user."""

from functools import cache
from pathlib import Path

from promptlab.services.git import author
from promptlab.services.reopening import this_user


@cache
def rater_at(root: Path) -> str:
    """Give the name; git is asked once a project."""
    return author(root) or this_user()
