"""Loads a pipeline with all that it names; every problem is found before anything is called."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import islice
from pathlib import PurePosixPath

from promptlab.core.errors import CannotGoOn
from promptlab.core.frozen import frozen, slotted
from promptlab.engine.plan import Cell, CellSpec
from promptlab.engine.targets import Targets
from promptlab.loader.ambiguity import refuse_ambiguous_axes
from promptlab.loader.attached import Attached
from promptlab.loader.cells import CellSource, cell_sources
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.compiling import Told, compiled
from promptlab.loader.crosscheck import Crosscheck
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.gate_checks import gate_problems
from promptlab.loader.known_metrics import known_metrics
from promptlab.loader.lacking import Needed
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.needs_of_steps import needs_of_steps
from promptlab.loader.overlay import merged
from promptlab.loader.pipeline_rows import FoundRows, RowsOfPipeline, row_of_defaults
from promptlab.loader.problems import Problems
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.row_faults import RowFaults
from promptlab.loader.row_needs import RowNeed
from promptlab.loader.selection import Selection
from promptlab.loader.sources import FileError
from promptlab.loader.spec import read_spec
from promptlab.loader.template_places import TemplatePlaces
from promptlab.loader.turns import check_turns
from promptlab.schemas.dataset import Row
from promptlab.schemas.gate import BASELINE
from promptlab.schemas.pipeline import PipelineSpec


@frozen
class LoadedPipeline:
    """A pipeline that can be run. `dataset` None: it has one row without columns.

    `called`: the paths of the pipelines that its steps call, at any depth.
    `row_count`: the rows that are run, of those that `scan` found; `selection` says which, None that all are.
    """

    path: str
    name: str
    cells: tuple[Cell, ...]
    files: ProjectFiles
    dataset: Dataset | None
    row_count: int
    called: frozenset[str] = frozenset()
    scan: Scan | None = None
    selection: Selection | None = None

    @property
    def spec(self) -> PipelineSpec:
        """The first cell's; what a variant may not override is the same in all."""
        return self.cells[0].spec

    def rows(self) -> Iterator[Row]:
        """Give the rows that are run as a stream, from the start at each call.

        Raises CannotGoOn where a data file has changed since the pipeline was loaded.
        """
        if self.dataset is None:
            yield row_of_defaults({name: entry.spec for name, entry in (self.spec.inputs or {}).items()})
            return
        try:
            yield from self._chosen(self.dataset.rows(self.scan))
        except FileError as error:
            raise CannotGoOn(error.message, hint=error.hint) from None

    def _chosen(self, rows: Iterator[Row]) -> Iterator[Row]:
        selection = self.selection
        if selection is None:
            yield from rows
        elif selection.count:
            upto = islice(rows, selection.end)
            yield from (row for row in upto if row.index in selection)


def load_pipeline(
    files: ProjectFiles,
    path: str,
    targets: Targets,
    changes: Changes = NO_CHANGES,
    memory: LoadingMemory | None = None,
) -> LoadedPipeline:
    """Load a pipeline; raises InvalidPipeline with all its problems."""
    problems = Problems()
    loaded = check_pipeline(files, path, targets, problems, changes, memory)
    problems.raise_errors()
    if loaded is None:
        raise AssertionError("a pipeline that cannot be loaded has problems")
    return loaded


def check_pipeline(
    files: ProjectFiles,
    path: str,
    targets: Targets,
    problems: Problems,
    changes: Changes = NO_CHANGES,
    memory: LoadingMemory | None = None,
) -> LoadedPipeline | None:
    """Load a pipeline as far as it goes, collecting its problems; None where it cannot be run.

    Its `files` remember what `files` read before, and what this pipeline names. A process that loads
    more than once gives the same `memory` each time.
    """
    if memory is None:
        with LoadingMemory() as fresh:
            return check_pipeline(files, path, targets, problems, changes, fresh)
    own = ProjectFiles(files.source)
    own.files_read |= files.files_read
    text = own.read_text(path, problems)
    document = None if text is None else parse_yaml(path, text, problems)
    if document is None:
        return None
    return _Loading(own, path, targets, problems, changes, memory).load(document)


@frozen
class _CellDraft:
    """A cell whose own keys are read: its document, with all overrides laid over it, and what that says."""

    source: CellSource
    document: Document
    spec: PipelineSpec


