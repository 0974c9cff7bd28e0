"""Answers of any length, each made to be hard for some kind of check."""

from collections.abc import Mapping
from functools import partial

MEGABYTE = 1_000_000


def hostile(length: int) -> Mapping[str, str]:
    """Give answers of about so many characters by what they are made of."""
    times = partial(_repeated, length)
    return {
        "one letter": times("a"),
        "words": times("ab "),
        "prose": times("It is not what they said, but I cannot say more of it. "),
        "spaces": times(" "),
        "lines": times("\n"),
        "NUL": times("\0"),
        "surrogates": times("\ud800"),
        "combining": times("\u0301"),
        "composed": times("e\u0301"),
        "wide": times("\U0001f600"),
        "folding": times("\u0130"),
        "apostrophes": times("\u2019"),
        "terminal": times("\x1b[31m"),
        "double quotes": times('"'),
        "single quotes": times("'"),
        "backslashes": times("\\"),
        "commas": times(","),
        "brackets": times("["),
        "braces": times("{{{{"),
        "deep arrays": "[" * (length // 2) + "]" * (length // 2),
        "objects": times('{"a":'),
        "empty keys": times('{""'),
        "open string": "[" * length + '"a',
        "digits": "[" + "1" * length,
        "bare digits": "1" * length,
        "array": "[" + "1," * (length // 2) + "1]",
        "many arrays": times("[[1,2]] "),
        "many objects": times('{"a":"b"} '),
        "one object": '{"a": "' + "b" * length + '"}',
        "many keys": "{" + ",".join(f'"k{number}":1' for number in range(length // 12)) + "}",
        "calls": "[" + ",".join(['{"name":"f","arguments":{}}'] * (length // 28)) + "]",
        "tags": times("<a>"),
        "other tags": times("<a><b>"),
        "closed tags": times("<p>a</p>"),
        "long tags": times("<" + "a" * 1000 + ">"),
        "open tags": times("<a "),
        "attributes": "<a " + "b='c' " * (length // 6) + "></a>",
        "comments": times("<!--"),
        "less-than": times("<"),
        "entities": "<a>" + "&amp;" * (length // 5) + "</a>",
        "own entities": "<!DOCTYPE a [" + "<!ENTITY b 'c'>" * (length // 15) + "]><a>&b;</a>",
        "sections": "<a>" + "<![CDATA[x]]>" * (length // 13) + "</a>",
        "fences": times("```sql\nselect 1\n```\n"),
        "open fences": times("```"),
        "backquotes": times("`"),
        "columns": "select " + "a, " * (length // 3),
        "statements": times("select 1;"),
        "parentheses": "select " + "(" * length,
        "sql comments": times("/*"),
        "one sql string": "select '" + "a" * length + "'",
        "yaml list": times("- a\n"),
        "yaml anchors": times("- &a [*a]\n"),
        "yaml aliases": "- &a b\n" + times("- *a\n"),
        "yaml maps": times("a: "),
        "yaml keys": "".join(f"k{number}: v\n" for number in range(length // 10)),
        "yaml text": "a: |\n" + "  b\n" * (length // 4),
        "yaml directives": times("%a\n"),
        "yaml questions": times("? "),
        "yaml dashes": times("- "),
        "refusals": times("i cannot and "),
        "sorry": times("sorry "),
        "tabs": times("\t"),
        "mixed": times("<a [\"{' - &`1;\n"),
    }


def _repeated(length: int, text: str) -> str:
    return text * (length // len(text))
