"""The walk over a template and all that it includes, extends and imports."""

from typing import Any

from jinja2 import nodes

from promptlab.core.suggest import did_you_mean
from promptlab.loader.templating.conditions import NOTHING, Facts, ensured
from promptlab.loader.templating.findings import Findings
from promptlab.loader.templating.includes import Library, Reference, constant_name
from promptlab.loader.templating.scopes import Place, Visitors
from promptlab.loader.templating.statements import Statements, targets
from promptlab.loader.templating.unit import Rejected, Unit


class Walker(Statements):
    """One walk; ``trail`` holds the template's own name, as an include would give it."""

    def __init__(self, findings: Findings, library: Library, unit: Unit, trail: tuple[str, ...]) -> None:
        super().__init__(findings, Place(unit, trail))
        self._library = library

    def walk(self) -> Facts:
        """Collect all findings; returns what is ensured where the template is an expression that holds."""
        unit = self._place.unit
        self._unit(unit)
        body = unit.tree.body
        single = body[0].nodes if unit.kind == "expression" and isinstance(body[0], nodes.Output) else []
        return ensured(single[0], {}) if single else NOTHING

    def _table(self) -> Visitors:
        own: dict[type[nodes.Node], Any] = {
            nodes.Include: self._include,
            nodes.Extends: self._extends,
            nodes.Import: self._import,
            nodes.FromImport: self._from_import,
        }
        return {**super()._table(), **own}

    def _unit(self, unit: Unit) -> None:
        self._duplicate_blocks(unit)
        self._stray_roles(unit)
        self._each(unit.tree.body)

    def _include(self, node: nodes.Include) -> None:
        self._enter(node, hidden=not node.with_context)

    def _extends(self, node: nodes.Extends) -> None:
        blocks = self._place.unit.tree.find_all(nodes.Block)
        replaced = {block.name for block in blocks if not _calls_super(block)}
        with self._inside(overridden=self._place.overridden | replaced):
            self._enter(node)

    def _import(self, node: nodes.Import) -> None:
        self._enter(node, hidden=not node.with_context, own_scope=True)
        self._scope[node.target] = None

    def _from_import(self, node: nodes.FromImport) -> None:
        entered = self._enter(node, hidden=not node.with_context, own_scope=True)
        known = _exported(entered) if entered else None
        for name in node.names:
            source, target = name if isinstance(name, tuple) else (name, name)
            self._scope[target] = None
            if known is not None and source not in known:
                message = f"'{constant_name(node)}' has no macro '{source}'"
                self._problem(node.lineno, source, message, did_you_mean(source, known), "unknown-import")

    def _enter(self, node: Reference, *, hidden: bool = False, own_scope: bool = False) -> Unit | None:
        unit = self._referred(node)
        if unit is None:
            return None
        name = constant_name(node) or ""
        self._findings.includes[name] = None
        trail = (*self._place.trail, name)
        with self._inside({}, unit=unit, trail=trail, hidden=hidden or self._place.hidden):
            if own_scope or hidden:
                self._scope = {}
            self._unit(unit)
        return unit

    def _referred(self, node: Reference) -> Unit | None:
        problem = self._library.judge(self._place.unit, node, self._place.trail)
        if problem is not None:
            self._add([problem])
            return None
        try:
            return self._library.unit(constant_name(node) or "")
        except Rejected as rejected:
            self._add([rejected.problem])
        except KeyError:
            pass  # ignore missing
        return None

    def _duplicate_blocks(self, unit: Unit) -> None:
        seen: set[str] = set()
        for block in unit.tree.find_all(nodes.Block):
            if block.name in seen:
                message = f"the block '{block.name}' is defined twice"
                self._problem(
                    block.lineno, block.name, message, "give each block its own name", "duplicate-block"
                )
            seen.add(block.name)

    def _stray_roles(self, unit: Unit) -> None:
        if not any(isinstance(node, nodes.Extends) for node in unit.tree.body):
            return
        for node in unit.tree.body:
            if isinstance(node, nodes.CallBlock) and isinstance(node.call.node, nodes.ExtensionAttribute):
                message = "a template that extends another speaks only inside its blocks"
                self._problem(node.lineno, "", message, "move the role tag into a block", "stray-role")


def _calls_super(block: nodes.Block) -> bool:
    return any(
        isinstance(call.node, nodes.Name) and call.node.name == "super" for call in block.find_all(nodes.Call)
    )


def _exported(unit: Unit) -> list[str]:
    names: list[str] = []
    for node in unit.tree.body:
        if isinstance(node, nodes.Macro):
            names.append(node.name)
        elif isinstance(node, nodes.Assign | nodes.AssignBlock):
            names += targets(node.target)
        elif isinstance(node, nodes.Import):
            names.append(node.target)
    return names
