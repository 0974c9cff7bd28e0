"""Paths of files that stand in pipelines, as inputs have them by default or are given them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from promptlab.engine.conversation import Form
from promptlab.loader.attachments import record_attachment
from promptlab.loader.bindings import bound_name
from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import PATH_TYPES, InputSpec
from promptlab.schemas.template import Place, TemplatedValue

if TYPE_CHECKING:
    from promptlab.engine.steps.pipeline import PipelineStep

type Forms = dict[str, frozenset[Form]]


def default_forms(
    files: ProjectFiles, document: Document, inputs: Mapping[str, InputSpec], problems: Problems
) -> Forms:
    """Hold the paths that inputs have by default to their types; give what kinds of files they lead to."""
    paths = {name: spec.default for name, spec in inputs.items() if isinstance(spec.default, str)}
    places = {name: ("inputs", name, "default") for name in paths}
    return _forms(files, document, inputs, paths, places, problems)


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
    literal = {name: value.source for name, value in bindings.items() if not value.holes}
    paths = {name: path for name, path in literal.items() if isinstance(path, str) and name in inputs}
    places = {name: (*place, name) for name in paths}
    return _forms(files, document, inputs, paths, places, problems)


def _forms(
    files: ProjectFiles,
    document: Document,
    inputs: Mapping[str, InputSpec],
    paths: Mapping[str, str],
    places: Mapping[str, Place],
    problems: Problems,
) -> Forms:
    found: Forms = {}
    for name, path in paths.items():
        if inputs[name].type in PATH_TYPES:
            try:
                found[name] = frozenset((record_attachment(files, inputs[name].type, path),))
            except FileError as error:
                document.report(problems, places[name], str(error), code=error.code, hint=error.hint)
    return found
