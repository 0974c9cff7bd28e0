"""The rows of a pipeline: of its dataset, of -i, or of its defaults. Each is looked at before any call."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.words import plural
from promptlab.engine.conversation import Form
from promptlab.loader.changes import Changes
from promptlab.loader.choosing import Choosing
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.default_files import default_forms
from promptlab.loader.document import Document
from promptlab.loader.lacking import Lacking
from promptlab.loader.problems import Problems
from promptlab.loader.row_faults import RowFaults
from promptlab.loader.selection import Selection
from promptlab.loader.sources import FileError
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.schemas.dataset import DatasetSpec, InputSpec, Row
from promptlab.schemas.pipeline import PipelineSpec

__all__ = ["UNFED", "FoundRows", "RowsOfPipeline", "row_of_defaults"]

NO_FORMS: frozenset[Form] = frozenset()
UNFED = "no-value"  # of an input: only a step that calls the pipeline, or -i, can give it one


@frozen
class FoundRows:
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


@slotted
class RowsOfPipeline:
    """Reads the rows of the pipeline in `document`; `faults` are looked for in each that is run."""

    document: Document
    spec: PipelineSpec
    changes: Changes
    places: TemplatePlaces
    problems: Problems
    faults: RowFaults

    def find(self) -> FoundRows:
        """Report what is wrong with the rows; give what is known of them. Raises UsageError."""
        inputs, files = self.spec.inputs, self.places.files
        declared = None if inputs is None else {name: entry.spec for name, entry in inputs.items()}
        by_default = default_forms(files, self.document, declared or {}, self.problems)
        said = self.changes.row(declared, self.problems)
        if said is not None:
            return replace(self._read(Dataset(files, said, declared), by_default), columns=None)
        origin = self._origin()
        if origin is not None:
            return self._read(Dataset(files, origin, declared), by_default, self._where(origin))
        if self.changes.where is not None:
            raise UsageError(f"--where chooses rows, and {self.document.file} has no dataset")
        if self.document.part(("dataset",)) is not None:
            return FoundRows(inputs=declared)
        self._require_defaults(declared or {})
        return FoundRows(inputs=declared or {}, columns=(), forms=by_default)

    def _read(
        self, dataset: Dataset, by_default: Mapping[str, frozenset[Form]], where: Site | None = None
    ) -> FoundRows:
        """Read every row once."""
        choosing = Choosing(self.places, self.problems, where, self.changes.condition(), faults=self.faults)
        try:
            scan, selection = choosing.scan(dataset)
        except FileError as error:
            place = ("dataset", "path") if where is not None else ("dataset",)
            self.document.report(self.problems, place, str(error), code=error.code, hint=error.hint)
            scan = selection = None
        if scan is None:
            return FoundRows(dataset, dataset.inputs)
        inputs = scan.inputs if dataset.inputs is None else dataset.inputs
        forms = {name: scan.forms.get(name, NO_FORMS) | by_default.get(name, NO_FORMS) for name in inputs}
        count = scan.rows if selection is None else selection.count
        if count == 0 and where is not None and self.changes.where is None:
            self._warn_of_none(scan.rows)
        lacking, ask = choosing.lacking, choosing.rows_ask
        return FoundRows(dataset, inputs, scan.columns, count, forms, scan, selection, lacking, ask)

    def _warn_of_none(self, rows: int) -> None:
        message, hint = f"none of {plural(rows, 'row')} is left", "a run of it would end with exit code 5"
        place = ("dataset", "where")
        self.document.report(self.problems, place, message, code="no-rows", hint=hint, severity="warning")

    def _require_defaults(self, inputs: Mapping[str, InputSpec]) -> None:
        required = [name for name, spec in inputs.items() if spec.required]
        for name in required:
            message = f"nothing gives the input '{name}' a value"
            hint = "write a `dataset`, give it a default, or say -i NAME=VALUE"
            self.document.report(self.problems, ("inputs", name), message, code=UNFED, hint=hint)
        if not required:
            self.faults.take(row_of_defaults(inputs))
            self.faults.report(None, self.problems)

    def _origin(self) -> DatasetSpec | Document | None:
        if self.spec.dataset is None:
            return None
        if isinstance(self.spec.dataset, list):
            return self.document.part(("dataset",))
        return self.spec.dataset.spec

    def _where(self, origin: DatasetSpec | Document) -> Site | None:
        if isinstance(origin, Document) or origin.where is None:
            return None
        return Site(origin.where, self.document, ("dataset", "where"))


def row_of_defaults(inputs: Mapping[str, InputSpec]) -> Row:
    """Give the one row of a pipeline without a dataset."""
    return Row(0, "0", {name: spec.default for name, spec in inputs.items()}, {}, 1)
