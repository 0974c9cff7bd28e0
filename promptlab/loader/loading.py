"""Loads a pipeline with all that it names; every problem is found before anything is called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pydantic import ValidationError

from promptlab.engine.plan import Cell, CellSpec
from promptlab.engine.targets import Targets
from promptlab.loader import diagnosis
from promptlab.loader.cells import CellSource, cell_sources
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.compiling import compiled
from promptlab.loader.crosscheck import Crosscheck
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.gate_checks import gate_problems, known_metrics
from promptlab.loader.overlay import merged
from promptlab.loader.problems import Problems
from promptlab.loader.pruning import pruned
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.row_checks import RowChecks
from promptlab.loader.sources import FileError
from promptlab.loader.template_places import TemplatePlaces
from promptlab.schemas.dataset import DatasetSpec, InputSpec, Row
from promptlab.schemas.pipeline import PipelineSpec

NOT_IN_CELLS = ("variants", "matrix")


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline that can be run. `dataset` None: it has one row without columns."""

    path: str
    name: str
    cells: tuple[Cell, ...]
    files: ProjectFiles
    dataset: Dataset | None
    row_count: int

    @property
    def spec(self) -> PipelineSpec:
        """The first cell's; what a variant may not override is the same in all."""
        return self.cells[0].spec

    def rows(self) -> Iterator[Row]:
        """Give the rows as a stream, from the start at each call."""
        if self.dataset is None:
            yield Row(0, "0", {}, {}, 1)
        else:
            yield from self.dataset.rows()


def load_pipeline(
    files: ProjectFiles, path: str, targets: Targets, changes: Changes = NO_CHANGES
) -> LoadedPipeline:
    """Load a pipeline; raises InvalidPipeline with all its problems."""
    problems = Problems()
    loaded = check_pipeline(files, path, targets, problems, changes)
    problems.raise_errors()
    if loaded is None:
        raise AssertionError("a pipeline that cannot be loaded has problems")
    return loaded


def check_pipeline(
    files: ProjectFiles, path: str, targets: Targets, problems: Problems, changes: Changes = NO_CHANGES
) -> LoadedPipeline | None:
    """Load a pipeline as far as it goes, collecting its problems; None where it cannot be run."""
    text = files.read_text(path, problems)
    document = None if text is None else parse_yaml(path, text, problems)
    if document is None:
        return None
    return _Loading(files, path, targets, problems, changes).load(document)


@dataclass(slots=True)
class _Loading:
    files: ProjectFiles
    path: str
    targets: Targets
    problems: Problems
    changes: Changes
    resolver: ProjectResolver = field(init=False)
    places: TemplatePlaces = field(init=False)

    def __post_init__(self) -> None:
        self.resolver = ProjectResolver(self.files, self.problems)
        self.places = TemplatePlaces(self.files, self.problems, self.resolver.prompts.line_offsets)

    def load(self, document: Document) -> LoadedPipeline | None:
        before = self.problems.errors
        specs = list(self._specs(document))
        if not specs:
            return None
        dataset, scan = self._dataset(document, specs[0][2])
        inputs = _inputs(specs[0][2], scan)
        cells = [self._cell(source, laid, spec, inputs, scan) for source, laid, spec in specs]
        self._check_gates(document, [spec for _, _, spec in specs])
        self.places.try_all()
        if self.problems.errors > before:
            return None
        name = specs[0][2].name or PurePosixPath(self.path).stem
        done = tuple(cell for cell in cells if cell is not None)
        return LoadedPipeline(self.path, name, done, self.files, dataset, scan.rows if scan else 1)

    def _specs(self, document: Document) -> Iterator[tuple[CellSource, Document, PipelineSpec]]:
        for source in self.changes.chosen(cell_sources(document, self.problems)):
            layers = (*source.overrides, *self.changes.documents(self.problems))
            laid = merged(document, layers, self.problems)
            spec = self._validated(laid)
            if spec is not None:
                yield source, laid, spec

    def _validated(self, document: Document) -> PipelineSpec | None:
        """Give the cell, without what is wrong in it, so that all else can be held to the names there are."""
        value = document.value
        kept = {key: item for key, item in value.items() if key not in NOT_IN_CELLS}  # type: ignore[union-attr]
        context = {"resolver": self.resolver}
        try:
            return PipelineSpec.model_validate(kept, context=context)
        except ValidationError as error:
            places = diagnosis.report(error, document, self.problems, PipelineSpec)
        try:
            return PipelineSpec.model_validate(pruned(kept, places), context=context)
        except ValidationError:
            return None

    def _dataset(self, document: Document, spec: PipelineSpec) -> tuple[Dataset | None, Scan | None]:
        inputs = None if spec.inputs is None else {name: entry.spec for name, entry in spec.inputs.items()}
        origin = self.changes.row(inputs, self.problems) or _origin(document, spec)
        if origin is None:
            self._require_defaults(document, inputs)
            return None, None
        dataset = Dataset(self.files, origin, inputs)
        try:
            return dataset, dataset.scan(self.problems, RowChecks(self.problems, dataset.file))
        except FileError as error:
            document.report(self.problems, ("dataset",), str(error), code=error.code, hint=error.hint)
            return dataset, None

    def _require_defaults(self, document: Document, inputs: dict[str, InputSpec] | None) -> None:
        for name, spec in (inputs or {}).items():
            if spec.required:
                message = f"nothing gives the input '{name}' a value"
                hint = "write a `dataset`, give it a default, or say -i NAME=VALUE"
                document.report(self.problems, ("inputs", name), message, code="missing-input", hint=hint)

    def _check_gates(self, document: Document, specs: Sequence[PipelineSpec]) -> None:
        sources = cell_sources(document, Problems())
        cells = {source.name: source.variant for source in sources}
        for place, message in gate_problems(specs[0].gates, metrics=known_metrics(specs), cells=cells):
            document.report(self.problems, ("gates", *place), message, code="gate")

    def _cell(
        self,
        source: CellSource,
        document: Document,
        spec: PipelineSpec,
        inputs: dict[str, InputSpec] | None,
        scan: Scan | None,
    ) -> Cell | None:
        columns: Sequence[str] | None = scan.columns if scan is not None else None
        check = Crosscheck(document, spec, inputs, columns, self.places, self.problems)
        dependencies = check.run()
        cell = CellSpec(source.name, source.variant, source.axes, spec, dependencies)
        return compiled(cell, document, self.targets, self.problems)


def _origin(document: Document, spec: PipelineSpec) -> DatasetSpec | Document | None:
    if spec.dataset is None:
        return None
    return document.part(("dataset",)) if isinstance(spec.dataset, list) else spec.dataset.spec


def _inputs(spec: PipelineSpec, scan: Scan | None) -> dict[str, InputSpec] | None:
    """Give the inputs that are declared, else those of the first row; None where that could not be read."""
    if spec.inputs is not None:
        return {name: entry.spec for name, entry in spec.inputs.items()}
    if spec.dataset is None:
        return {}
    return dict(scan.inputs) if scan is not None else None