@slotted
class _Loading:
    files: ProjectFiles
    path: str
    targets: Targets
    problems: Problems
    changes: Changes
    memory: LoadingMemory
    resolver: ProjectResolver = field(init=False)
    places: TemplatePlaces = field(init=False)
    columns_named: set[str] = field(default_factory=set)
    columns_needed: dict[str, Needed] = field(default_factory=dict)
    _told: set[Told] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.resolver = ProjectResolver(self.files, self.problems, self.files.resolve(self.path))
        self.places = TemplatePlaces(
            self.files, self.problems, self.resolver.prompts.line_offsets, self.memory
        )

    def load(self, document: Document) -> LoadedPipeline | None:
        before = self.problems.errors
        drafts = list(self._drafts(document))
        if not drafts:
            return None
        rows = self._rows(document, drafts)
        cells = [cell for draft in drafts if (cell := self._cell(draft, rows)) is not None]
        self.changes.refuse_unknown(rows.inputs, self.columns_named)
        if self.changes.is_judged:
            rows.lacking.report(self.columns_needed.items(), rows.columns, self.problems)
        self._check_gates(document, drafts)
        self.places.try_all()
        if self.problems.errors > before:
            return None
        name = drafts[0].spec.name or PurePosixPath(self.path).stem
        return LoadedPipeline(
            self.path,
            name,
            tuple(cells),
            self.files,
            rows.dataset,
            rows.count,
            frozenset(self.resolver.documents),
            rows.scan,
            rows.selection,
        )

    def _drafts(self, document: Document) -> Iterator[_CellDraft]:
        refuse_ambiguous_axes(document, self.problems)
        for source in self.changes.chosen(cell_sources(document, self.problems)):
            layers = (*source.overrides, *self.changes.documents(document, self.problems))
            laid = merged(document, layers, self.problems)
            spec = read_spec(laid, self.resolver, self.problems)
            if spec is not None:
                yield _CellDraft(source, laid, spec)

    def _rows(self, document: Document, drafts: Sequence[_CellDraft]) -> FoundRows:
        faults = RowFaults(self._needs(drafts) if self.changes.is_judged else ())
        spec = drafts[0].spec
        return RowsOfPipeline(document, spec, self.changes, self.places, self.problems, faults).find()

    def _needs(self, drafts: Sequence[_CellDraft]) -> list[tuple[RowNeed, Needed]]:
        """Give what steps of any cell need of the rows, each once."""
        called, found = self.resolver.documents, list[tuple[RowNeed, Needed]]()
        for draft in drafts:
            typed = [(name,) for name, entry in (draft.spec.inputs or {}).items() if entry.type != "any"]
            for need, at in needs_of_steps(draft.spec.steps, draft.document, called):
                if need.is_told_by(typed):
                    continue
                if all(need != known for known, _ in found):
                    found.append((need, at))
        return found

    def _check_gates(self, document: Document, drafts: Sequence[_CellDraft]) -> None:
        cells = {source.name: source.variant for source in cell_sources(document, Problems())}
        metrics = known_metrics(draft.spec for draft in drafts)
        gates = drafts[0].spec.gates
        found = gate_problems(gates, metrics=metrics, cells=cells, by_check=metrics.by_check)
        for place, message, hint in found:
            document.report(self.problems, ("gates", *place), message, code="gate", hint=hint)
        if any(gate.against == BASELINE for gate in gates):
            from promptlab.loader.baseline import read_baseline  # noqa: PLC0415 - few pipelines have one

            name = drafts[0].spec.name or PurePosixPath(self.path).stem
            read_baseline(self.files.source, name, self.problems)

    def _cell(self, draft: _CellDraft, rows: FoundRows) -> Cell | None:
        source, document, spec = draft.source, draft.document, draft.spec
        attached = Attached(self.places)
        check = Crosscheck(
            document,
            spec,
            rows.inputs,
            rows.columns,
            self.places,
            self.problems,
            attached,
            rows.forms,
            self.resolver.documents,
        )
        links = check.run()
        self.columns_named |= links.columns_named
        self.columns_needed = links.columns_needed | self.columns_needed
        if links.is_full:
            return None
        cell = CellSpec(
            source.name,
            source.variant,
            source.axes,
            spec,
            links.dependencies(),
            links.for_checks,
            frozenset(links.in_order),
        )
        found = compiled(cell, links, self.targets, self.problems, self._told, rows_ask=rows.ask)
        if found is not None:
            attached.check(found)
            check_turns(found, links, self.places)
        return found
