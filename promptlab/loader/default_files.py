"""Paths of files that stand in pipelines, as inputs have them by default or are given them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from promptlab.core.json import JSON
from promptlab.engine.conversation import Form
from promptlab.loader.attachments import record_attachment
from promptlab.loader.bindings import bound_name
from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles
from promptlab.loader.named_files import named_files
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import InputSpec
from promptlab.schemas.template import Place, TemplatedValue

if TYPE_CHECKING:
    from promptlab.engine.steps.pipeline import PipelineStep

type Forms = dict[str, frozenset[Form]]


def default_forms(
    files: ProjectFiles, document: Document, inputs: Mapping[str, InputSpec], problems: Problems
) -> Forms:
    """Hold the paths that inputs have by default to their types; give what kinds of files they lead to."""
    values = {name: spec.default for name, spec in inputs.items() if not spec.required}
    places = {name: ("inputs", name, "default") for name in values}
    return _forms(files, document, inputs, values, places, problems)


def forms_given(
    files: ProjectFiles,
    document: Document,
    called: Document,
    place: Place,
    step: "PipelineStep",
    around: Mapping[str, frozenset[Form]],
    problems: Problems,
) -> Forms:
    """Say what kinds of files the inputs of a called pipeline lead to: by default, literally, or as bound."""
    inputs = step.pipeline.inputs_given(step.bindings)
    by_default = default_forms(files, called, inputs, problems)
    literal = _literal_forms(files, document, (*place, "with"), step.bindings, inputs, problems)
    bound = {name: around.get(bound_name(step, name), frozenset()) for name in inputs}
    known = (by_default, literal, bound)
    return {name: frozenset[Form]().union(*(one.get(name, ()) for one in known)) for name in inputs}


def _literal_forms(
    files: ProjectFiles,
    document: Document,
    place: Place,
    bindings: Mapping[str, TemplatedValue],
    inputs: Mapping[str, InputSpec],
    problems: Problems,
) -> Forms:
    """Do so for the literal paths that a step gives a pipeline; `place`: of its `with`."""
    values = {name: value.source for name, value in bindings.items() if not value.holes and name in inputs}
    places = {name: (*place, name) for name in values}
    return _forms(files, document, inputs, values, places, problems)


def _forms(
    files: ProjectFiles,
    document: Document,
    inputs: Mapping[str, InputSpec],
    values: Mapping[str, JSON],
    places: Mapping[str, Place],
    problems: Problems,
) -> Forms:
    found: dict[str, set[Form]] = {}
    for name, value in values.items():
        for below, function, path in named_files(inputs[name].type, value):
            try:
                found.setdefault(name, set()).add(record_attachment(files, function, path))
            except FileError as error:
                place = (*places[name], *below)
                document.report(problems, place, str(error), code=error.code, hint=error.hint)
    return {name: frozenset(forms) for name, forms in found.items()}
