"""What flags change of a pipeline: --set, --variant, --repeat, -i."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, compact
from promptlab.core.suggest import did_you_mean
from promptlab.loader.cells import CellSource
from promptlab.loader.document import Document, parse_json, parse_yaml
from promptlab.loader.nodes import Place, ScalarNode
from promptlab.loader.overlay import override
from promptlab.loader.problems import Position, Problems
from promptlab.loader.source_text import SourceText
from promptlab.loader.template_places import Site
from promptlab.schemas.dataset import InputSpec
from promptlab.schemas.template import Template

READ_AS_JSON = ("integer", "number", "boolean", "array", "object", "messages")
WHERE = "--where"


@frozen
class Changes:
    """`sets`: dotted paths and YAML texts; `inputs`: the one row to run instead of the dataset.

    `where`: an expression that rows must fulfil besides the dataset's own. `is_judged`: checks are run, so
    that rows must have what they need.
    """

    sets: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = ()
    repeat: int | None = None
    inputs: Mapping[str, str] | None = None
    where: str | None = None
    is_judged: bool = True

    def chosen(self, cells: list[CellSource]) -> Iterable[CellSource]:
        """Give the cells that --variant names: by their variant, or by their whole name."""
        known = list(dict.fromkeys(name for cell in cells for name in (cell.variant, cell.name)))
        for wanted in self.variants:
            if wanted not in known:
                raise UsageError(f"there is no variant '{wanted}'", hint=did_you_mean(wanted, known))
        if not self.variants:
            return cells
        return [cell for cell in cells if cell.variant in self.variants or cell.name in self.variants]

    def documents(self, pipeline: Document, problems: Problems) -> Iterator[Document]:
        """Give the overrides to lay over each cell of a pipeline, last."""
        if self.repeat is not None:
            path = "repeat.max" if _is_until_decided(pipeline.value) else "repeat"
            yield from _document("--repeat", path, str(self.repeat), problems)
        for path, text in self.sets:
            yield from _document(f"--set {path}", path, text, problems)

    def condition(self) -> Site | None:
        """Give the expression of --where as one that stands in a file."""
        if self.where is None:
            return None
        source = SourceText(WHERE, self.where)
        node = ScalarNode(Place(source, 1, 1), self.where, "plain", 0, len(self.where))
        return Site(Template("expression", self.where, WHERE), Document(source, node))

    def row(self, inputs: Mapping[str, InputSpec] | None, problems: Problems) -> Document | None:
        """Give the one row that -i makes, as a document."""
        if self.inputs is None:
            return None
        known = inputs or {}
        row = {name: _value(name, text, known.get(name)) for name, text in self.inputs.items()}
        return parse_json("-i", compact([row]), problems)

    def refuse_unknown(self, inputs: Mapping[str, InputSpec] | None, columns: Collection[str]) -> None:
        """Raise UsageError for a name of -i that is no input, and no column that a check names."""
        if inputs is None:
            return
        known = {*inputs, *columns}
        for name in self.inputs or ():
            if name not in known:
                raise UsageError(f"-i {name}: there is no such input", hint=did_you_mean(name, known))


NO_CHANGES = Changes()


def _is_until_decided(pipeline: JSON) -> bool:
    repeat = pipeline.get("repeat") if isinstance(pipeline, dict) else None
    return isinstance(repeat, dict) and "until" in repeat


def _document(shown: str, path: str, text: str, problems: Problems) -> Iterator[Document]:
    if not text.strip():
        problems.add(shown, Position(1, 1), "the value is empty", code="set", hint='write "" for empty text')
        return
    value = parse_yaml(shown, text, problems, top="any")
    if value is not None:
        yield override(path, value)


def _value(name: str, text: str, spec: InputSpec | None) -> JSON:
    if spec is None or spec.type not in READ_AS_JSON:
        return text
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"-i {name}: {spec.type} is wanted, and the value is not JSON") from None
    return value
