"""What `path.py:function` means is read from source, without running it."""

from collections.abc import Mapping

import pytest

from promptlab.engine.function import Function, Parameter
from promptlab.loader.functions import Flaw, check_call, read_function
from promptlab.loader.project_imports import Read

SCORE = """\
import json, math
raise SystemExit("imported")

async def score(text: str, *, limit: int | None = None, **rest) -> float:
    return 1.0

def plain(text, other=1): ...
class Judge: ...
limit = 3
from tools.other import helper
def strict(a, /, b): ...
if True:
    def nested(): ...
"""


def reader(files: Mapping[str, str]) -> Read:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path].encode()

    return read


def function(reference: str, files: Mapping[str, str]) -> Function:
    result = read_function(reference, reader(files))
    assert isinstance(result, Function), result
    return result


def flaw(reference: str, files: Mapping[str, str]) -> Flaw:
    result = read_function(reference, reader(files))
    assert isinstance(result, Flaw), result
    return result


def test_a_signature_is_read_without_running_the_file() -> None:
    """
    Given a file that ends the process when it is imported,
    when one of its functions is read,
    then its signature is known.
    """
    score = function("./tools/score.py:score", {"tools/score.py": SCORE})

    assert (score.path, score.name, score.line, score.is_async, score.accepts_extra) == (
        "tools/score.py", "score", 4, True, True,
    )  # fmt: skip
    assert score.parameters == (
        Parameter("text", required=True, annotation="str", kind="positional_or_keyword"),
        Parameter("limit", required=False, annotation="int | None", kind="keyword_only"),
    )
    assert score.source == SCORE
    assert function("tools/score.py:nested", {"tools/score.py": SCORE}).line == 13


@pytest.mark.parametrize(
    ("reference", "message", "hint", "line"),
    [
        ("tools/score.py", "'tools/score.py' is not a path.py:function", "like tools/score.py:score", None),
        ("score:main", "'score:main' is not a path.py:function", "tools/score.py", None),
        ("tools/score.py:a.b", "is not a path.py:function", "tools/score.py", None),
        ("../x.py:f", "'../x.py' lies outside the project", "relative to its root", None),
        ("/etc/x.py:f", "'/etc/x.py' lies outside the project", "relative to its root", None),
        ("tools/none.py:f", "no file 'tools/none.py'", "relative to the project's root", None),
        ("tools/score.py:scor", "no function 'scor' in tools/score.py", "did you mean 'score'?", None),
        ("tools/score.py:zzz", "no function 'zzz'", "known: nested, plain, score, strict", None),
        ("tools/many.py:zzz", "no function 'zzz'", "it defines 20 others", None),
        ("tools/empty.py:zzz", "no function 'zzz'", "the file defines none", None),
        ("tools/score.py:Judge", "'Judge' is a class, not a function", "name a function", 8),
        ("tools/score.py:limit", "'limit' is a variable, not a function", "define it with def", 9),
        ("tools/score.py:helper", "'helper' is an import, not a function", "name the file", 10),
        ("tools/score.py:strict", "'strict' has the positional-only parameter 'a'", "remove the '/'", 11),
        ("broken.py:f", "not valid Python: expected ':'", "", 2),
        ("nul.py:f", "not valid Python: source code string cannot contain null bytes", "", 1),
        ("deep.py:f", "not valid Python: too many nested parentheses", "", 1),
        ("large.py:f", "not valid Python: the file is larger than 256 KiB", "", 1),
        ("importer.py:f", "not valid Python: expected ':'", "", 2),
    ],
)
def test_what_cannot_be_called_is_refused(reference: str, message: str, hint: str, line: int | None) -> None:
    """
    Given a reference that names no function, or one that cannot be called by names,
    when it is read,
    then the flaw says what, where and what to do.
    """
    files = {
        "tools/score.py": SCORE,
        "tools/many.py": "".join(f"def f{number}(): ...\n" for number in range(20)),
        "tools/empty.py": "",
        "broken.py": "\ndef f()\n",
        "nul.py": "\0",
        "deep.py": "(" * 1000,
        "large.py": "#" * 300_000,
        "importer.py": "import broken\ndef f(): ...",
    }

    found = flaw(reference, files)

    assert message in found.message
    assert hint in (found.hint or "")
    assert found.line == line


