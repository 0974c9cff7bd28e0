"""Kinds of things (providers, steps, checks, reports) by name, imported when first used."""

from collections.abc import Collection, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points

from promptlab.core.suggest import did_you_mean


class UnknownKind(ValueError):
    """No such kind; the message suggests the one that was meant."""


class Registry[T]:
    """One literal table of `name: "module:attribute"`, and the entry points of other packages."""

    def __init__(self, noun: str, table: Mapping[str, str], *, group: str) -> None:
        self.noun = noun
        self._table = dict(table)
        self._group = group
        self._loaded: dict[str, T] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._table or name in self._plugins

    @property
    def own(self) -> tuple[str, ...]:
        """The kinds of the table."""
        return tuple(self._table)

    def among(self, names: Collection[str]) -> list[str]:
        """Give those of some names that are kinds; other packages are looked at only where none is ours."""
        return [name for name in self._table if name in names] or [
            name for name in self._plugins if name in names
        ]

    def names(self) -> tuple[str, ...]:
        return (*self._table, *(name for name in self._plugins if name not in self._table))

    def get(self, name: str) -> T:
        """Import and give the kind called `name`; raises UnknownKind."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        if name in self._table:
            module, _, attribute = self._table[name].partition(":")
            loaded: T = getattr(import_module(module), attribute)
            return loaded
        if name not in self._plugins:
            raise UnknownKind(f"unknown {self.noun} '{name}'; {did_you_mean(name, self.names())}")
        plugin: T = self._plugins[name].load()
        return plugin

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in _entry_points().select(group=self._group)}


@cache
def _entry_points() -> EntryPoints:
    """Give all there are; looking takes 15 ms."""
    return entry_points()
