"""`@frozen`: a dataclass of values, whose class is made in a fifth of the time.

`dataclass` compiles six methods a class, and a command imports two hundred classes: a quarter of its start.
Here it is asked for the fields alone; `__init__` is compiled, the other methods are closures or shared.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import partial
from operator import attrgetter
from typing import Any, Never, dataclass_transform, overload

__all__ = ["frozen"]


@overload
def frozen[T](cls: type[T]) -> type[T]: ...
@overload
def frozen[T](*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[T](cls: type[T] | None = None, *, kw_only: bool = False) -> Any:
    """Make a class one of frozen values, as `dataclass(frozen=True, slots=True)` does.

    `field`, `fields`, `replace` and `asdict` are those of `dataclasses`. Methods that the class has itself
    stay; `InitVar`, `__post_init__` and order are not known.
    """
    return partial(_made, kw_only=kw_only) if cls is None else _made(cls, kw_only=kw_only)


def _made[T](cls: type[T], *, kw_only: bool) -> type[T]:
    cls.__doc__ = cls.__doc__ or cls.__name__  # else `dataclass` takes 0.1 ms to make up a signature for it
    made = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    entries = fields(made)  # type: ignore[arg-type]
    methods = {
        "__init__": _initialiser(made, entries),
        "__repr__": _show,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        **_comparing([entry.name for entry in entries if entry.compare]),
    }
    for name, method in methods.items():
        if name not in vars(cls):
            setattr(made, name, method)
    return made


def _initialiser(cls: type, entries: Iterable[Field[Any]]) -> Callable[..., None]:
    """Compile an `__init__` that sets the slots by their descriptors; the class itself refuses to."""
    scope: dict[str, Any] = {"absent": MISSING}
    params, keywords, body = ["self"], ["*"], ["pass"]
    for entry in entries:
        name = given = entry.name
        scope[f"set_{name}"] = getattr(cls, name).__set__
        default = ""
        if entry.default is not MISSING:
            scope[f"default_{name}"] = entry.default
            default = f"=default_{name}"
        elif entry.default_factory is not MISSING:
            scope[f"make_{name}"] = entry.default_factory
            default, given = "=absent", f"make_{name}() if {name} is absent else {name}"
        (keywords if entry.kw_only else params).append(name + default)
        body.append(f"set_{name}(self, {given})")
    params += keywords if len(keywords) > 1 else []
    exec(f"def __init__({', '.join(params)}):\n " + "\n ".join(body), scope)  # noqa: S102 - names of fields
    scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    initialiser: Callable[..., None] = scope["__init__"]
    return initialiser


def _comparing(names: Sequence[str]) -> dict[str, Callable[..., Any]]:
    content: Callable[[object], object] = attrgetter(*names) if names else type

    def equals(self: object, other: object) -> bool:
        return content(self) == content(other) if type(self) is type(other) else NotImplemented

    def hashed(self: object) -> int:
        return hash(content(self))

    return {"__eq__": equals, "__hash__": hashed}


def _show(self: Any) -> str:
    shown = (f"{entry.name}={getattr(self, entry.name)!r}" for entry in fields(self) if entry.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(self: object, name: str, *_: object) -> Never:
    raise FrozenInstanceError(f"'{name}' of a {type(self).__name__} cannot be changed")
