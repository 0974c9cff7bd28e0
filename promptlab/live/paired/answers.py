"""What a comparison and its pairs come to, as API and page tell it."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from promptlab.analysis.comparing import Difference
from promptlab.analysis.comparison import Comparison
from promptlab.core.json import JSON, as_text
from promptlab.core.word_diff import word_diff
from promptlab.live.paired.lineup import Lineup
from promptlab.reports.comparison_table import tone_of
from promptlab.schemas.api.compare import (
    CellAnswer,
    DiffPiece,
    FactsAnswer,
    MetricAnswer,
    Missing,
    PairAnswer,
    PairPageAnswer,
    PairSide,
)
from promptlab.schemas.api.trials import Check
from promptlab.schemas.paired import Pair, PairPage
from promptlab.schemas.reason import reason_of
from promptlab.schemas.run import TrialResult

LONGEST_OUTPUT = 4_000
LONGEST_COMPARED = 2_000
LONGEST_REASON = 1_000
LONGEST_INPUT = 400
MOST_WORDS = 400  # of a text, marks and spaces too: comparing two that share nothing takes 10 ms
MOST_INPUTS, MOST_CHECKS, MOST_TAGS = 20, 40, 20

type Places = Mapping[str, int]
"""The numbers of a run's cells, which its trials are addressed by."""


def facts_answer(
    found: Comparison, *, gates: Sequence[Mapping[str, JSON]] = (), missing: Sequence[Missing] = ()
) -> FactsAnswer:
    told: Any = found.as_json()
    del told["flips"]
    cells = [
        CellAnswer(
            a=cell.a,
            b=cell.b,
            metrics=[_metric(one) for one in cell.differences],
            rows={"paired": cell.paired, "only_a": [*cell.only_a], "only_b": [*cell.only_b]},
        )
        for cell in found.cells
    ]
    return FactsAnswer(**{**told, "cells": cells}, gates=[*gates], missing=[*missing])


def _metric(one: Difference) -> MetricAnswer:
    told: Any = one.as_json()
    return MetricAnswer(**told, verdict=(tone_of(one) or "undecided") if one.moved else "same")


def page_answer(lineup: Lineup, page: PairPage, *, a: Places | None, b: Places | None) -> PairPageAnswer:
    """Tell a page; `a`, `b`: the numbers of the cells of each run, None where a side is no run."""
    pairs = [_pair(pair, a, b) for pair in page.pairs]
    return PairPageAnswer(changes=lineup.counts, pairs=pairs, next=page.next, searched=page.searched)


def _pair(pair: Pair, a: Places | None, b: Places | None) -> PairAnswer:
    key = pair.b.key
    before, after = _text(pair.a.outputs), _text(pair.b.outputs)
    pieces = word_diff(_beginning(before), _beginning(after), most=MOST_WORDS) if before != after else []
    return PairAnswer(
        change=pair.change,
        row=key.row,
        row_id=key.row_id,
        cell=key.cell,
        repeat=key.repeat,
        tags=[str(tag) for tag in pair.b.tags[:MOST_TAGS]],
        inputs={
            name: as_text(value)[:LONGEST_INPUT] for name, value in islice(pair.b.inputs.items(), MOST_INPUTS)
        },
        a=_side(pair.a, before, a),
        b=_side(pair.b, after, b),
        diff=[DiffPiece(kind=piece.kind, text=piece.text) for piece in pieces],
    )


def _side(trial: TrialResult, output: str | None, cells: Places | None) -> PairSide:
    key = trial.key
    return PairSide(
        place=None if cells is None else f"{key.row}-{cells.get(key.cell, 0)}-{key.repeat}",
        status=trial.status,
        output=None if output is None else output[:LONGEST_OUTPUT],
        is_cut=output is not None and len(output) > LONGEST_OUTPUT,
        score=trial.score,
        cost_usd=trial.cost_usd,
        latency_ms=trial.latency_ms,
        reason=reason_of(trial)[:LONGEST_REASON],
        checks=_checks(trial),
    )


def _checks(trial: TrialResult) -> list[Check]:
    names = Check.model_fields
    return [
        Check(**{**{name: getattr(one, name) for name in names}, "reason": one.reason[:LONGEST_REASON]})
        for one in islice(trial.all_verdicts, MOST_CHECKS)
    ]


def _beginning(text: str | None) -> str:
    """Give what is compared: one word may be a megabyte long."""
    if text is None or len(text) <= LONGEST_COMPARED:
        return text or ""
    return f"{text[:LONGEST_COMPARED]}…"


def _text(outputs: JSON) -> str | None:
    """Give outputs as text: of a map each value with its name, on lines of its own."""
    match outputs:
        case None:
            return None
        case dict():
            return "\n".join(f"{name}: {as_text(value)}" for name, value in outputs.items())
        case _:
            return as_text(outputs)
