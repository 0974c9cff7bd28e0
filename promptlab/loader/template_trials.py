"""The trial of templates in the template process: rendered without rows, or with sample names.

What it says holds for every row.
"""

from promptlab.engine.scope import Names
from promptlab.engine.templating.blocking import BlockingRenderer
from promptlab.engine.templating.frames import RenderError
from promptlab.engine.templating.vocabulary import ATTACHING, RenderErrorKind
from promptlab.loader.templating.findings import Analysis, TemplateProblem
from promptlab.schemas.template import Template

CERTAIN: frozenset[RenderErrorKind] = frozenset(("syntax", "limit", "time", "security"))


def trial(
    renderer: BlockingRenderer, template: Template, analysis: Analysis, names: Names | None = None
) -> TemplateProblem | None:
    """Render a template that has no static problem, and return what is wrong with it whatever the row.

    Without ``names``, undefined names do not count, and where some may be undefined, errors of types do not
    count either: they may come from the lack.
    """
    try:
        renderer.render(template, names or Names({}))
    except RenderError as error:
        if names is not None or _is_certain(error.kind, analysis):
            return TemplateProblem(error.template, error.line, 1, error.message, None, f"render-{error.kind}")
    return None


def _is_certain(kind: RenderErrorKind, analysis: Analysis) -> bool:
    if not analysis.uses:
        return True
    if any(use.guarded or use.name in ATTACHING for use in analysis.uses):  # unbound, those are functions
        return kind in CERTAIN
    return kind != "undefined"
