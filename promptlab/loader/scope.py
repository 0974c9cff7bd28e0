"""Which names a template may use, and what is wrong with one that it may not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from itertools import chain
from typing import TYPE_CHECKING

from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean
from promptlab.engine.conversation import Form
from promptlab.engine.finish_reasons import REASONS
from promptlab.engine.scope import PREVIOUS
from promptlab.engine.step import Step
from promptlab.engine.trace import PARTS, TRACE
from promptlab.loader.defaults import is_in_default, words_of_step
from promptlab.loader.shapes import Lack, lack_in_output, lack_in_text
from promptlab.loader.templates import Analysis, FileUse, LiteralComparison, NameUse, RoleUse
from promptlab.schemas.dataset import PATH_TYPES, InputSpec

if TYPE_CHECKING:
    from promptlab.loader.templating.value_kinds import Kind

type Found = NameUse | LiteralComparison | FileUse | RoleUse

STEP_ATTRIBUTES = ("output", "status", "messages")


@frozen
class Objection:
    """Why a use of a name is wrong."""

    message: str
    code: str
    hint: str | None = None


NO_COLUMN = "no-column"  # a name in a check that may be a column of the rows of who calls the pipeline
SEVERAL_FILES = "an input for each file; or one of type messages, whose parts are {type: image, path: …}"
NOT_THERE = Objection(
    f"the first item has no '{PREVIOUS}'",
    "may-be-missing",
    f"add `| default(…)`, or test `{PREVIOUS} is defined`",
)


def optional_among(steps: Iterable[Step]) -> frozenset[str]:
    """Give the steps that may have no output although nothing went wrong."""
    return frozenset(
        step.id for step in steps if step.when or (step.on_error == "skip" and step.may_be_excused)
    )


@frozen
class Scope:
    """`inputs` and `columns` None: not known. `others`: names without anything to be said of them.

    `optional`: steps that may have no output; `tested`: those of them that a `when` tests. `own`: the step
    that a template belongs to, and those around it, which are not done before it. `loop`: the path of the
    `foreach` that it is inside of. `forms`: by input, what kinds of files its paths lead to.
    `items`: what type the items' names are of, where that is sure.
    `sees_traces`: it is that of checks or metrics, which see how a step came about.
    `is_certain`: no `when` of a step decides whether what stands here is asked of a row.
    """

    inputs: Mapping[str, InputSpec] | None
    steps: Mapping[str, Step] = field(default_factory=dict)
    columns: tuple[str, ...] | None = ()
    others: frozenset[str] = frozenset()
    hidden_columns: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    loop: str | None = None
    forms: Mapping[str, frozenset[Form]] = field(default_factory=dict)
    items: Mapping[str, "Kind | None"] = field(default_factory=dict)
    sees_traces: bool = False
    is_certain: bool = True

    def within(self, owner: str) -> "Scope":
        """Give the scope of what belongs to a step."""
        return replace(self, own=self.own | {owner})

    def for_items(self, loop: str, items: Mapping[str, "Kind | None"], steps: Iterable[Step]) -> "Scope":
        """Give what steps inside a `foreach` see: what is around it, its item's names, and each other."""
        inner = {step.id: step for step in steps}
        optional = self.optional | optional_among(inner.values())
        seen = replace(self, steps={**self.steps, **inner}, optional=optional, loop=loop)
        return replace(seen, others=self.others | items.keys(), items={**self.items, **items})

    def where(self, tested: frozenset[str]) -> "Scope":
        """Give the scope of what runs only where a `when` that tests these steps holds."""
        return replace(self, tested=self.tested | tested)

    def objections(self, analysis: Analysis) -> Iterator[tuple[Found, Objection]]:
        """Give what a template says that is wrong here, and why."""
        judged: Iterator[tuple[Found, Objection | None]] = chain(
            ((use, self.objection(use)) for use in analysis.uses),
            ((found, self.comparison_objection(found)) for found in analysis.comparisons),
            ((use, self._inserted_objection(use)) for use in analysis.inserted),
            ((use, self._splice_objection(use)) for use in analysis.splices),
            ((file, self._file_objection(file)) for file in analysis.files),
        )
        yield from ((found, objection) for found, objection in judged if objection is not None)

    def objection(self, use: NameUse) -> Objection | None:
        """Say what is wrong with a use of a name; None if nothing is."""
        if use.name in self.others or (use.name == PREVIOUS and self.loop is not None):
            return NOT_THERE if use.name == PREVIOUS and not use.guarded else None
        if self.inputs is not None and use.name in self.inputs:
            return self._input_objection(use, self.inputs[use.name])
        if use.name in self.steps:
            return self._step_objection(use)
        if self.inputs is None:
            return None
        if self.columns is None or use.name in self.columns or use.guarded:
            return None
        return self._unknown(use.name)

    def comparison_objection(self, comparison: LiteralComparison) -> Objection | None:
        """Say whether a literal is none of the words that it is compared with."""
        words = self._words(comparison)
        if words is None or comparison.literal in words:
            return None
        what = ".".join(map(str, (comparison.name, *comparison.path)))
        message = f"{what} is never '{comparison.literal}'"
        return Objection(message, "enum", did_you_mean(comparison.literal, words))

    def _words(self, comparison: LiteralComparison) -> tuple[str, ...] | None:
        step = self.steps.get(comparison.name)
        if step is not None:
            if comparison.path == (TRACE, "finish_reason"):
                return REASONS
            if comparison.path[:1] != ("output",):
                return None
            return words_of_step(step, comparison.path[1:])
        spec = (self.inputs or {}).get(comparison.name)
        if spec is None or spec.enum is None or comparison.path:
            return None
        return tuple(str(word) for word in spec.enum)

    def _inserted_objection(self, use: NameUse) -> Objection | None:
        """Say whether the path of a file is put into a text, where the file is meant."""
        spec = (self.inputs or {}).get(use.name)
        if spec is None or spec.type not in PATH_TYPES or use.path:
            return None
        message = f"'{use.name}' is the path of a file; inserted like this, a model would see the path alone"
        read = f", or {{{{ text({use.name}) }}}} to read it" if spec.type == "file" else ""
        hint = f"say {{{{ {spec.type}({use.name}) }}}} to attach it{read}; {use.name} | string is the path"
        return Objection(message, "path-inserted", hint)

    def _splice_objection(self, use: NameUse) -> Objection | None:
        """Say whether what is spliced is an input that no row is held to be a conversation."""
        spec = (self.inputs or {}).get(use.name)
        if spec is None or use.path or spec.type in ("messages", "any"):
            return None
        message = f"{{% messages %}} takes an input of type messages, and '{use.name}' is of type {spec.type}"
        return Objection(message, "no-messages", f"declare it under `inputs`: {use.name}: messages")

    def _file_objection(self, use: FileUse) -> Objection | None:
        """Say why a file may not be named like this."""
        if use.function in (self.inputs or {}):
            message = f"'{use.function}' is an input here, so there is no function {use.function}(…)"
            return Objection(message, "hidden-function", "give the input another name")
        name = use.of.name if use.of is not None else None
        if name is None or self.inputs is None:
            return None
        wanted = "image" if use.function == "image" else "file"
        if name in self.steps or name in self.others or (name == PREVIOUS and self.loop is not None):
            whence = "a step" if name in self.steps else f"'{name}', which is no input"
            message = f"the path that {use.function}(…) takes may not come from {whence}"
            return Objection(message, "file-path", f"say a constant path, or an input of type {wanted}")
        spec = self.inputs.get(name)
        if spec is None or (spec.type == wanted and use.of is not None and not use.of.path):
            return None
        message = f"{use.function}(…) takes an input of type {wanted}, and '{name}' is of type {spec.type}"
        hint = SEVERAL_FILES if spec.type == "array" else f"declare it under `inputs`: {name}: {wanted}"
        return Objection(message, "file-path", hint)

    def _step_objection(self, use: NameUse) -> Objection | None:
        if use.name in self.own:
            return Objection(f"step '{use.name}' names itself", "cycle", "name another step, or an input")
        first = use.path[0] if use.path else None
        if first == TRACE and self.sees_traces:
            return _trace_objection(use)
        if first not in STEP_ATTRIBUTES:
            return self._no_attribute(use.name, first)
        if use.name in self.optional - self.tested and first != "status" and not use.guarded:
            message = f"step '{use.name}' may be skipped, and then has no {first}"
            hint = "add `| default(…)`, test `is defined`, or give this step a `when` that tests it"
            return Objection(message, "may-be-skipped", hint)
        step, path = self.steps[use.name], use.path[1:]
        if first != "output" or is_in_default(step, path):
            return None
        lack = lack_in_output(step.shape, path)
        return None if lack is None else _lacking(f"{use.name}.output", lack)

    def _no_attribute(self, step: str, named: str | int | None) -> Objection:
        shown = f"'{step}' is a step" if named is None else f"a step has no '{named}'"
        if named == TRACE:
            shown = f"only checks and metrics see the {TRACE} of a step"
        known = f"{step}.output, .status" + (
            f", .messages or .{TRACE}" if self.sees_traces else " or .messages"
        )
        return Objection(shown, "step-attribute", f"say {known}")

    def _input_objection(self, use: NameUse, spec: InputSpec) -> Objection | None:
        lack = lack_in_text(use.path) if spec.type == "string" and use.path else None
        return None if lack is None else _lacking(use.name, lack)

    def _unknown(self, name: str) -> Objection:
        known = dict.fromkeys((*(self.inputs or {}), *self.steps, *self.others, *(self.columns or ())))
        if name in self.hidden_columns:
            hint = f"declare it under `inputs` if prompts may see it: {name}: string"
            return Objection(f"'{name}' is a column of the row, but no input", "no-input", hint)
        return Objection(f"'{name}' is not defined", "undefined", did_you_mean(name, known) or None)


def _trace_objection(use: NameUse) -> Objection | None:
    part = use.path[1] if len(use.path) > 1 else None
    if part is None or part in PARTS:
        return None
    return _lacking(use.name, Lack(part, (TRACE,), PARTS))


def _lacking(name: str, lack: Lack) -> Objection:
    place = ".".join(map(str, (name, *lack.above)))
    hint = did_you_mean(str(lack.part), lack.known) or None
    return Objection(f"{place} has no '{lack.part}'", "no-attribute", hint)
