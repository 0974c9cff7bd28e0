"""`is-html` and `contains-html`: tolerant, as browsers are, but there must be real tags."""

from promptlab.engine.check import CannotJudge, Check, Finding, Subject
from promptlab.engine.checks.tolerant_html import TooManyTags, html_fault, tags_in


class IsHtml(Check):
    """The whole text is HTML, a page or a part of one: there is an element of HTML, and no text outside.

    As a browser does, it forgives tags that are not closed or not opened, and attributes of any kind. Custom
    elements (`<my-card>`) count. Text is outside if no element is open around it, the page's own `html` and
    `body` included. XML (`<?xml …`) is none. It takes no value.
    """

    async def judge(self, subject: Subject) -> Finding:
        try:
            fault = html_fault(subject.text)
        except TooManyTags as error:
            raise CannotJudge(str(error)) from None
        return Finding.of(
            passed=fault is None, reason="is HTML" if fault is None else f"is not HTML: {fault}"
        )


class ContainsHtml(Check):
    """A tag of HTML stands somewhere in the text.

    Everyday tags (`<p>`, `<a href=…>`, `<br>`, `<div>`, `<!DOCTYPE html>`) count alone. Other elements of
    HTML and custom ones, whose names are used as placeholders too (`<title>`, `<your-name>`), count where
    the text also closes one of that name. Entities and comments are not enough. It takes no value.
    """

    async def judge(self, subject: Subject) -> Finding:
        found = tags_in(subject.text)
        reason = f"contains the HTML of {found}" if found else "contains no HTML"
        return Finding.of(passed=found is not None, reason=reason)
