"""Looks for a text or a regular expression in what trials were given and gave, for so long and no longer."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Text, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.core.errors import UsageError
from promptlab.core.json import as_text
from promptlab.core.patterns import BadPattern, SearchTookTooLong, compiled, search
from promptlab.models import Row, Trial
from promptlab.schemas.pages import TrialFilter

SECONDS = 1.0
_TRIALS, _ROWS = Trial.__table__, Row.__table__
_READ = (
    _TRIALS.c.row,
    _TRIALS.c.row_id,
    _TRIALS.c.error,
    type_coerce(_TRIALS.c.outputs, Text),
    type_coerce(_ROWS.c.inputs, Text),
)

type Fits = Callable[[str], bool]


@dataclass(slots=True)
class TextSearch:
    """`is_over`: the time is up. `slow`: on how many texts the expression took too long."""

    session: Session
    run_id: str
    wanted: TrialFilter
    clock: Callable[[], float]
    slow: int = 0
    _until: float = 0.0
    _fits: list[Fits] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._until = self.clock() + SECONDS
        if self.wanted.text is not None:
            words = self.wanted.text.casefold()
            self._fits.append(lambda text: words in text.casefold())
        if self.wanted.regex is not None:
            self._fits.append(self._matching(self.wanted.regex))

    @property
    def is_over(self) -> bool:
        return self.clock() > self._until

    def among(self, rows: Sequence[int]) -> set[int]:
        """Give those of some rows that have it in a trial that fits the filter, or in their inputs."""
        joined = _TRIALS.outerjoin(_ROWS, _ROWS.c.digest == _TRIALS.c.row_digest)
        query = select(*_READ).select_from(joined).where(_TRIALS.c.run_id == self.run_id)
        if self.wanted.cells:
            names = self.wanted.cells
            query = query.where(_TRIALS.c.cell.in_(names) | _TRIALS.c.variant.in_(names))
        found: set[int] = set()
        for trial in self.session.execute(query.where(_TRIALS.c.row.in_(rows))):
            if trial.row not in found and all(self._any(trial[1:], fits) for fits in self._fits):
                found.add(trial.row)
        return found

    def _any(self, parts: Sequence[str | None], fits: Fits) -> bool:
        row_id, error, outputs, inputs = parts
        return any(fits(text) for text in (row_id, error, *_texts(outputs), *_texts(inputs)) if text)

    def _matching(self, expression: str) -> Fits:
        try:
            pattern = compiled(expression)
        except BadPattern as fault:
            raise UsageError(f"regex: {fault}") from None

        def fits(text: str) -> bool:
            try:
                return search(pattern, text) is not None
            except SearchTookTooLong:
                self.slow += 1
                return False

        return fits


def _texts(written: str | None) -> Iterator[str]:
    """Give the values of a map as texts, and any other value as one."""
    if written is None:
        return
    value: Any = json.loads(written)
    yield from map(as_text, value.values()) if isinstance(value, dict) else (as_text(value),)
