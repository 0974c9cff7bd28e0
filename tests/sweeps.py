"""Sweeps over many cases of one kind, of which the quick suite runs a part."""

from collections.abc import Iterable

import pytest


def every_third[T](cases: Iterable[T]) -> list[object]:
    """Give all cases to whoever is thorough, and every third to the quick suite."""
    thorough = pytest.mark.thorough
    return [pytest.param(case, marks=thorough if at % 3 else ()) for at, case in enumerate(cases)]
