"""`@frozen` and `@slotted`: dataclasses whose classes are made in a fifth of the time.

`dataclass` compiles six methods a class, and a command imports three hundred classes: a quarter of its start.
Here it is asked for the fields alone. `__init__` is compiled when a first instance is made, which many
classes never see; the other methods are closures or shared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Never, dataclass_transform, overload

__all__ = ["frozen", "replace", "slotted"]


@overload
def frozen[T](cls: type[T]) -> type[T]: ...
@overload
def frozen[T](*, kw_only: bool = False, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[T](cls: type[T] | None = None, *, kw_only: bool = False, slots: bool = True) -> Any:
    """Make a class one of frozen values, as `dataclass(frozen=True, slots=True)` does.

    `field`, `fields`, `replace` and `asdict` are those of `dataclasses`. Methods that the class has itself
    stay; `InitVar` and order are not known. A class with cached properties can have no `slots`.
    """
    assign = "set_{0}(self, {1})" if slots else "self.__dict__['{0}'] = {1}"  # past what refuses to set
    own = {"__setattr__": _refuse, "__delattr__": _refuse}
    make = partial(_made, assign=assign, own=own, kw_only=kw_only, slots=slots)
    return make if cls is None else make(cls)


@overload
def slotted[T](cls: type[T]) -> type[T]: ...
@overload
def slotted[T](*, kw_only: bool = False, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(field_specifiers=(field,))
def slotted[T](cls: type[T] | None = None, *, kw_only: bool = False, slots: bool = True) -> Any:
    """Make a class whose fields may be set, as `dataclass(slots=True)` does; otherwise as `frozen`."""
    make = partial(_made, assign="self.{0} = {1}", own={"__hash__": None}, kw_only=kw_only, slots=slots)
    return make if cls is None else make(cls)


def _replaced(value: Any, **changes: Any) -> Any:
    """Do as `dataclasses.replace` does, in half the time."""
    return _copier(value.__class__)(value, changes)


if TYPE_CHECKING:  # it holds the changes to the fields
    from dataclasses import replace
else:
    replace = _replaced


@cache
def _copier(cls: Any) -> Callable[[Any, Mapping[str, Any]], Any]:
    """Compile what makes another instance, with some fields changed."""
    kept = ", ".join(f"{entry.name!r}: self.{entry.name}" for entry in fields(cls) if entry.init)
    copier: Callable[[Any, Mapping[str, Any]], Any] = eval(  # noqa: S307 - names of fields
        f"lambda self, changes: cls(**{{{kept}, **changes}})", {"cls": cls}
    )
    return copier


def _made(cls: type, *, assign: str, own: Mapping[str, Any], kw_only: bool, slots: bool) -> Any:
    cls.__doc__ = cls.__doc__ or cls.__name__  # else `dataclass` takes 0.1 ms to make up a signature for it
    made: Any = dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    compared = [entry.name for entry in fields(made) if entry.compare]
    methods = {"__init__": _first_init(made, assign), "__repr__": _show, **_comparing(compared), **own}
    for name, method in methods.items():
        if name not in vars(cls):
            setattr(made, name, method)
    return made


def _first_init(made: Any, assign: str) -> Callable[..., None]:
    """Give an `__init__` that has the class's own compiled, and gives way to it."""

    def init(self: object, *values: object, **named: object) -> None:
        made.__init__ = _initialiser(made, assign)
        made.__init__(self, *values, **named)

    return init


def _initialiser(cls: type, assign: str) -> Callable[..., None]:
    """Compile an `__init__` that sets the fields by statements like `assign`."""
    scope: dict[str, Any] = {"absent": MISSING}
    params, keywords, body = ["self"], ["*"], ["pass"]
    for entry in fields(cls):
        name, given, default = entry.name, *_given(entry, scope)
        scope[f"set_{name}"] = getattr(getattr(cls, name, None), "__set__", None)
        if entry.init:
            (keywords if entry.kw_only else params).append(name + default)
        if given:
            body.append(assign.format(name, given))
    params += keywords if len(keywords) > 1 else []
    body += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(params)}):\n " + "\n ".join(body), scope)  # noqa: S102 - names of fields
    scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    initialiser: Callable[..., None] = scope["__init__"]
    return initialiser


def _given(entry: Field[Any], scope: dict[str, Any]) -> tuple[str, str]:
    """Give what a field is set to (if it is), and its default as a parameter; `scope` gets what they name."""
    name = entry.name
    if entry.default is not MISSING:
        scope[f"default_{name}"] = entry.default
        return (name if entry.init else f"default_{name}"), f"=default_{name}"
    if entry.default_factory is not MISSING:
        scope[f"make_{name}"] = entry.default_factory
        made = f"make_{name}()"
        return (f"{made} if {name} is absent else {name}" if entry.init else made), "=absent"
    return (name if entry.init else ""), ""


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
