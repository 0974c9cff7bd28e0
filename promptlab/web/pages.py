"""Pages from templates: everything in them is escaped, everything that they name must be there."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from promptlab.core.words import duration, money, percent, plural, spent

MARKS = {"passed": "✓", "failed": "✗", "errored": "!", "skipped": "–", "left": "…"}


@cache
def environment() -> Environment:
    """Give what renders templates; `marks` and the words of reports are known to all of them."""
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("promptlab.web"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"marks": MARKS, "plural": plural, "duration": duration, "spent": spent, "money": money}
    made.globals |= {"percent": percent}
    return made


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a template; `nonce` and `path` are in it beside what is `shown`."""
    nonce = getattr(request.state, "nonce", "")
    text = environment().get_template(template).render(nonce=nonce, path=request.url.path, **shown)
    return HTMLResponse(text, status)
