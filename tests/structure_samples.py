"""Checks of structure and of tool calls, each with what passes and what fails."""

import json
from typing import Any

from promptlab.core.json import JSON
from promptlab.schemas.run import StepResult
from tests.judged import step

ORDER: dict[str, JSON] = {
    "type": "object",
    "properties": {"order": {"type": "string"}},
    "required": ["order"],
    "additionalProperties": False,
}
TOOLS: list[JSON] = [
    {"type": "function", "function": {"name": "status", "parameters": ORDER}},
    {"name": "stock", "input_schema": {"type": "object", "properties": {}}},
]
XML = '<?xml version="1.0"?>\n<a><b id="1">x &amp; y</b><b><c/></b></a>'
QUERY = "SELECT o.id, total FROM orders AS o WHERE total > 10"


def said(*calls: tuple[str, str] | None, output: JSON = "done", **facts: Any) -> StepResult:
    """Give a step whose model made these calls, None for a turn without one, each in a turn of its own."""
    turns: list[dict[str, JSON]] = []
    for call in calls:
        made: list[JSON] = []
        if call is not None:
            made = [{"id": "c", "name": call[0], "arguments": call[1]}]
        turns.append({"role": "assistant", "content": "", **({"tool_calls": made} if made else {})})
    asked = {"role": "user", "content": "?"}
    return step(output, messages=(asked, *turns), said=len(turns), **facts)


