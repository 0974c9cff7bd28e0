"""The static analysis of templates, and their trial in the template process.

``analyse`` parses and never runs anything; ``trial`` renders without rows, or with sample names, and says
only what holds for every row.
"""

import asyncio
from collections.abc import Iterable

from promptlab.engine.rendering import Renderer, RenderError
from promptlab.engine.scope import Names
from promptlab.engine.templating.vocabulary import PROMPTS, RenderErrorKind
from promptlab.loader.templating.findings import (
    ANY_ELEMENT,
    Analysis,
    Findings,
    LiteralComparison,
    NameUse,
    Origin,
    TemplateProblem,
)
from promptlab.schemas.template import Template

__all__ = [
    "ANY_ELEMENT",
    "Analysis",
    "LiteralComparison",
    "NameUse",
    "Origin",
    "TemplateProblem",
    "analyse",
    "included_names",
    "trial",
    "trials",
]

TRIAL_MEMORY = 256 << 20
CERTAIN: frozenset[RenderErrorKind] = frozenset(("syntax", "limit", "time", "security"))


def analyse(template: Template) -> Analysis:
    """Say what a template names, compares and includes, and what is wrong with it.

    Problems in included templates bear their name, ``prompts/…``.
    """
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
    if "{%" not in source:
        return ()
    from promptlab.loader.templating import includes  # noqa: PLC0415 - Jinja is slow to import

    return includes.included_names(source)


async def trial(
    renderer: Renderer, template: Template, analysis: Analysis, names: Names | None = None
) -> TemplateProblem | None:
    """Render a template that has no static problem, and return what is wrong with it whatever the row.

    Without ``names``, undefined names do not count, and where some may be undefined, errors of types do not
    count either: they may come from the lack.
    """
    try:
        await renderer.render(template, names or Names({}))
    except RenderError as error:
        if names is not None or _is_certain(error.kind, analysis):
            return TemplateProblem(error.template, error.line, 1, error.message, None, f"render-{error.kind}")
    return None


def trials(cases: Iterable[tuple[Template, Analysis, Names | None]]) -> list[TemplateProblem | None]:
    """Try many templates over one process, from code that is not async."""
    return asyncio.run(_trials(list(cases)))


async def _trials(cases: list[tuple[Template, Analysis, Names | None]]) -> list[TemplateProblem | None]:
    async with Renderer(memory_limit=TRIAL_MEMORY) as renderer:
        return await asyncio.gather(*(trial(renderer, *case) for case in cases))


def _is_certain(kind: RenderErrorKind, analysis: Analysis) -> bool:
    if not analysis.uses:
        return True
    if any(use.guarded for use in analysis.uses):
        return kind in CERTAIN
    return kind != "undefined"


def _whole(template: Template, message: str, code: str) -> TemplateProblem:
    return TemplateProblem(template.name, 1, 1, message, None, code)


def _own_name(template: Template) -> tuple[str, ...]:
    is_prompt_file = template.kind == "prompt" and template.name.startswith(PROMPTS)
    return (template.name.removeprefix(PROMPTS),) if is_prompt_file else ()
