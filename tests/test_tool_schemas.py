"""What a model is told of a tool is read from its signature, without running it."""

from textwrap import dedent
from typing import Any

import pytest

from promptlab.engine.conversation import Tool
from promptlab.engine.function import Function
from promptlab.loader.functions import read_function
from promptlab.loader.tool_schemas import read_tool
from promptlab.schemas.refusal import Refusal

HEAD = """\
import typing as t
from typing import Any, Literal, NotRequired, Optional, TypedDict, Union, Annotated
raise SystemExit("imported")
type Place = Literal["home", "work"]
Tier = Literal["free", "pro"]
class Line(TypedDict):
    sku: str
    amount: NotRequired[int]
class Loose(TypedDict, total=False):
    sku: t.Required[str]
    place: Place
class Sized(Line):
    size: float
class Tree(TypedDict):
    children: list["Tree"]
class Left(Right): ...
class Right(Left): ...
class Order:
    id: str
"""


def tool_of(definition: str, *, name: str = "find") -> Tool:
    source = HEAD + dedent(definition)
    function = read_function(f"tools/shop.py:{name}", lambda _path: source.encode())
    assert isinstance(function, Function), function
    return read_tool(function).offered


def schema_of(annotation: str) -> Any:
    return tool_of(f"def find(it: {annotation}): ...").parameters["properties"]["it"]  # type: ignore[index,call-overload]


