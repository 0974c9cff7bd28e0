"""Which trials of a run have ratings: those of the run, and of the same answers in others of its pipeline."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import batched
from typing import Any

from sqlalchemy import Text, func, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.models import Rating, Row, Run, Trial
from promptlab.schemas.log import RunRecord
from promptlab.schemas.ratings import HumanLabel, RatingMark, TrialRating
from promptlab.schemas.ratings import Rating as Rated
from promptlab.schemas.run import Place, TrialStatus

MARKS: tuple[RatingMark, ...] = ("rated", "up", "down", "disagrees")
MOST_RATINGS = 20_000  # of a pipeline: the newest
_AT_ONCE = 500
_RATINGS, _TRIALS, _ROWS, _RUNS = Rating.__table__, Trial.__table__, Row.__table__, Run.__table__
_T, _R = _TRIALS.c, _RATINGS.c
_WITH_RUNS = _RATINGS.join(_RUNS, _RUNS.c.id == _R.run_id)
_READ = (
    *(_T[name] for name in ("id", "row", "row_id", "cell", "repeat", "status")),
    type_coerce(_T.outputs, Text).label("outputs"),
    type_coerce(_ROWS.c.inputs, Text).label("inputs"),
)


@frozen(kw_only=True)
class RatedAnswer:
    """A trial with an answer. `digest`: of what the row gave and what was answered."""

    id: int
    row_id: str
    status: TrialStatus
    digest: str


@frozen
class RatedTrial:
    """A trial, and what counts of it: the newest of each person that is not taken back, the oldest first."""

    trial: RatedAnswer
    ratings: tuple[Rated, ...]

    @property
    def thumbs(self) -> tuple[int, int]:
        """How many up, and how many down."""
        thumbs = [rating.thumb for rating in self.ratings]
        return thumbs.count("up"), thumbs.count("down")

    @property
    def told(self) -> tuple[TrialRating, ...]:
        return tuple(
            TrialRating(id=one.id, who=one.who, at=one.at, thumb=one.thumb, note=one.note, run_id=one.run_id)
            for one in self.ratings
        )

    def fits(self, mark: RatingMark) -> bool:
        up, down = self.thumbs
        match mark:
            case "up":
                return up > 0
            case "down":
                return down > 0
            case "disagrees":
                return bool(down if self.trial.status == "passed" else up and self.trial.status == "failed")
            case "rated":
                return True
            case "unrated":
                return False


type RatedTrials = Mapping[Place, RatedTrial]


class RatedAnswers:
    """Reads what people say of the trials of one run."""

    def __init__(self, session: Session, run: RunRecord) -> None:
        self._session = session
        self._run = run

    def stamp(self) -> str | None:
        """Give what tells whether ratings of the pipeline changed; None: there is none."""
        query = select(func.count(), func.max(_R.id), func.max(_R.at)).select_from(_WITH_RUNS)
        ours = query.where(_RUNS.c.pipeline == self._run.pipeline)
        count, last, at = self._session.execute(ours).one()
        return f"{count} {last} {at}" if count else None

    def of(self, rows: Collection[int] | None = None) -> RatedTrials:
        """Give the trials that have ratings, of some rows or of all."""
        found = list(self._ratings(rows))
        if not found:
            return {}
        answers = self._answers(found, rows)
        by_name: dict[tuple[str, str, int, str], list[Rated]] = defaultdict(list)
        for rating in found:
            by_name[rating.row_id, rating.cell, rating.repeat, rating.digest].append(rating)
        return {
            place: RatedTrial(answer, counting)
            for place, answer in answers.items()
            if (counting := self._counting(by_name.get((answer.row_id, *place[1:], answer.digest), ())))
        }

    def counts(self) -> dict[RatingMark, int]:
        """Count the trials that are rated in each way; nothing where none is rated."""
        found = self.of().values()
        return {mark: count for mark in MARKS if (count := sum(one.fits(mark) for one in found))}

    def labels(self) -> list[HumanLabel]:
        """Give a label for each trial that has a thumb, in order of row, cell and repeat."""
        found = sorted(self.of().items())
        return [_label(place, rated) for place, rated in found if any(rated.thumbs)]

    def _ratings(self, rows: Collection[int] | None) -> Iterator[Rated]:
        """Give what was said of these rows in any run of the pipeline, the oldest first."""
        query = select(*_RATINGS.c).select_from(_WITH_RUNS).where(_RUNS.c.pipeline == self._run.pipeline)
        if rows is not None:
            ids = select(_T.row_id).where(_T.run_id == self._run.id, _T.row.in_(rows))
            query = query.where(_R.row_id.in_(ids))
        newest = self._session.execute(query.order_by(_R.id.desc()).limit(MOST_RATINGS)).all()
        return (Rated(**found._mapping) for found in reversed(newest))  # noqa: SLF001 - public, for all its name

    def _answers(self, found: list[Rated], rows: Collection[int] | None) -> dict[Place, RatedAnswer]:
        """Look at the rows where they were rated; those that have moved are looked for in the whole run."""
        wanted = {rating.row_id for rating in found}
        if rows is not None:
            return _read(self._session, self._run.id, [_T.row.in_(rows)], wanted)
        answers: dict[Place, RatedAnswer] = {}
        for some in batched(sorted({rating.row for rating in found}), _AT_ONCE):
            answers |= _read(self._session, self._run.id, [_T.row.in_(some)], wanted)
        moved = wanted - {answer.row_id for answer in answers.values()}
        for some_ids in batched(sorted(moved), _AT_ONCE):
            answers |= _read(self._session, self._run.id, [_T.row_id.in_(some_ids)], moved)
        return answers

    def _counting(self, ratings: Iterable[Rated]) -> tuple[Rated, ...]:
        """Give the newest of each person; what was said in this run goes before what was said elsewhere."""
        ordered = sorted(ratings, key=lambda rating: (rating.run_id == self._run.id, rating.id))
        newest = {rating.who: rating for rating in ordered}.values()
        said = (rating for rating in newest if rating.thumb is not None or rating.note is not None)
        return tuple(sorted(said, key=lambda rating: rating.id))


def answers_of(session: Session, run_id: str, places: Collection[Place]) -> dict[Place, RatedAnswer]:
    """Give the trials at places that have an answer."""
    found = _read(session, run_id, [_T.row.in_({row for row, _, _ in places})], None)
    return {place: answer for place, answer in found.items() if place in places}


def _read(
    session: Session, run_id: str, where: list[Any], row_ids: Collection[str] | None
) -> dict[Place, RatedAnswer]:
    joined = _TRIALS.outerjoin(_ROWS, _ROWS.c.digest == _T.row_digest)
    query = select(*_READ).select_from(joined).where(_T.run_id == run_id, *where)
    return {
        (trial.row, trial.cell, trial.repeat): RatedAnswer(
            id=trial.id,
            row_id=trial.row_id,
            status=trial.status,
            digest=_digest(trial.inputs, trial.outputs),
        )
        for trial in session.execute(query)
        if trial.outputs not in (None, "null") and (row_ids is None or trial.row_id in row_ids)
    }


def _digest(inputs: str | None, outputs: str) -> str:
    return sha256(f"{inputs or ''}\n{outputs}".encode()).hexdigest()


def _label(place: Place, rated: RatedTrial) -> HumanLabel:
    (row, cell, repeat), (up, down) = place, rated.thumbs
    passed = None if up == down else up > down
    return HumanLabel(
        trial_id=rated.trial.id,
        row=row,
        row_id=rated.trial.row_id,
        cell=cell,
        repeat=repeat,
        passed=passed,
        ratings=rated.ratings,
    )
