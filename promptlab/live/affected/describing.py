"""Reads a cell as it was loaded into facts; knows which key of a step counts for what."""

from collections.abc import Iterable, Iterator, Mapping

from promptlab.core.json import JSON, canonical
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.function import Function
from promptlab.engine.outputs import last_written
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import Cell, PlannedStep
from promptlab.engine.step import Step
from promptlab.engine.steps.foreach import ForeachStep
from promptlab.engine.steps.pipeline import PipelineStep
from promptlab.engine.steps.prompt import PromptStep
from promptlab.engine.target import Judges, Target
from promptlab.engine.templating.vocabulary import ATTACHING, PROMPTS
from promptlab.live.affected.contents import Contents
from promptlab.live.affected.definition import Bound, CellDefinition, Definition, Fact, Role
from promptlab.live.affected.judged import check_facts, columns_of, renamed
from promptlab.live.affected.normal import template_digest
from promptlab.live.affected.reader import Reader
from promptlab.loader.templates import analyse
from promptlab.schemas.dataset import PATH_TYPES
from promptlab.schemas.pipeline import InputEntry, PipelineSpec
from promptlab.schemas.template import Template, TemplatedValue

FILE_TYPES = (*PATH_TYPES, "messages")
ELSEWHERE = frozenset(
    (
        *("version", "name", "description", "tags", "limits"),
        *("inputs", "dataset", "variants", "matrix", "repeat", "model", "params", "steps"),
    )
)
"""Keys of a pipeline whose effect is seen in steps and rows, or that have none on results."""
HANDLED: Mapping[type, frozenset[str]] = {
    Step: frozenset(Step.model_fields),
    CompletionStep: frozenset(CompletionStep.model_fields),
    PromptStep: frozenset(("prompt",)),
    PipelineStep: frozenset(("pipeline",)),
    ForeachStep: frozenset(("steps", "outputs", "max_concurrency")),
}
"""Keys of a kind of step that are read by themselves, or that have no effect on results."""


def describe(cell: Cell, contents: Contents) -> CellDefinition:
    """Give what a cell is made of, place by place."""
    places, inner = {"": _pipeline(cell, contents)}, {}
    for path, planned in cell.paths():
        places[path] = _step(planned, contents)
        inner[path] = tuple(f"{path}.{one.step.id}" for one in planned.inner)
    return CellDefinition(places, _reads_files(cell), inner)


def _step(planned: PlannedStep, contents: Contents) -> Definition:
    step, reader = planned.step, Reader()
    facts = [*_common(planned, reader), *_own(step, reader, contents)]
    bound = {name: _bound(value) for name, value in step.bindings.items()}
    facts += [Fact("ask", "with", name, one.said) for name, one in bound.items()]
    if isinstance(step, CompletionStep):
        facts += _completion(step, planned.target)
        reader.functions += [tool.function for tool in step.tools]
    facts += _code(reader.functions, "after", contents)
    after_inner, judging = Reader(), Reader()
    facts += _after_inner(step, after_inner)
    checks = (*step.checks, *step.inner_checks)
    facts += [*check_facts(checks, judging), *_code(judging.functions, "judge", contents)]
    facts += [*_judges(planned.judges), *_judges(planned.inner_judges)]
    words = frozenset(reader.words).union(*(one.words for one in bound.values()))
    return Definition(
        facts=tuple(facts),
        words=words,
        bound=bound,
        frame_words=frozenset(reader.words),
        result_words=frozenset(after_inner.words),
        judge_words=columns_of(checks, judging, renamed(planned, words)),
    )


def _bound(value: TemplatedValue) -> Bound:
    reader = Reader()
    return Bound(canonical(reader.read(value)), frozenset(reader.words))


def _common(planned: PlannedStep, reader: Reader) -> Iterator[Fact]:
    """Give what all kinds of steps say, but for what has no effect on what comes of them."""
    step = planned.step
    if step.when is not None:
        yield Fact("ask", "when", "", reader.read(step.when))
    yield Fact("ask", "needs", "", ", ".join(sorted(planned.needs - planned.for_checks)))
    yield Fact("after", "retry", "", [step.retry.max_attempts, ", ".join(sorted(step.retry.on))])
    yield Fact("after", "timeout", "", step.timeout)
    yield Fact("after", "recall", "", step.recall)
    on_error = step.on_error
    yield Fact("result", "on_error", "", on_error if isinstance(on_error, str) else {"is": on_error.default})
    if step.parsed_as is not None:
        role: Role = "after" if "invalid_output" in step.retry.on else "result"
        yield Fact(role, "output", "", reader.read(step.parsed_as))


