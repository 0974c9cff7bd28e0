"""Loads a pipeline with all that it names; every problem is found before anything is called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath

from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.frozen import frozen
from promptlab.core.words import plural
from promptlab.engine.conversation import Form
from promptlab.engine.plan import Cell, CellSpec
from promptlab.engine.targets import Targets
from promptlab.loader.ambiguity import refuse_ambiguous_axes
from promptlab.loader.attached import Attached
from promptlab.loader.cells import CellSource, cell_sources
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.choosing import Choosing
from promptlab.loader.compiling import compiled
from promptlab.loader.crosscheck import Crosscheck
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.default_files import default_forms
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.gate_checks import gate_problems, known_metrics
from promptlab.loader.lacking import Lacking, Needed
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.overlay import merged
from promptlab.loader.problems import Problems
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.selection import Selection
from promptlab.loader.sources import FileError
from promptlab.loader.spec import read_spec
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.schemas.dataset import DatasetSpec, InputSpec, Row
from promptlab.schemas.pipeline import PipelineSpec

NO_FORMS: frozenset[Form] = frozenset()
UNFED = "no-value"  # of an input: only a step that calls the pipeline, or -i, can give it one


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
            defaults = {name: entry.default for name, entry in (self.spec.inputs or {}).items()}
            yield Row(0, "0", defaults, {}, 1)
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


@frozen
class _Rows:
    """What is known of the rows; `inputs` and `columns` None: they could not be found out.

    `ask`: some bring checks that ask a model to judge.
    """

    dataset: Dataset | None = None
    inputs: Mapping[str, InputSpec] | None = None
    columns: Sequence[str] | None = None
    count: int = 1
    forms: Mapping[str, frozenset[Form]] = field(default_factory=dict)
    scan: Scan | None = None
    selection: Selection | None = None
    lacking: Lacking = field(default_factory=Lacking)
    ask: bool = False


@dataclass(slots=True)
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
    _default_forms: dict[str, frozenset[Form]] = field(default_factory=dict)

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
        rows = self._rows(document, drafts[0].spec)
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
            layers = (*source.overrides, *self.changes.documents(self.problems))
            laid = merged(document, layers, self.problems)
            spec = read_spec(laid, self.resolver, self.problems)
            if spec is not None:
                yield _CellDraft(source, laid, spec)

    def _rows(self, document: Document, spec: PipelineSpec) -> _Rows:
        declared = None if spec.inputs is None else {name: entry.spec for name, entry in spec.inputs.items()}
        self._default_forms = default_forms(self.files, document, declared or {}, self.problems)
        said = self.changes.row(declared, self.problems)
        if said is not None:
            return replace(self._read_rows(document, Dataset(self.files, said, declared)), columns=None)
        origin = _origin(document, spec)
        if origin is not None:
            where = _where(document, origin)
            return self._read_rows(document, Dataset(self.files, origin, declared), where)
        if self.changes.where is not None:
            raise UsageError(f"--where chooses rows, and {self.path} has no dataset")
        if document.part(("dataset",)) is not None:
            return _Rows(inputs=declared)
        self._require_defaults(document, declared or {})
        return _Rows(inputs=declared or {}, columns=(), forms=self._default_forms)

    def _read_rows(self, document: Document, dataset: Dataset, where: Site | None = None) -> _Rows:
        """Read every row once."""
        choosing = Choosing(self.places, self.problems, where, self.changes.condition())
        try:
            scan, selection = choosing.scan(dataset)
        except FileError as error:
            place = ("dataset", "path") if where is not None else ("dataset",)
            document.report(self.problems, place, str(error), code=error.code, hint=error.hint)
            scan = selection = None
        if scan is None:
            return _Rows(dataset, dataset.inputs)
        inputs = scan.inputs if dataset.inputs is None else dataset.inputs
        by_default = self._default_forms
        forms = {name: scan.forms.get(name, NO_FORMS) | by_default.get(name, NO_FORMS) for name in inputs}
        count = scan.rows if selection is None else selection.count
        if count == 0 and where is not None and where.document is not None and self.changes.where is None:
            message, hint = (
                f"none of {plural(scan.rows, 'row')} is left",
                "a run of it would end with exit code 5",
            )
            where.document.report(
                self.problems, where.place, message, code="no-rows", hint=hint, severity="warning"
            )
        return _Rows(
            dataset, inputs, scan.columns, count, forms, scan, selection, choosing.lacking, choosing.rows_ask
        )

    def _require_defaults(self, document: Document, inputs: Mapping[str, InputSpec]) -> None:
        for name, spec in inputs.items():
            if spec.required:
                message = f"nothing gives the input '{name}' a value"
                hint = "write a `dataset`, give it a default, or say -i NAME=VALUE"
                document.report(self.problems, ("inputs", name), message, code=UNFED, hint=hint)

    def _check_gates(self, document: Document, drafts: Sequence[_CellDraft]) -> None:
        cells = {source.name: source.variant for source in cell_sources(document, Problems())}
        metrics = known_metrics(draft.spec for draft in drafts)
        for place, message, hint in gate_problems(drafts[0].spec.gates, metrics=metrics, cells=cells):
            document.report(self.problems, ("gates", *place), message, code="gate", hint=hint)

    def _cell(self, draft: _CellDraft, rows: _Rows) -> Cell | None:
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
        found = compiled(cell, links, self.targets, self.problems, rows_ask=rows.ask)
        if found is not None:
            attached.check(found)
        return found


def _where(document: Document, origin: DatasetSpec | Document) -> Site | None:
    if isinstance(origin, Document) or origin.where is None:
        return None
    return Site(origin.where, document, ("dataset", "where"))


def _origin(document: Document, spec: PipelineSpec) -> DatasetSpec | Document | None:
    if spec.dataset is None:
        return None
    return document.part(("dataset",)) if isinstance(spec.dataset, list) else spec.dataset.spec
