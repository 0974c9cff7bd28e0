"""The static analysis of templates: it parses, and never runs anything."""

import re

from promptlab.engine.templating.vocabulary import PROMPTS
from promptlab.loader.templating.findings import (
    ANY_ELEMENT,
    Analysis,
    FileUse,
    Findings,
    LiteralComparison,
    NameUse,
    Origin,
    RoleUse,
    TemplateProblem,
)
from promptlab.loader.templating.plain import plain_analysis
from promptlab.schemas.template import Template

__all__ = [
    "ANY_ELEMENT",
    "Analysis",
    "FileUse",
    "LiteralComparison",
    "NameUse",
    "Origin",
    "RoleUse",
    "TemplateProblem",
    "analyse",
    "included_names",
    "walked",
]

INCLUDING = re.compile(r"include|extends|import")


def analyse(template: Template) -> Analysis:
    """Say what a template names, compares and includes, and what is wrong with it.

    Problems in included templates bear their name, ``prompts/…``.
    """
    return plain_analysis(template) or walked(template)


def walked(template: Template) -> Analysis:
    """Say so by the template's tree."""
    from promptlab.loader.templating.includes import Library  # noqa: PLC0415 - Jinja is slow to import
    from promptlab.loader.templating.plainness import computes  # noqa: PLC0415
    from promptlab.loader.templating.scopes import TooManyStepsError  # noqa: PLC0415
    from promptlab.loader.templating.unit import Rejected, Unit  # noqa: PLC0415
    from promptlab.loader.templating.walker import Walker  # noqa: PLC0415

    findings = Findings()
    try:
        unit = Unit.parsed(template.name, template.source, template.kind)
        walker = Walker(findings, Library(template.library, template.kind), unit, _own_name(template))
        return findings.frozen(walker.walk(), computes=computes(unit.tree))
    except Rejected as rejected:
        findings.problems[rejected.problem] = None
    except RecursionError:
        findings.problems[_whole(template, "the template is nested too deeply", "too-deep")] = None
    except TooManyStepsError:
        findings.problems[_whole(template, "the template includes too much", "too-large")] = None
    return findings.frozen(frozenset())


def included_names(source: str) -> tuple[str, ...]:
    """Return the names that a prompt includes, extends or imports, as they may be below prompts/."""
    if "{%" not in source or INCLUDING.search(source) is None:
        return ()
    from promptlab.loader.templating import includes  # noqa: PLC0415 - Jinja is slow to import

    return includes.included_names(source)


def _whole(template: Template, message: str, code: str) -> TemplateProblem:
    return TemplateProblem(template.name, 1, 1, message, None, code)


def _own_name(template: Template) -> tuple[str, ...]:
    is_prompt_file = template.kind == "prompt" and template.name.startswith(PROMPTS)
    return (template.name.removeprefix(PROMPTS),) if is_prompt_file else ()
