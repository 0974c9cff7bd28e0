"""What people say of a run, as labels: for a judge to be held beside, and as lines of a data set."""

from collections.abc import Iterator, Mapping
from itertools import batched

from sqlalchemy.orm import Session

from promptlab.core.json import JSON
from promptlab.loader.labels import Label
from promptlab.loader.nodes import Place
from promptlab.loader.source_text import SourceText
from promptlab.schemas.log import RunRecord
from promptlab.schemas.ratings import HumanLabel
from promptlab.services.rated_answers import RatedAnswers
from promptlab.services.trials import TrialService

SOURCE = SourceText("the ratings of the run log", "")
OURS = frozenset(("row_id", "cell", "repeat", "human"))
_AT_ONCE = 200
WORDS: Mapping[bool | None, str | None] = {True: "pass", False: "fail", None: None}


class HumanLabels:
    """The labels of one run: most thumbs of a trial; where as many are down as up there is none."""

    def __init__(self, session: Session, run: RunRecord) -> None:
        self._trials = TrialService(session)
        self._found = RatedAnswers(session, run).labels()

    def labels(self) -> list[Label]:
        """Give them as a file of labels would; each has its number for a line."""
        return [
            Label(
                place=Place(SOURCE, number, 1),
                passed=one.passed,
                row_id=one.row_id,
                cell=one.cell,
                repeat=one.repeat,
            )
            for number, one in enumerate(self._found, start=1)
            if one.passed is not None
        ]

    @property
    def is_any(self) -> bool:
        return bool(self._found)

    @property
    def tied(self) -> int:
        """Of how many trials people are of two minds."""
        return sum(one.passed is None for one in self._found)

    def lines(self) -> Iterator[dict[str, JSON]]:
        """Give each trial with its label, who said it and why, its outputs and the columns of its row."""
        for some in batched(self._found, _AT_ONCE):
            trials = {trial.key.place: trial for trial in self._trials.of_ids([one.trial_id for one in some])}
            for one in some:
                trial = trials[one.row, one.cell, one.repeat]
                columns = trial.columns or trial.inputs
                others = {name: value for name, value in columns.items() if name not in OURS}
                yield {**_said(one, trial.outputs), **others}


def _said(one: HumanLabel, outputs: JSON) -> dict[str, JSON]:
    thumbs = [rating for rating in one.ratings if rating.thumb is not None]
    return {
        "row_id": one.row_id,
        "cell": one.cell,
        "repeat": one.repeat,
        "human": WORDS[one.passed],
        "human_who": ", ".join(rating.who for rating in thumbs),
        "human_at": max(rating.at for rating in thumbs).isoformat(timespec="seconds"),
        "human_note": "\n".join(rating.note for rating in one.ratings if rating.note),
        "human_output": outputs,
    }