@pytest.mark.parametrize(
    ("count", "hint"), [(0, "the file defines none"), (2, "known: f0, f1"), (30, "it defines 30 others")]
)
def test_a_file_of_functions_is_not_said_to_have_none(count: int, hint: str | None) -> None:
    """
    Given a file of no, few or many functions,
    when another one is named,
    then the hint says what there is, and nothing where that is too much.
    """
    source = "".join(f"def f{number}(): ...\n" for number in range(count))

    assert flaw("a.py:zzzzzz", {"a.py": source}).hint == hint


def test_a_flaw_of_an_imported_file_names_that_file() -> None:
    """
    Given a function whose file imports one that is not Python,
    when it is read,
    then the flaw points into the imported file.
    """
    found = flaw("a.py:f", {"a.py": "import b\ndef f(): ...", "b.py": "x = (\n"})

    assert (found.path, found.line) == ("b.py", 1)


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        ({"text"}, []),
        ({"text", "other"}, []),
        (set(), ["tools/score.py:plain needs the argument 'text'"]),
        ({"text", "othr"}, ["tools/score.py:plain has no parameter 'othr'; did you mean 'other'?"]),
        ({"text", "zzz"}, ["tools/score.py:plain has no parameter 'zzz'; it takes text, other"]),
    ],
)
def test_arguments_are_held_against_the_signature(names: set[str], messages: list[str]) -> None:
    """
    Given a function of the project,
    when the names of arguments are checked,
    then each one that is missing or unknown is named.
    """
    plain = function("tools/score.py:plain", {"tools/score.py": SCORE})

    assert check_call(plain, names) == messages


def test_extra_arguments_are_accepted_where_the_function_takes_them() -> None:
    """
    Given a function with **kwargs,
    when an argument is given that it does not name,
    then that is no fault.
    """
    score = function("tools/score.py:score", {"tools/score.py": SCORE})

    assert check_call(score, ["text", "anything"]) == []


PROJECT = {
    "tools/main.py": "import json, numpy, beside\nfrom . import near\nimport lib.deep.far as x\ndef f(): ...",
    "tools/near.py": "def g():\n    from .lazy import *",
    "tools/lazy.py": "from ..up import x",
    "tools/beside.py": "import tools.main",
    "tools/unused.py": "",
    "lib/__init__.py": "",
    "lib/deep/__init__.py": "",
    "lib/deep/far.py": "",
    "json.py": "",
}


def test_the_project_files_that_a_function_needs_are_found() -> None:
    """
    Given a file that imports others, relatively, absolutely, in a circle and inside functions,
    when its function is read,
    then they are its files, and those of the standard library and of packages are not.
    """
    paths = [path for path, _ in function("tools/main.py:f", PROJECT).files]

    assert paths == [
        "lib/__init__.py",
        "lib/deep/__init__.py",
        "lib/deep/far.py",
        "tools/beside.py",
        "tools/lazy.py",
        "tools/main.py",
        "tools/near.py",
    ]


def test_files_that_are_imported_by_a_written_name_are_found() -> None:
    """
    Given a file that imports others by functions, with their names as texts, and one by a computed name,
    when its function is read,
    then those whose names are written are its files.
    """
    lines = [
        "import importlib as i",
        "i.import_module('lib.deep.far')",
        "i.import_module('.unused', __package__)",
        "__import__('beside')",
        "i.import_module(name='tools.near')",
        "i.import_module('../x', ''.join('ab'))",
        "i.import_module('tools.' + 'lazy')",
        "i.import_module('.......far', __package__)",
        "def f(): ...",
    ]

    paths = [
        path for path, _ in function("tools/by.py:f", {**PROJECT, "tools/by.py": "\n".join(lines)}).files
    ]

    assert "lib/deep/far.py" in paths
    assert {"tools/unused.py", "tools/beside.py", "tools/near.py"} <= set(paths)


@pytest.mark.parametrize(("edited", "changes"), [("tools/lazy.py", True), ("tools/unused.py", False)])
def test_the_digest_follows_the_files_that_are_imported(edited: str, changes: bool) -> None:  # noqa: FBT001
    """
    Given a function of a file that imports others,
    when a file changes,
    then its digest changes just if that file is one of them.
    """
    before = function("tools/main.py:f", PROJECT)

    after = function("tools/main.py:f", {**PROJECT, edited: "x = 2"})

    assert (after.digest != before.digest) is changes
