"""A function of the project's own python, as read from its source (a stand-in until the worker lands)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    path: str
    name: str
    digest: str