def refusal_of(definition: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        tool_of(definition)
    return caught.value


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("Any", {}),
        ("list", {"type": "array", "items": {}}),
        ("list[str]", {"type": "array", "items": {"type": "string"}}),
        ("t.List[int]", {"type": "array", "items": {"type": "integer"}}),
        ("dict", {"type": "object"}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("Literal[1, 'b', None]", {"enum": [1, "b", None]}),
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("Union[int, str, None]", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ("int | str | None", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ("'str'", {"type": "string"}),
        ("'list[Tier]'", {"type": "array", "items": {"type": "string", "enum": ["free", "pro"]}}),
        ("Place", {"type": "string", "enum": ["home", "work"]}),
        ("Annotated[int, 'in cents']", {"type": "integer", "description": "in cents"}),
        (
            "Line",
            {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "amount": {"type": "integer"}},
                "required": ["sku"],
                "additionalProperties": False,
            },
        ),
        (
            "Sized",
            {
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "amount": {"type": "integer"},
                    "size": {"type": "number"},
                },
                "required": ["sku", "size"],
                "additionalProperties": False,
            },
        ),
        (
            "Loose",
            {
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "place": {"type": "string", "enum": ["home", "work"]},
                },
                "required": ["sku"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_a_type_hint_becomes_a_schema(annotation: str, schema: Any) -> None:
    """
    Given a tool in a file that ends the process when it is imported,
    when a parameter has a type hint,
    then the model gets the schema that says the same.
    """
    found = schema_of(annotation)

    assert found == schema


def test_what_has_a_default_is_not_required() -> None:
    """
    Given parameters with and without a default, by position and by keyword alone,
    when the tool is read,
    then those without one are required, and no others are taken.
    """
    tool = tool_of("async def find(a: str, b: int = 1, *, c: bool, d: str | None = None): ...")

    assert tool.name == "find"
    assert tool.parameters["required"] == ["a", "c"]
    assert tool.parameters["additionalProperties"] is False
    assert list(tool.parameters["properties"]) == ["a", "b", "c", "d"]  # type: ignore[arg-type]


def test_a_tool_without_parameters_takes_nothing() -> None:
    """
    Given a function without parameters,
    when it is read,
    then the model is told that it takes an empty object.
    """
    tool = tool_of("def find(): ...")

    assert tool.description == ""
    assert tool.parameters == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


GOOGLE = '''
    def find(order: str, limit: int = 3):
        """Say where an order is.

        It may take a while.

        Args:
            order: Its number,
                as printed on the bill: eight digits.
            limit (int): How many at most.

        Returns:
            order: not this one.
        """
'''
NUMPY = '''
    def find(order: str, limit: int = 3):
        """
        Say where an order is.

        It may take a while.

        Parameters
        ----------
        order : str
            Its number,
            as printed on the bill: eight digits.
        limit : int, optional
            How many at most.

        Returns
        -------
        order
            Not this one.
        """
'''
SPHINX = '''
    def find(order: str, limit: int = 3):
        """Say where an order is.

        It may take a while.

        :param order: Its number,
            as printed on the bill: eight digits.
        :param int limit: How many at most.
        :returns: order: not this one.
        """
'''


@pytest.mark.parametrize("definition", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_the_docstring_describes_the_tool_and_its_parameters(definition: str) -> None:
    """
    Given a docstring in one of the usual forms,
    when the tool is read,
    then its summary describes the tool, and its entries the parameters.
    """
    tool = tool_of(definition)

    assert tool.description == "Say where an order is.\n\nIt may take a while."
    assert tool.parameters["properties"] == {
        "order": {
            "description": "Its number, as printed on the bill: eight digits.",
            "type": "string",
        },
        "limit": {"description": "How many at most.", "type": "integer"},
    }


def test_a_docstring_of_another_form_is_kept_whole() -> None:
    """
    Given a docstring with a colon and words that are no sections,
    when the tool is read,
    then all of it describes the tool.
    """
    tool = tool_of('def find(a: str):\n    """Note: look at Args, or\n\n    Parameters of a: b."""')

    assert tool.description == "Note: look at Args, or\n\nParameters of a: b."


LINE = HEAD.count("\n") + 1


@pytest.mark.parametrize(
    ("definition", "message", "hint"),
    [
        (
            "def find(a): ...",
            f"tools/shop.py:{LINE}: in the tool find the parameter 'a' has no type hint",
            "a: str",
        ),
        ("def find(\n  a: str,\n  b,\n): ...", f"tools/shop.py:{LINE + 2}: ", "b: str"),
        ("def find(*args: str): ...", "'*args' takes any number", "a parameter of its own"),
        ("def find(**rest: str): ...", "'**rest' takes any number", "a parameter of its own"),
        ("def find(a: bytes): ...", "'a': the type bytes has no JSON Schema", "say it with str, int"),
        ("def find(a: set[str]): ...", "'a': the type set[str] has no JSON Schema", "say it with str, int"),
        ("def find(a: dict[int, str]): ...", "the type dict[int, str] has no", "say it with str, int"),
        ("def find(a: list[bytes]): ...", "'a': the type bytes has no", "say it with str, int"),
        ("def find(a: 'no type'): ...", "the type 'no type' has no", "say it with str, int"),
        ("def find(a: Order): ...", "'a': the type Order has no", "write it as a TypedDict"),
        ("def find(a: Tree): ...", "'a': the type Tree has no", "a type that holds itself"),
        ("def find(a: Left): ...", "'a' has a type that is nested too deep", "fewer layers"),
        ("def find(a: Literal[1.5]): ...", "the type Literal[1.5] has no", "say it with str, int"),
        ("def find(a: Literal[b'']): ...", "has no JSON Schema", "say it with str, int"),
    ],
)
def test_a_signature_that_no_schema_says_is_refused(definition: str, message: str, hint: str) -> None:
    """
    Given a function whose parameters a model could not be told of,
    when it is read as a tool,
    then the refusal names the parameter, the file and the line, and says what to write.
    """
    refusal = refusal_of(definition)

    assert message in str(refusal)
    assert hint in (refusal.hint or "")


def test_all_flaws_of_a_signature_are_told_at_once() -> None:
    """
    Given a function with two parameters without type hints,
    when it is read as a tool,
    then both are named.
    """
    refusal = refusal_of("def find(a, b: int, c): ...")

    assert "'a' has no type hint" in str(refusal)
    assert "'c' has no type hint" in str(refusal)


def test_a_name_that_vendors_refuse_is_refused() -> None:
    """
    Given a function with a letter in its name that no vendor takes,
    when it is read as a tool,
    then the refusal says which names there may be.
    """
    with pytest.raises(Refusal, match="'prüfe' cannot be the name of a tool"):
        tool_of("def prüfe(a: str): ...", name="prüfe")
