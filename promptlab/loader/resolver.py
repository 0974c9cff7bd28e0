"""Finds what a pipeline names while it is validated: kinds of steps and checks, files, functions, schemas."""

from dataclasses import field
from typing import Any

from pydantic import ValidationInfo

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean, suggest
from promptlab.engine.catalog import STEPS
from promptlab.engine.check_reading import read_check
from promptlab.engine.function import Function
from promptlab.engine.json_schema import check_schema
from promptlab.engine.prompt import PromptFile
from promptlab.engine.step import Step
from promptlab.engine.sub_pipeline import SubPipeline
from promptlab.engine.tool import ProjectTool
from promptlab.loader.document import Document, parse_json, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Position, Problems
from promptlab.loader.prompts import PromptReader
from promptlab.loader.sources import FileError
from promptlab.loader.spec import read_spec
from promptlab.schemas.refusal import Refusal

NO_RECURSION = "let a `foreach` repeat steps; a pipeline cannot call itself"


@slotted
class ProjectResolver:
    """A Resolver over a project's files; what is read is read once.

    `path`: the pipeline that is loaded; `documents`: the files of those that it calls, at any depth. A file
    that is there but wrong inside is reported at its own place; whoever names it gets it all the same.
    """

    files: ProjectFiles
    problems: Problems
    path: str | None = None
    prompts: PromptReader = field(init=False)
    documents: dict[str, Document] = field(default_factory=dict)
    _calling: list[str] = field(default_factory=list)
    _pipelines: dict[str, SubPipeline] = field(default_factory=dict)
    _functions: dict[str, Function] = field(default_factory=dict)
    _schemas: dict[str, dict[str, JSON]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prompts = PromptReader(self.files, self.problems, self)
        if self.path is not None:
            self._calling.append(self.path)

    def step(self, source: JSON, info: ValidationInfo) -> Step:
        if not isinstance(source, dict):
            raise Refusal(
                "a step must be a map", hint="write `- id: …` and what kind of step it is", code="type"
            )
        kinds = STEPS.among(source)
        if len(kinds) != 1:
            raise _no_single_kind(source, kinds)
        return STEPS.get(kinds[0]).model_validate(source, context=info.context)

    def check(self, source: JSON, info: ValidationInfo) -> Any:
        return read_check(source, info.context)

    def metric(self, source: JSON, info: ValidationInfo) -> Any:
        from promptlab.engine.metric_reading import read_metric  # noqa: PLC0415 - few pipelines have some

        return read_metric(source, info.context)

    def prompt(self, path: str) -> PromptFile:
        try:
            return self.prompts.read(path)
        except FileError as error:
            raise refusal_of(error) from None

    def pipeline(self, path: str) -> SubPipeline:
        """Give a pipeline that a step calls; raises Refusal where it calls itself, or cannot be read."""
        try:
            located = self.files.resolve(path)
        except FileError as error:
            raise refusal_of(error) from None
        if located in self._calling:
            chain = " → ".join((*self._calling[self._calling.index(located) :], located))
            raise Refusal(f"{located} calls itself: {chain}", hint=NO_RECURSION, code="recursion")
        if located not in self._pipelines:
            self._pipelines[located] = self._read_pipeline(located)
        return self._pipelines[located]

    def function(self, reference: str) -> Function:
        if reference not in self._functions:
            self._functions[reference] = self._read_function(reference)
        return self._functions[reference]

    def tool(self, reference: str) -> ProjectTool:
        """Give a function as a tool; raises Refusal where its signature does not say what it takes."""
        from promptlab.loader.tool_schemas import read_tool  # noqa: PLC0415 - few pipelines have tools

        return read_tool(self.function(reference))

    def json_schema(self, source: JSON) -> dict[str, JSON]:
        """Give a JSON Schema, from a file where `source` is a path; raises Refusal."""
        if isinstance(source, str):
            if source not in self._schemas:
                self._schemas[source] = self._read_schema(source)
            return self._schemas[source]
        if not isinstance(source, dict):
            raise Refusal("a schema is a map, or the path of a file with one", code="type")
        try:
            check_schema(source)
        except RecursionError:
            raise Refusal("the schema is nested too deep", code="schema") from None
        return source

    def _read_pipeline(self, path: str) -> SubPipeline:
        self._calling.append(path)
        try:
            text = self.files.read_text(path, self.problems)
            document = None if text is None else parse_yaml(path, text, self.problems)
            spec = None if document is None else read_spec(document, self, self.problems)
        except FileError as error:
            raise refusal_of(error) from None
        finally:
            self._calling.pop()
        if document is None or spec is None:
            raise Refusal(f"{path} holds no pipeline", told=True)
        self.documents[path] = document
        return SubPipeline(path, spec)

    def _read_function(self, reference: str) -> Function:
        from promptlab.loader.functions import read_function  # noqa: PLC0415 - few pipelines have code

        found = read_function(reference, self._bytes)
        if isinstance(found, Function):
            return found
        if found.path is not None and found.line is not None:
            position = Position(found.line, found.column or 1)
            self.problems.add(found.path, position, found.message, code="python", hint=found.hint)
            raise Refusal(found.message, told=True)
        raise Refusal(found.message, hint=found.hint, code="python")

    def _bytes(self, path: str) -> bytes:
        try:
            return self.files.read(path).content or b""
        except FileError as error:
            if error.code == "no-file":
                raise FileNotFoundError(str(error)) from None
            raise OSError(str(error)) from None

    def _read_schema(self, path: str) -> dict[str, JSON]:
        try:
            text = self.files.read_text(path, self.problems)
        except FileError as error:
            raise refusal_of(error) from None
        parse = parse_json if path.endswith(".json") else parse_yaml
        document = parse(path, text, self.problems) if text is not None else None
        if document is None:
            raise Refusal(f"{path} holds no schema", told=True)
        try:
            if isinstance(document.value, str):
                raise Refusal("a JSON Schema is a map", code="schema")
            return self.json_schema(document.value)
        except ValueError as error:
            below = getattr(error, "below", ())
            document.report(self.problems, below, str(error), code="schema")
            raise Refusal(f"{path} holds no schema", told=True) from None


def refusal_of(error: FileError) -> Refusal:
    return Refusal(str(error), hint=error.hint, code=error.code)


def _no_single_kind(source: dict[str, JSON], kinds: list[str]) -> Refusal:
    if kinds:
        message = f"a step is of one kind, but this one has {' and '.join(kinds)}"
        return Refusal(message, code="step-kind", below=kinds[1:2], key=True)
    names = STEPS.names()
    known = {"with"}.union(*(STEPS.get(name).model_fields for name in names))
    unknown = next((key for key in source if key not in known), None)
    if unknown is None:
        hint = f"known: {', '.join(names)}"
        return Refusal("nothing says what kind of step this is", hint=hint, code="step-kind")
    hint = did_you_mean(unknown, known if suggest(unknown, known) else names)
    return Refusal(f"unknown key '{unknown}'", hint=hint, code="step-kind", below=[unknown], key=True)
