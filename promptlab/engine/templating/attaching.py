"""``image(path)``, ``file(path)`` and ``text(path)``: each leaves a mark for the engine to put a file at.

Nothing is read here. What a call gives can only be inserted as it is: whatever else a template does with it
would act on the mark, so it is an error.
"""

from collections.abc import Callable, Mapping
from typing import cast

from jinja2 import pass_environment
from jinja2.environment import Environment
from jinja2.runtime import Undefined

from promptlab.engine.templating.values import Attached, BadValueError
from promptlab.engine.templating.vocabulary import ATTACHING


def attaching_functions() -> Mapping[str, Callable[..., Attached]]:
    """Return the functions by name."""
    return {name: _function(name) for name in ATTACHING}


def _function(name: str) -> Callable[..., Attached]:
    @pass_environment
    def attach(environment: Environment, path: object) -> Attached:
        if isinstance(path, Undefined):
            str(path)
        if not isinstance(path, str):
            raise BadValueError(f"{name}(…) takes the path of a file, as text")
        return Attached(name, cast("str", environment.transcript.attach(name, str(path))))  # type: ignore[attr-defined]

    return attach
