"""Schemas that are known to be right without a validator."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator

from promptlab.engine.plain_schema import DIALECT, KEYWORDS, is_plain

LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        1.5,
        "",
        "a",
        "string",
        "object",
        "(",
        "[a-z]+",
        [],
        ["a"],
        ["a", "a"],
        ["null"],
        {},
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", *KEYWORDS]), inner, max_size=3)
    ),
    max_leaves=8,
)
SCHEMAS = st.dictionaries(st.sampled_from([*KEYWORDS, "format", "if"]), VALUES, max_size=4)


@given(SCHEMAS)
def test_what_is_plain_is_right(schema: dict[str, Any]) -> None:
    """
    Given any map of keywords to values, right or wrong,
    when it counts as plain,
    then the schema of schemas agrees.
    """
    if not is_plain(schema):
        return

    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]},
        {"$schema": DIALECT, "type": "array", "items": {"enum": [1, "x"]}, "minItems": 1},
        {"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": True}},
    ],
)
def test_schemas_of_every_day_are_plain(schema: dict[str, Any]) -> None:
    """
    Given a schema as people write them,
    when it is looked at,
    then it is plain.
    """
    assert is_plain(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"type": []},
        {"required": "a"},
        {"minLength": -1},
        {"pattern": "("},
        {"properties": {"a": {"items": 3}}},
        {"anyOf": []},
    ],
)
def test_a_wrong_schema_is_never_plain(schema: dict[str, Any]) -> None:
    """
    Given a schema that is none,
    when it is looked at,
    then it is not plain, so that the validator says what is wrong.
    """
    assert not is_plain(schema)
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema(schema)
