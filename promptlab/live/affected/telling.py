"""From what a comparison found to what is told of it, and to the trials that are run for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from promptlab.live.affected.comparing import CellChanges, Comparison, add_all
from promptlab.loader.loading import LoadedPipeline
from promptlab.schemas.affected import (
    AffectedTrials,
    Effect,
    PipelineChange,
    Status,
    StepChange,
    Why,
)

type Told = tuple[PipelineChange, AffectedTrials]


def told_of(comparison: Comparison) -> Told:
    """Tell how a pipeline differs from what it was."""
    head, base = comparison.head.loaded, comparison.base.loaded
    cells = list(comparison.found.values())
    names = {pair.was.name: pair.now.name for pair in comparison.pairs}
    removed_cells = [cell.name for cell in base.cells if cell.name not in names]
    renamed = {was: now for was, now in names.items() if was != now}
    changes = [change for cell in cells for change in _changes(cell, head.row_count)]
    is_changed = bool(changes or comparison.gone or removed_cells or renamed)
    change = _pipeline(
        head,
        "changed" if is_changed else "unchanged",
        cells,
        changes,
        was=base.path if base.path != head.path else None,
        new_rows=comparison.new_rows,
        removed_rows=list(comparison.gone),
        removed_cells=removed_cells,
        renamed=renamed,
    )
    return change, _trials(cells)


def whole(head: LoadedPipeline, status: Status, why: Why) -> Told:
    """Tell that all of a pipeline is affected."""
    cells = [CellChanges(cell) for cell in head.cells]
    for cell in cells:
        add_all(cell, head.rows(), why)
    changes = [change for cell in cells for change in _changes(cell, head.row_count)]
    return _pipeline(head, status, cells, changes, why=[why]), _trials(cells)


def removed(path: str, name: str) -> PipelineChange:
    """Tell that a pipeline is there no more."""
    return PipelineChange(pipeline=name, path=path, status="removed", why=[Why("removed")])


def _pipeline(
    head: LoadedPipeline,
    status: Status,
    cells: Sequence[CellChanges],
    changes: Sequence[StepChange],
    **facts: object,
) -> PipelineChange:
    counts = _counted(cells, head.row_count)
    return PipelineChange(
        pipeline=head.name,
        path=head.path,
        status=status,
        rows=head.row_count,
        trials=sum(head.row_count * cell.spec.repeat.count for cell in head.cells),
        calls=counts["calls"],
        verdicts=counts["verdicts"],
        changes=changes,
        **facts,  # type: ignore[arg-type]
    )


def _counted(cells: Iterable[CellChanges], rows: int) -> Counter[Effect]:
    """Count the trials: all repeats of a row, or those alone that are new."""
    counts = Counter[Effect]()
    for cell in cells:
        repeats = cell.cell.spec.repeat.count
        known = repeats if cell.new_repeats is None else cell.new_repeats
        counts["calls"] += rows * (repeats - known)
        for effect in cell.effects.values():
            counts[effect] += known
    return counts


def _changes(cell: CellChanges, rows: int) -> Iterator[StepChange]:
    order = {path: number for number, (path, _) in enumerate(cell.cell.paths())}
    for place, effect in sorted(cell.places, key=lambda key: (order.get(key[0], len(order)), key[1])):
        change = cell.places[place, effect]
        yield StepChange(
            cell=cell.cell.name,
            variant=cell.cell.variant,
            axes=cell.cell.axes,
            step=place or None,
            effect=effect,
            rows=sorted(change.rows),
            of=rows,
            why=dict(change.why.most_common()),
        )


def _trials(cells: Iterable[CellChanges]) -> AffectedTrials:
    found = list(cells)
    return AffectedTrials(
        rows={cell.cell.name: frozenset(cell.effects) for cell in found},
        new_repeats={cell.cell.name: cell.new_repeats for cell in found if cell.new_repeats is not None},
    )
