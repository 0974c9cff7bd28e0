"""All that there is to say of two sides that were held against each other."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field

from promptlab.analysis.comparing import CellComparison
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.compared import CheckChange
from promptlab.schemas.flip import Flip

SCHEMA_VERSION = 1
MOST_NAMED = 5  # rows of one side, where people read


@frozen(kw_only=True)
class ComparedSide:
    """What was compared: in a line for people, and as JSON. `notes`: what makes it less than whole."""

    title: str
    facts: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@frozen(kw_only=True)
class Comparison:
    """`only_a`, `only_b`: cells that have no counterpart. `flips`: all of them, those that passed and do not
    any more first; the first `told` have a reason and a difference. `outputs_changed`: of how many trials.
    """

    a: ComparedSide
    b: ComparedSide
    cells: tuple[CellComparison, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    told: int = 0
    outputs_changed: int = 0
    trials: int = 0
    checks: tuple[CheckChange, ...] = ()

    @property
    def flipped(self) -> Mapping[tuple[str, str], int]:
        """Count the flips by how the trials ended at A and at B, in their order."""
        return Counter((flip.before, flip.after) for flip in self.flips)

    def as_json(self) -> dict[str, JSON]:
        return {
            "schema_version": SCHEMA_VERSION,
            "a": {**self.a.facts, "notes": [*self.a.notes]},
            "b": {**self.b.facts, "notes": [*self.b.notes]},
            "cells": [cell.as_json() for cell in self.cells],
            "only_a": [*self.only_a],
            "only_b": [*self.only_b],
            "trials": self.trials,
            "flipped": [
                {"before": before, "after": after, "trials": count}
                for (before, after), count in self.flipped.items()
            ],
            "flips": [self._flip(number, flip) for number, flip in enumerate(self.flips)],
            "outputs_changed": self.outputs_changed,
            "checks": [change.as_json() for change in self.checks],
        }

    def _flip(self, number: int, flip: Flip) -> JSON:
        untold: dict[str, JSON] = {} if number < self.told else {"reason": None, "diff": None}
        return {**flip.as_json(), **untold}
