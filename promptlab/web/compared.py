"""What the page of a comparison shows: its sides, metrics with pictures, and pairs by how they changed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from promptlab.analysis.comparing import Difference
from promptlab.analysis.intervals import Interval
from promptlab.core.frozen import frozen
from promptlab.core.word_diff import Piece
from promptlab.live.paired.stored import TwoRuns
from promptlab.reports.comparison_table import is_told, line_of
from promptlab.schemas.api.compare import (
    CellAnswer,
    FactsAnswer,
    MetricAnswer,
    Moved,
    PairAnswer,
    PairSide,
)
from promptlab.schemas.api.trials import Check
from promptlab.schemas.log import RunRecord
from promptlab.schemas.paired import Change
from promptlab.web.texts import moment

WIDTH = 120  # of the picture of an interval; nothing changed is its middle
MARGIN = 4
WORDS: Mapping[Moved, str] = {
    "better": "better",
    "worse": "worse",
    "undecided": "undecided",
    "same": "no change",
}
TITLES: Mapping[Change, str] = {
    "worse": "Passed, and does not any more",
    "better": "Passes now",
    "otherwise": "Ended otherwise",
    "changed": "Another output, the same end",
    "same": "Unchanged",
}


@frozen(kw_only=True)
class SideView:
    """A side in its box; `run_id` None: it is a commit or the working tree."""

    letter: str
    run_id: str | None
    name: str
    facts: tuple[str, ...]
    status: str | None = None
    note: str | None = None


@frozen(kw_only=True)
class Picture:
    """An interval around what B has more, in pixels from the left."""

    low: float
    high: float
    at: float


@frozen(kw_only=True)
class MetricView:
    """A line of the table: `texts` as in the terminal."""

    texts: tuple[str, ...]
    verdict: Moved
    says: str
    picture: Picture | None


@frozen
class CellView:
    name: str
    answer: CellAnswer
    metrics: tuple[MetricView, ...]


@frozen(kw_only=True)
class PairView:
    """A pair: `checks` are those that did not pass at both sides, as each side said of them."""

    answer: PairAnswer
    pieces: tuple[Piece, ...]
    checks: tuple[tuple[Check | None, Check | None], ...]
    passed: int
    differs_later: bool


def runs_views(two: TwoRuns) -> tuple[SideView, SideView]:
    return _of_run("A", two.a), _of_run("B", two.b)


def _of_run(letter: str, run: RunRecord) -> SideView:
    commit = (
        f"commit {run.git_commit[:10]}{' and changes' if run.git_dirty else ''}" if run.git_commit else ""
    )
    facts = (moment(run.started_at), run.user, commit)
    return SideView(
        letter=letter,
        run_id=run.id,
        name=run.pipeline,
        facts=tuple(filter(None, facts)),
        status=run.status,
        note=run.note,
    )


def commit_views(facts: FactsAnswer, ref: str) -> tuple[SideView, SideView]:
    commit: Any = facts.a.get("git_commit")
    return (
        SideView(
            letter="A", run_id=None, name=str(facts.a["pipeline"]), facts=(ref, f"commit {commit[:10]}")
        ),
        SideView(letter="B", run_id=None, name=str(facts.b["pipeline"]), facts=("the working tree",)),
    )


def cell_views(cells: Sequence[CellAnswer]) -> list[CellView]:
    """Give the cells with pictures that share a scale, metric by metric."""
    told = [[(one, _difference(one)) for one in cell.metrics] for cell in cells]
    widest: dict[str, float] = {}
    for one, found in (pair for cell in told for pair in cell):
        between = found.interval or Interval(found.difference, found.difference)
        reach = max(abs(between.low), abs(between.high), abs(found.difference))
        widest[one.metric] = max(reach, widest.get(one.metric, 0.0))
    return [
        CellView(
            cell.b if cell.a == cell.b else f"{cell.a} → {cell.b}",
            cell,
            tuple(_metric(one, found, widest[one.metric]) for one, found in metrics if is_told(found)),
        )
        for cell, metrics in zip(cells, told, strict=True)
    ]


def _difference(one: MetricAnswer) -> Difference:
    return Difference(
        metric=one.metric,
        a=one.a,
        b=one.b,
        rows=one.rows,
        moved=one.moved,
        interval=Interval(**one.interval) if one.interval is not None else None,
        p=one.p,
        adjusted=one.p_adjusted,
    )


def _metric(one: MetricAnswer, found: Difference, widest: float) -> MetricView:
    return MetricView(
        texts=line_of(found).texts,
        verdict=one.verdict,
        says=WORDS[one.verdict],
        picture=_picture(found, widest) if found.moved and widest else None,
    )


def _picture(found: Difference, widest: float) -> Picture:
    between = found.interval or Interval(found.difference, found.difference)

    def at(value: float) -> float:
        return round(WIDTH / 2 + value / widest * (WIDTH / 2 - MARGIN), 1)

    return Picture(low=at(between.low), high=at(between.high), at=at(found.difference))


def pair_views(pairs: Sequence[PairAnswer]) -> list[tuple[Change, list[PairView]]]:
    """Give pairs by how they changed, in their order."""
    return [(change, [*map(_pair, found)]) for change, found in groupby(pairs, key=lambda one: one.change)]


def _pair(pair: PairAnswer) -> PairView:
    pieces = tuple(Piece(piece.kind, piece.text) for piece in pair.diff)
    checks = tuple(_checks(pair.a, pair.b))
    return PairView(
        answer=pair,
        pieces=pieces,
        checks=checks,
        passed=sum(one.status == "passed" for one in pair.b.checks),
        differs_later=bool(pieces) and all(piece.kind == "same" for piece in pieces),
    )


def _checks(a: PairSide, b: PairSide) -> Iterator[tuple[Check | None, Check | None]]:
    """Give what both sides said of each check that did not pass at one of them."""
    before, after = ({(one.step, one.name): one for one in side.checks} for side in (a, b))
    for name in dict.fromkeys((*after, *before)):
        both = before.get(name), after.get(name)
        if any(one is not None and one.status in ("failed", "errored") for one in both):
            yield both
