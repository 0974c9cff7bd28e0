"""What the rows of a pipeline said when somebody was content with it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from promptlab.schemas.base import Frozen
from promptlab.schemas.metrics import SHARES
from promptlab.schemas.refusal import Refusal


def _shares_are_shares(values: dict[str, float]) -> dict[str, float]:
    for name in SHARES:
        if not 0 <= values.get(name, 0) <= 1:
            raise Refusal(f"{name} lies between 0 and 1", below=(name,))
    return values


type RowMeans = Annotated[dict[str, float], AfterValidator(_shares_are_shares)]


class Baseline(Frozen):
    """A file of `baselines/`. `cells`: each metric of each row, by cell and row id; repeats are averaged.

    `run`: where it is from; `commit`: what that run was made at.
    """

    version: Literal[1]
    pipeline: str = Field(min_length=1)
    run: str | None = None
    commit: str | None = None
    cells: dict[str, dict[str, RowMeans]]

    @property
    def rows(self) -> int:
        """How many rows there are in all cells together."""
        return sum(map(len, self.cells.values()))
