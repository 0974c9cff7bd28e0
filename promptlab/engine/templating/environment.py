"""The sandbox: Jinja with JSON data, strict names, allow-listed functions and no constant folding."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import DictLoader, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from promptlab.engine.templating.attaching import attaching_functions
from promptlab.engine.templating.functions import template_filters, template_tests
from promptlab.engine.templating.missing import Absent, Missing, Step, refuse_undefined
from promptlab.engine.templating.operators import INTERCEPTED, judge
from promptlab.engine.templating.roles import RoleTags, Transcript
from promptlab.engine.templating.token_limit import TokenLimit
from promptlab.engine.templating.values import Attached, bounded, to_text
from promptlab.engine.templating.vocabulary import ATTACHING_KINDS, METHODS, TemplateKind

KEEPING = frozenset(("default", "d"))  # filters that give what they get


class _Generator(CodeGenerator):
    """Compiles ``~`` so that it inserts values as text does, and slices so that they cut no mark."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenate((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.plain(")
        self.visit(node.node, frame)
        self.write(")[")
        self.visit(node.arg, frame)
        self.write("]")


@pass_context  # keeps Jinja from folding constants while it compiles
def _insert(_context: Context, value: object) -> str:
    if type(value) is str:
        return value
    return value.mark if type(value) is Attached else to_text(value)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """One template's environment; ``library`` maps include names to sources.

    Role tags exist in prompts, functions that attach also in contents of messages.
    """

    intercepted_binops = INTERCEPTED
    code_generator_class = _Generator

    def __init__(self, library: Mapping[str, str], kind: TemplateKind) -> None:
        super().__init__(
            extensions=[TokenLimit, RoleTags] if kind == "prompt" else [TokenLimit],
            undefined=Missing,
            finalize=_insert,
            autoescape=False,
            optimized=False,
            keep_trailing_newline=True,
            auto_reload=False,
            loader=DictLoader(library),
        )
        self.globals = {"range": self.globals["range"], "dict": dict, "namespace": Namespace}
        if kind in ATTACHING_KINDS:
            self.globals.update(attaching_functions())
        self.filters.clear()
        self.filters.update(template_filters())
        if kind in ATTACHING_KINDS:
            self.filters.update({name: self._held(name) for name in self.filters if name not in KEEPING})
        self.tests.clear()
        self.tests.update(template_tests())
        self.transcript = Transcript()

    def _held(self, name: str) -> Callable[..., object]:
        """Give a filter that does not act on marks, which stand for messages and files."""
        plain = self.filters[name]
        at = 1 if hasattr(plain, "jinja_pass_arg") else 0

        @wraps(plain)
        def held(*args: object, **options: object) -> object:
            self.transcript.require_plain(args[at])
            return plain(*args, **options)

        return held

    @staticmethod
    def concatenate(parts: Iterable[object]) -> str:
        """Join what ``~`` stands between."""
        return bounded("".join(map(to_text, parts)))

    def plain(self, value: object) -> object:
        """Give a value of which a part is to be taken."""
        self.transcript.require_plain(value)
        return value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        judge(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *args: Any, **options: Any) -> Any:
        """Call a function; where it does not take an undefined argument, the error names that."""
        try:
            return super().call(context, function, *args, **options)
        except TypeError:
            if not isinstance(function, Macro):
                refuse_undefined((*args, *options.values()))
            raise

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a part of a value: the keys of data come before methods, and few methods are allowed."""
        if isinstance(obj, Absent):
            return obj
        self.transcript.require_plain(obj)
        if isinstance(obj, dict):
            if attribute in obj:
                return obj[attribute]
            if isinstance(obj, Step):
                return obj.absent(attribute)
        allowed = METHODS.get(type(obj))
        if allowed is None or attribute in allowed:
            return super().getattr(obj, attribute)
        return self._refused(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Absent):
            return obj
        self.transcript.require_plain(obj)
        if isinstance(obj, Step) and argument not in obj:
            return obj.absent(str(argument))
        if isinstance(argument, str) and type(obj) in METHODS:
            found = isinstance(obj, dict) and argument in obj
            return obj[argument] if found else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def _refused(self, obj: object, attribute: str) -> object:
        if hasattr(obj, attribute):
            return self.unsafe_undefined(obj, attribute)
        return self.undefined(obj=obj, name=attribute)
