"""The analysis of prompts and texts of names, role tags and constant text, which are read without Jinja."""

import re

from promptlab.engine.templating.plain import SIGN, Part, plain_parts
from promptlab.engine.templating.vocabulary import ALWAYS_THERE, ATTACHING_KINDS, normalised
from promptlab.loader.templating.findings import Analysis, Findings, NameUse, RoleUse
from promptlab.loader.templating.lines import CONTROL, column_in, column_of_path
from promptlab.schemas.template import Template

DEEPEST = 50  # parts of a path; what a tree of Jinja's takes is for Jinja to say


def plain_analysis(template: Template) -> Analysis | None:
    """Say what the walk over the template's tree would; None where there is more to it than that."""
    source = normalised(template.source)
    if template.kind == "expression" or CONTROL.search(source):
        return None
    parts, signs = plain_parts(template), tuple(SIGN.finditer(source))
    if parts is None or not all(map(_is_known, signs)):
        return None
    findings, lines = Findings(others_speak=any(map(_others_speak, parts))), source.split("\n")
    for sign in signs:
        number = source.count("\n", 0, max(sign.span("path"), sign.span("tag"))[0])
        _note(findings, template, sign, number + 1, lines[number])
    return findings.frozen(frozenset(), computes=not any(map(_says_something, parts)))


def _is_known(sign: re.Match[str]) -> bool:
    """Whether a path is of outside names alone, and leads into nothing of Python's."""
    name, *below = (sign["path"] or "").split(".")
    return (
        name not in ALWAYS_THERE and len(below) < DEEPEST and not any(part.startswith("__") for part in below)
    )


def _note(findings: Findings, template: Template, sign: re.Match[str], number: int, line: str) -> None:
    if sign["path"]:
        name, *below = sign["path"].split(".")
        column = column_of_path(line, name, sign["path"])
        use = NameUse(name, tuple(below), template.name, number, column)
        findings.uses[use] = None
        if template.kind in ATTACHING_KINDS:
            findings.inserted[use] = None
    elif sign["tag"] == "system" and findings.system is None:
        findings.system = RoleUse(template.name, number, column_in(line, "system"))


def _others_speak(part: Part) -> bool:
    return part.role not in {"system", None} or (part.role is None and _says_something(part))


def _says_something(part: Part) -> bool:
    return any(not isinstance(piece, str) or piece.strip() for piece in part.pieces)
