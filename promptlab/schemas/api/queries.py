"""What addresses may ask of lists: known names only, each within bounds; an empty value is none."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from promptlab.schemas.pages import MOST_ON_A_PAGE, RunFilter, Sort, TrialFilter
from promptlab.schemas.ratings import RatingMark
from promptlab.schemas.run import TrialStatus


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is in no text")
    return text


type Word = Annotated[str, Field(max_length=400), AfterValidator(_storable)]
type Limit = Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE)]
type AnyStatus = Literal["running", "passed", "failed", "errored", "limited", "interrupted"]

_YEARS = range(1970, 9000)


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"a year from {_YEARS[0]} to {_YEARS[-1]} is wanted")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


type Moment = Annotated[datetime, AfterValidator(_in_utc)]


class Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        """Take what a form sends of fields that were left empty as not sent."""
        if not isinstance(given, dict):
            return given
        lists = {
            name: [one for one in value if one != ""]
            for name, value in given.items()
            if isinstance(value, list)
        }
        return {name: value for name, value in {**given, **lists}.items() if value not in ("", [])}


class RunQuery(Query):
    """Which runs, the newest first."""

    pipeline: Annotated[Word | None, Field(description="The pipeline's name.")] = None
    status: Annotated[AnyStatus | None, Field(description="How they ended, or `running`.")] = None
    commit: Annotated[Word | None, Field(description="The start of a git commit.")] = None
    user: Annotated[Word | None, Field(description="Who started them.")] = None
    text: Annotated[Word | None, Field(description="In note, pipeline, user, commit or id.")] = None
    since: Annotated[
        Moment | None, Field(description="Begun then or later; UTC unless it says otherwise.")
    ] = None
    until: Annotated[Moment | None, Field(description="Begun before.")] = None
    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[Limit, Field(description="How many on a page.")] = 50

    @property
    def filter(self) -> RunFilter:
        return RunFilter(
            pipeline=self.pipeline,
            status=self.status,
            git_commit=self.commit,
            user=self.user,
            text=self.text,
            since=self.since,
            until=self.until,
        )


class TrialQuery(Query):
    """Which rows of a run, in which order."""

    status: Annotated[
        tuple[TrialStatus, ...], Field(description="Rows with a trial that ended so.", max_length=5)
    ] = ()
    flipped: Annotated[
        bool, Field(description="Rows with one that passed in `against` and does not here, or the reverse.")
    ] = False
    disagreeing: Annotated[bool, Field(description="Rows that pass in one cell and not in another.")] = False
    check: Annotated[
        Word | None, Field(description="Rows with a trial in which a check of this name failed.")
    ] = None
    tag: Annotated[Word | None, Field(description="Rows with this tag.")] = None
    rating: Annotated[
        tuple[RatingMark, ...],
        Field(
            description="Rows with a trial that people rated so; `disagrees`: not as it ended.",
            max_length=5,
        ),
    ] = ()
    cell: Annotated[
        tuple[Word, ...], Field(description="Only these cells, by whole names or variants.", max_length=40)
    ] = ()
    text: Annotated[
        Word | None, Field(description="In inputs, outputs, errors or the row's id; case does not matter.")
    ] = None
    regex: Annotated[str | None, Field(description="Likewise, a regular expression.", max_length=2000)] = None
    sort: Annotated[
        Sort, Field(description="By row, mean score, cost or highest latency; `-` turns it round.")
    ] = "row"
    against: Annotated[
        Word | None, Field(description="The earlier run; default: the one before of the pipeline.")
    ] = None
    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[
        Limit | None,
        Field(description="How many rows on a page; default: as many as hold 200 trials, at most 50."),
    ] = None

    @property
    def filter(self) -> TrialFilter:
        return TrialFilter(
            statuses=self.status,
            flipped=self.flipped,
            disagreeing=self.disagreeing,
            check=self.check,
            tag=self.tag,
            ratings=self.rating,
            cells=self.cell,
            text=self.text,
            regex=self.regex,
        )

    def rows_for(self, cells: int, repeats: int) -> int:
        """Give how many rows a page of a run holds that has so many cells and repeats."""
        if self.limit is not None:
            return self.limit
        return max(_FEWEST_ROWS, min(_MOST_ROWS, _TRIALS_ON_A_PAGE // max(1, cells * repeats)))


_FEWEST_ROWS, _MOST_ROWS, _TRIALS_ON_A_PAGE = 5, 50, 200