def tool_calls(*calls: tuple[str, JSON]) -> list[JSON]:
    """Give calls in OpenAI's form of today."""
    return [
        {"id": "c", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for name, arguments in calls
    ]


def function_call(name: str, arguments: JSON) -> dict[str, JSON]:
    """Give a call in OpenAI's older form."""
    return {"name": name, "arguments": json.dumps(arguments)}


def ended(reason: str) -> StepResult:
    return step("x", finish_reason=reason)


STATUS: tuple[str, JSON] = ("status", {"order": "A1"})
TODAY = tool_calls(STATUS)
OLDER = function_call(*STATUS)
ANTHROPIC: JSON = [
    {"type": "text", "text": "let me see"},
    {"type": "tool_use", "id": "t", "name": "status", "input": {"order": "A1"}},
]
GOOGLE: JSON = [{"functionCall": {"name": "status", "args": {"order": "A1"}}}]
WRONG = tool_calls(("status", {"order": 1}))
NO_CALLS: list[JSON | StepResult] = [
    "",
    "status",
    "{}",
    "[]",
    "{",
    None,
    [{"name": 1}],
    ["status"],
    said(None),
]

type Sample = tuple[JSON, list[JSON | StepResult], list[JSON | StepResult]]

STRUCTURE: list[Sample] = [
    (
        "is-xml",
        [XML, "<a/>", " \n<a>{{ x }}</a>\n"],
        ["", "a", "<a>", "<a></b>", "x <a/>", "<a/><b/>", "<a>&x;</a>"],
    ),
    (
        "is-xml",
        [],
        ["<!DOCTYPE a><a/>", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "<a>\0</a>", "<a>\ud800</a>"],
    ),
    ({"is-xml": ["a.b", "a.b.c"]}, [XML], ["<a><b/></a>", "<b/>", "<a><c/><b/></a>", "<a"]),
    ({"is-xml": "a, a.b"}, [XML], ["<a/>"]),
    ({"is-xml": {"requiredElements": ["a.b"]}}, [XML], ["<a/>"]),
    (
        "contains-xml",
        ["see <a>x</a>.", "1 < 2 <br> <a/>", XML, "<p><br><b>x</b></p>"],
        ["", "<a>", "a < b", "<a></b>"],
    ),
    ("contains-xml", ["<!-- <a> --> <b/>"], ["<!-- <a/> -->", "<![CDATA[<a/>]]>", "<a>&nbsp;</a>"]),
    ({"contains-xml": "a.b, c"}, ["x <a><b/></a> y <c/> z"], ["<a><b/></a>", "<a><c/></a><b/>", "<c/>"]),
    (
        "is-html",
        ["<p>a</p>", "<p>a<p>b", "<!-- x --><div>y</div>\n", "<br>", "<my-card>x</my-card>"],
        ["", "a", "a < b"],
    ),
    (
        "is-html",
        [
            "<!DOCTYPE html><html><body>x</body></html>",
            "<p it's>x</p>",
            "<script>a<b '</p>'</script>",
            "<a t='>'>x</a>",
        ],
        [
            "<b>x</b> y",
            "y <b>x</b>",
            "<foo>x</foo>",
            '<?xml version="1.0"?><p/>',
            "</p>",
            "<p",
            "```html\n<p>x</p>\n```",
        ],
    ),
    (
        "contains-html",
        [
            "see <b>x</b>",
            "a<br>b",
            "x <img src='y'/>",
            "<!doctype html>",
            "<my-card>x</my-card>",
            "<title>x</title>",
        ],
        ["", "a < b > c", "&amp; <!-- x -->", "<your-name>", "fill in <title>", "List<T> x</T>", "<p"],
    ),
    (
        "is-sql",
        [QUERY, "select 1; select 2;", "drop table x", "explain select 1", "call p(1)", "show tables"],
        [""],
    ),
    (
        "is-sql",
        [],
        ["hello", "hello world", "a + b", "select * from", "select", "update your password", "select 'a"],
    ),
    (
        "is-sql",
        [],
        [
            "create the thing",
            "show me the money",
            "explain this to me",
            "-- nothing",
            "from `{{ : }",
            "```\nselect 1\n```",
        ],
    ),
    ({"is-sql": {"databaseType": "Postgresql"}}, ["select a::int[] from t"], ["select [a from t"]),
    (
        {"is-sql": {"allowedTables": ["orders"]}},
        [QUERY],
        ["select 1 from users", "select 1 from (select 1 from users) o"],
    ),
    (
        {"contains-sql": None},
        [QUERY, f"Here:\n```sql\n{QUERY}\n```\nDone."],
        ["```sql\nno\n```", "Here: select 1 from t x y z"],
    ),
    (
        "is-yaml",
        ["a: 1", "- a\n- b", "{a: [1, 2]}", "--- {a: 1}\n--- [b]", {"a": 1}, [1]],
        ["", "a", "5", "# x", 5, None],
    ),
    (
        "is-yaml",
        ["a: &x {b: 1}\nc: *x"],
        ["a: 1\na: 2", "a: b: c", "[a", "`a`", "*x", "[[a]: b]", "a: \0", "[" * 500],
    ),
    ({"is-yaml": {"type": "object", "required": ["a"]}}, ["a: no"], ["b: 1", "- a", "a"]),
    ({"is-yaml": {"type": "string"}}, ["no", "a b"], ["1", "true", "a: 1"]),
    (
        "is-refusal",
        [
            "I cannot help with that.",
            "I’m sorry, but I can't do this.",
            "AS AN AI language model, I …",
            ended("refusal"),
        ],
        [
            "",
            " ",
            "Sorry for the delay!",
            "This is not legal advice.",
            "as an airbnb host",
            "You can't help but smile",
            None,
        ],
    ),
    ({"finish-reason": "stop"}, [ended("stop"), ended("end_turn")], [ended("length"), ended("new-reason")]),
    ({"finish-reason": ["stop", "max_tokens"]}, [ended("stop"), ended("length")], [ended("refusal")]),
    (
        {"is-valid-function-call": TOOLS},
        [
            TODAY,
            OLDER,
            ANTHROPIC,
            GOOGLE,
            json.dumps(TODAY),
            said(("status", '{"order": "A1"}')),
            said(("stock", "")),
        ],
        [WRONG, said(("status", "{")), said(("stock", "[]")), said(("stocks", "{}")), *NO_CALLS],
    ),
    (
        {"is-valid-openai-function-call": TOOLS},
        [OLDER, {"function_call": OLDER}, json.dumps(OLDER), said(("stock", "{}"))],
        [TODAY, ANTHROPIC, {"name": "stock", "arguments": {}}, function_call("status", {}), *NO_CALLS],
    ),
    (
        {"is-valid-openai-tools-call": TOOLS},
        [TODAY, {"tool_calls": list(TODAY)}, json.dumps(TODAY), said(("stock", "{}"))],
        [OLDER, ANTHROPIC, WRONG, [{"function": {"name": "stock", "arguments": {}}}], *NO_CALLS],
    ),
    ({"tool-call-f1": "status, stock"}, [said(("stock", "{}"), ("status", "{}"))], [TODAY, *NO_CALLS]),
    (
        {"type": "tool-call-f1", "value": ["status", "stock"], "threshold": 0.6},
        [TODAY],
        [tool_calls(("x", {}))],
    ),
    (
        {"tools-called": "status"},
        [TODAY, ANTHROPIC, GOOGLE, said(("stock", "{}"), ("status", "{}"))],
        NO_CALLS,
    ),
    ({"tools-called": ["stock", "stock"]}, [said(("stock", "{}"), ("stock", "{}"))], [said(("stock", "{}"))]),
    (
        {"type": "tools-called", "value": ["a", "b"], "order": "subsequence"},
        [said(("a", ""), ("x", ""), ("b", ""))],
        [said(("b", ""), ("a", "")), said(("a", ""))],
    ),
    (
        {"type": "tools-called", "value": ["a", "b"], "order": "exact"},
        [said(("a", ""), ("b", ""))],
        [said(("a", ""), ("x", ""), ("b", "")), said(("a", ""))],
    ),
    ({"type": "tools-called", "value": [], "order": "exact"}, NO_CALLS, [TODAY]),
    (
        {"tool-args-match": {"name": "status", "args": {"order": "A1"}}},
        [TODAY, said(("status", '{"order": "B"}'), ("status", '{"order": "A1", "x": {}}'))],
        [
            tool_calls(("status", {})),
            tool_calls(("stock", {"order": "A1"})),
            said(("status", "{")),
            *NO_CALLS,
        ],
    ),
    (
        {"tool-args-match": {"name": "f", "args": {"a": [{"b": 1}]}}},
        [tool_calls(("f", {"a": [{"b": 1.0, "c": 2}]}))],
        [
            tool_calls(("f", {"a": [{"b": True}]})),
            tool_calls(("f", {"a": [{"b": 1}, 2]})),
            tool_calls(("f", {"a": 1})),
        ],
    ),
    (
        {"tool-args-match": {"name": "f", "args": {"a": 1}, "mode": "exact"}},
        [tool_calls(("f", {"a": 1}))],
        [tool_calls(("f", {"a": 1, "b": 2}))],
    ),
    ({"turns": 2}, [said(("a", ""), None)], [said(None)]),
    ({"turns": {"max": 1}}, [said(None)], [said(None, None)]),
]
