"""What is wrong with a step beside its templates: a function that does not fit, a list that is none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from promptlab.engine.step import Step
from promptlab.loader.bindings import own_scope
from promptlab.loader.kinds import items_of, kind_of, kind_of_item, kind_of_template
from promptlab.loader.scope import Objection, Scope
from promptlab.schemas.template import Place

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.foreach import ForeachStep
    from promptlab.engine.steps.http import HttpStep
    from promptlab.engine.steps.python import PythonStep
    from promptlab.loader.templating.value_kinds import Kind

A_LIST = "name an input or output that is a list, or write one: foreach: \"['a', 'b']\""

type Found = tuple[Place, Objection]


def kind_objections(step: Step, around: Scope) -> Iterator[Found]:
    """Give what is wrong with a step, each with its place below the step; `around`: what its list sees."""
    if step.key == "python":
        yield from _of_function(cast("PythonStep", step))
    elif step.key == "foreach":
        yield from _of_list(cast("ForeachStep", step), around)
    elif step.key == "http":
        yield from _of_query(cast("HttpStep", step), own_scope(step, around))


def kinds_of_items(step: "ForeachStep", around: Scope) -> dict[str, "Kind | None"]:
    """Give the types of the names of a foreach's items; `around`: what its list sees."""
    item, index = step.names_of_items
    return {item: kind_of_item(step.foreach.source.strip(), around), index: "integer"}


def _of_function(step: "PythonStep") -> Iterator[Found]:
    from promptlab.loader.functions import check_call  # noqa: PLC0415 - needs `ast`

    for message in check_call(step.python, step.bindings):
        yield ("python",), Objection(message, "arguments", "give it what it takes under `with`")
    if step.output is not None and step.python.returns is not None:
        from promptlab.loader.returns import return_objection  # noqa: PLC0415 - needs `ast`

        objection = return_objection(step.python, step.output)
        if objection is not None:
            yield ("output",), objection


def _of_list(step: "ForeachStep", around: Scope) -> Iterator[Found]:
    from promptlab.engine.steps.foreach import too_many  # noqa: PLC0415 - imported with the step

    source = step.foreach.source.strip()
    kind, count = kind_of(source, around), items_of(source)
    if kind not in (None, "array", "messages"):
        what = "null" if kind == "null" else f"of type {kind}"
        message, hint = f"`foreach` needs a list, but {source} is {what}", A_LIST
        yield ("foreach",), Objection(message, "no-list", hint)
    elif count is not None and (problem := too_many(count, source)) is not None:
        yield ("foreach",), Objection(problem, "too-many-items", "split the work over several rows")


def _of_query(step: "HttpStep", scope: Scope) -> Iterator[Found]:
    for name, value in step.http.query.items():
        for place, template in value.holes:
            if kind_of_template(template.source, scope) == "object":
                message = f"a map cannot stand in a query, and {template.source.strip()} is one"
                yield ("http", "query", name, *place), Objection(message, "query", "insert a value of it")