def _own(step: Step, reader: Reader, contents: Contents) -> Iterator[Fact]:
    """Give what this kind of step says; templates are facts of their own."""
    for part in step.own_parts():
        if part.scope == "inner":
            continue
        yield from _files(part.template, contents)
        for name, text in part.template.library.items():
            said = template_digest("prompt", text, whole=False)
            yield Fact("ask", "include", name, said, f"{PROMPTS}{name}")
    handled = frozenset[str]().union(*(keys for kind, keys in HANDLED.items() if isinstance(step, kind)))
    for name in sorted(type(step).model_fields.keys() - handled):
        value = getattr(step, name)
        kind = {"messages": "template", "python": "code"}.get(name, name)
        role: Role = "after" if name == "python" else "ask"
        yield Fact(role, kind, name, reader.read(value), _named(value))
    if isinstance(step, PromptStep):
        yield Fact("ask", "template", "prompt", reader.read(step.prompt.template), step.prompt.path)
    if isinstance(step, PipelineStep):
        yield Fact("ask", "inputs", "", reader.read(step.pipeline.spec.inputs))


def _named(value: object) -> str:
    return value.reference if isinstance(value, Function) else ""


def _files(template: Template, contents: Contents) -> Iterator[Fact]:
    """Give the contents of the files that a template names by constant paths."""
    if not template.words & set(ATTACHING):
        return
    for use in analyse(template).files:
        if use.path is not None:
            yield Fact("ask", "file", use.path, contents.digest(use.path))


def _completion(step: CompletionStep, target: Target | None) -> Iterator[Fact]:
    if target is not None:
        yield Fact("ask", "model", "", _model(target), target.profile.name)
        for name, value in target.params.items():
            yield Fact("ask", "params", name, value)
        if target.fallbacks:
            others: list[JSON] = [[_model(one), dict(one.params)] for one in target.fallbacks]
            yield Fact("after", "fallback", "", others)
    schema = schema_of(step.parsed_as)
    if schema is not None:
        yield Fact("ask", "schema", "", dict(schema))
    for tool in step.tools:
        yield Fact("ask", "tool", tool.name, tool.offered.as_json(), tool.function.reference)
    if step.tools:
        yield Fact("after", "max_turns", "", step.max_turns)


def _model(target: Target) -> JSON:
    endpoint = target.profile.endpoint
    return [endpoint.identity, endpoint.api, target.profile.model]


def _judges(judges: Judges) -> Iterator[Fact]:
    for target in judges.targets:
        name = target.profile.name
        yield Fact("judge", "judge model", name, [_model(target), dict(target.params)], name)


def _code(functions: Iterable[Function], role: Role, contents: Contents) -> Iterator[Fact]:
    """Give what functions say, with all that they import and the files that they name."""
    for function in functions:
        for path, _ in function.files:
            slot = "" if path == function.path else path
            yield Fact(role, "code", f"{function.name} {slot}", contents.code(path), path)
            for name in contents.named_in(path):
                yield Fact(role, "file", name, contents.digest(name))


def _after_inner(step: Step, reader: Reader) -> Iterator[Fact]:
    """Give what a step makes once the steps inside it are done."""
    if isinstance(step, ForeachStep):
        last = step.steps[-1].id if step.outputs is None else reader.read(step.outputs)
        yield Fact("result", "outputs", "", last)
    if isinstance(step, PipelineStep):
        yield Fact("result", "outputs", "", _outputs(step.pipeline.spec, reader))


def _outputs(spec: PipelineSpec, reader: Reader) -> JSON:
    return {"last": last_written(spec)} if spec.outputs is None else reader.read(spec.outputs)


def _pipeline(cell: Cell, contents: Contents) -> Definition:
    """Give what makes and judges the outputs of a cell."""
    spec, making, judging = cell.spec, Reader(), Reader()
    facts = [Fact("judge", "outputs", "", _outputs(spec, making))]
    facts += [*check_facts(spec.checks, judging), *_metrics(spec, judging)]
    facts += [*_code(judging.functions, "judge", contents)]
    facts += _judges(cell.judges)
    for gate in spec.gates:
        if gate.variant in (None, cell.variant, cell.name):
            facts.append(Fact("judge", "gates", gate.metric, judging.read(gate)))
    facts.append(Fact("judge", "repeat.pass", "", spec.repeat.needed))
    others = sorted(type(spec).model_fields.keys() - ELSEWHERE - {"outputs", "checks", "metrics", "gates"})
    facts += [Fact("judge", name, "", judging.read(getattr(spec, name))) for name in others]
    facts += [Fact("judge", "removed step", path, True) for path, _ in cell.paths()]
    return Definition(tuple(facts), judge_words=columns_of(spec.checks, judging, frozenset(making.words)))


def _metrics(spec: PipelineSpec, reader: Reader) -> Iterator[Fact]:
    for metric in spec.metrics:
        yield Fact("judge", "metrics", metric.name, reader.read(metric))


def _reads_files(cell: Cell) -> bool:
    if _has_files(cell.spec.inputs):
        return True
    steps = [planned.step for planned in cell.all_steps()]
    named = (part.template.words for step in steps for part in step.own_parts())
    called = (step.pipeline.spec.inputs for step in steps if isinstance(step, PipelineStep))
    return any(words & set(ATTACHING) for words in named) or any(map(_has_files, called))


def _has_files(inputs: Mapping[str, InputEntry] | None) -> bool:
    return any(entry.type in FILE_TYPES for entry in (inputs or {}).values())
