"""What a git change touches: pipelines, their steps, and the rows for which these do another thing."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, Self

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text

AFFECTED_VERSION = 1
LONGEST = 40

type Effect = Literal["calls", "verdicts"]
type Status = Literal["unchanged", "changed", "new", "removed"]


@frozen
class Why:
    """A reason. `name`: of what changed; `before` and `after` where both are short, None where not told.

    Kinds: template include params model schema tool code file retry fallback … for what a step says;
    `step` for one before it; `row`, `new row`; `recording`, `baseline`; checks outputs gates for what judges;
    `new`, `base` and others for all of a pipeline or cell.
    """

    kind: str
    name: str = ""
    before: str | None = None
    after: str | None = None

    @property
    def text(self) -> str:
        said = f"{self.kind}.{self.name}" if self.kind == "params" else f"{self.kind} {self.name}".strip()
        if self.before is None and self.after is None:
            return said
        return f"{said} {_or_none(self.before)} → {_or_none(self.after)}"

    def as_json(self) -> dict[str, JSON]:
        told = {"name": self.name or None, "before": self.before, "after": self.after}
        return {"kind": self.kind, **{name: value for name, value in told.items() if value is not None}}


@frozen(kw_only=True)
class StepChange:
    """What a step (None: the pipeline's own outputs, checks and gates) does otherwise in a cell.

    `calls`: other things are asked or run; `verdicts`: the same is asked, but what comes of it is read or
    judged otherwise. `rows` by index and id; `of`: how many the cell has. `why` says for how many rows.
    """

    cell: str
    variant: str
    axes: Mapping[str, JSON]
    step: str | None
    effect: Effect
    rows: Sequence[tuple[int, str]]
    of: int
    why: Mapping[Why, int]

    def as_json(self) -> dict[str, JSON]:
        return {
            "variant": self.variant,
            "axes": dict(self.axes),
            "step": self.step,
            "effect": self.effect,
            "rows": [index for index, _ in self.rows],
            "row_ids": [row_id for _, row_id in self.rows],
            "of": self.of,
            "why": [{**why.as_json(), "rows": count} for why, count in self.why.items()],
        }


@frozen(kw_only=True)
class PipelineChange:
    """How a pipeline is affected. `was`: its path before, where it is another; `why`: of all of it.

    `trials` counts all that a run has, `calls` and `verdicts` those that are affected so, each once.
    `removed_rows`, `removed_cells`: they are there no more, so that nothing is run of them; `renamed`: cells
    that were there under another name.
    """

    pipeline: str
    path: str
    status: Status
    was: str | None = None
    why: Sequence[Why] = ()
    rows: int = 0
    trials: int = 0
    calls: int = 0
    verdicts: int = 0
    changes: Sequence[StepChange] = ()
    new_rows: Sequence[str] = ()
    removed_rows: Sequence[str] = ()
    removed_cells: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def affected(self) -> int:
        """How many trials are affected."""
        return self.calls + self.verdicts

    def as_json(self) -> dict[str, JSON]:
        return {
            "pipeline": self.pipeline,
            "path": self.path,
            "was": self.was,
            "status": self.status,
            "why": [why.as_json() for why in self.why],
            "rows": self.rows,
            "trials": {"planned": self.trials, "calls": self.calls, "verdicts": self.verdicts},
            "changes": [change.as_json() for change in self.changes],
            "new_rows": list(self.new_rows),
            "removed_rows": list(self.removed_rows),
            "removed_cells": list(self.removed_cells),
            "renamed_cells": dict(self.renamed),
        }


@frozen(kw_only=True)
class Affected:
    """All pipelines that were looked at, since `commit`: `ref` itself, or where HEAD parted from it."""

    ref: str
    commit: str
    has_parted: bool
    pipelines: Sequence[PipelineChange]

    def as_json(self) -> dict[str, JSON]:
        return {
            "schema_version": AFFECTED_VERSION,
            "since": {"ref": self.ref, "commit": self.commit, "has_parted": self.has_parted},
            "affected": any(one.status != "unchanged" for one in self.pipelines),
            "pipelines": [one.as_json() for one in self.pipelines],
        }


@frozen(kw_only=True)
class AffectedTrials:
    """Which trials of a pipeline are affected: row ids by cell (None: all), and repeats from a number on."""

    rows: Mapping[str, frozenset[str] | None]
    new_repeats: Mapping[str, int] = field(default_factory=dict)

    def has(self, row_id: str, cell: str, repeat: int) -> bool:
        rows = self.rows.get(cell, frozenset())
        return rows is None or row_id in rows or repeat >= self.new_repeats.get(cell, repeat + 1)

    def as_json(self) -> dict[str, JSON]:
        rows: dict[str, JSON] = {
            cell: None if ids is None else list[JSON](sorted(ids)) for cell, ids in self.rows.items()
        }
        return {"rows": rows, "new_repeats": dict(self.new_repeats)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Give what `as_json` was given."""
        rows = {cell: None if ids is None else frozenset(ids) for cell, ids in kept["rows"].items()}
        return cls(rows=rows, new_repeats=kept["new_repeats"])


def short(value: JSON) -> str | None:
    """Give a value as a reason tells it; None where it is too long for that."""
    if isinstance(value, dict | list):
        return None
    text = f"{value:g}" if isinstance(value, float) else as_text(value)
    return text if len(text) <= LONGEST and "\n" not in text else None


def _or_none(text: str | None) -> str:
    return "none" if text is None else text
