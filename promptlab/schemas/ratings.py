"""What people say of answers."""

from datetime import datetime
from typing import Literal

from promptlab.core.frozen import frozen

LONGEST_NOTE = 4096  # bytes
LONGEST_NAME = 200  # characters

type Thumb = Literal["up", "down"]
type RatingMark = Literal["rated", "up", "down", "disagrees", "unrated"]


@frozen(kw_only=True)
class Rating:
    """What somebody said of an answer: that of a trial of `run_id`. `at` is in UTC.

    `digest`: of what the row gave and what was answered; a trial of this row, cell and repeat has the rating
    while it has the same.
    """

    id: int
    run_id: str
    row: int
    row_id: str
    cell: str
    repeat: int
    digest: str
    who: str
    at: datetime
    thumb: Thumb | None
    note: str | None


@frozen(kw_only=True)
class TrialRating:
    """What somebody said, as a trial that has the rating holds it; `run_id`: where it was said."""

    id: int
    who: str
    at: datetime
    thumb: Thumb | None
    note: str | None
    run_id: str


@frozen
class RatingPage:
    """`next`: the cursor of the page after it, None for the last."""

    ratings: tuple[Rating, ...]
    next: str | None


@frozen(kw_only=True)
class HumanLabel:
    """What people say of a trial as one label: most thumbs; `passed` None where they are of two minds."""

    trial_id: int
    row: int
    row_id: str
    cell: str
    repeat: int
    passed: bool | None
    ratings: tuple[Rating, ...]
