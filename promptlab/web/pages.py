"""Pages from templates: everything in them is escaped, everything that they name must be there."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from promptlab.core.words import duration, money, percent, plural, spent
from promptlab.live.serving.problem import Problem
from promptlab.web.texts import inert

UNAUTHORIZED = 401
PLACES = (("/runs", "Runs"),)
MARKS = {"passed": "✓", "failed": "✗", "errored": "!", "skipped": "–", "left": "…"}


@cache
def environment() -> Environment:
    """Give what renders templates; all know `marks`, the `places` of the menu, and words for numbers."""
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("promptlab.web"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"marks": MARKS, "plural": plural, "duration": duration, "spent": spent, "money": money}
    made.globals |= {"percent": percent, "places": PLACES, "inert": inert}
    return made


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a template; `nonce` and `path` are in it beside what is `shown`."""
    nonce = getattr(request.state, "nonce", "")
    text = environment().get_template(template).render(nonce=nonce, path=request.url.path, **shown)
    return HTMLResponse(text, status)


def problem_page(request: Request, problem: Problem) -> HTMLResponse:
    """Tell a person what is wrong; who is not signed in can do so there."""
    template = "shell.html.j2" if problem.status == UNAUTHORIZED else "error.html.j2"
    shown = page(request, template, status=problem.status, problem=problem)
    shown.headers.update(dict(problem.headers))
    return shown
