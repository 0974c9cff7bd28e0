"""JSON Schemas that a provider cannot be held to: refused before the first call, at their line."""

import json
from typing import Any

import pytest

from promptlab.core.json import JSON
from promptlab.engine.providers.messages_schema import accepted
from tests.loading_kit import Loaded, load

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
LIST = {"$defs": {"node": NODE}, "type": "object", "properties": {"head": {"$ref": "#/$defs/node"}}}
TREE = {"type": "object", "properties": {"left": {"$ref": "#"}}}
ALIKE = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}}
SHARED = {
    "type": "array",
    "items": {"$ref": "#/$defs/point"},
    "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}}}},
}


def with_schema(schema: object, *, model: str = "openai/gpt-4o-mini", prompt: str = "hi") -> Loaded:
    step = {"id": "a", "prompt": "prompts/p.j2", **({} if schema is None else {"output": {"schema": schema}})}
    pipeline = {"version": 1, "model": model, "steps": [step]}
    return load(
        json.dumps(pipeline, indent=1), {"prompts/p.j2": prompt, "pipelines/s.json": json.dumps(LIST)}
    )


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"type": "object", "properties": {"a": {"$ref": "https://x.example/s"}}},
            "leads outside the schema",
        ),
        ({"type": "object", "properties": {"a": {"$ref": "other.json#/a"}}}, "leads outside the schema"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}, "leads nowhere"),
        ({"type": "object", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "leads to itself"),
        (
            {"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
            "leads to itself",
        ),
        ({"type": "array", "items": {"$ref": "#"}}, "the schema is no object"),
        ({"type": "object", "properties": {"a": {"enum": []}}}, "fits no value"),
    ],
)
def test_a_schema_that_nobody_can_follow_is_refused_for_every_model(
    schema: dict[str, JSON], message: str
) -> None:
    """
    Given a schema whose references lead outside, nowhere or round in a circle, or that fits nothing,
    when a pipeline asks for it,
    then it is refused at that reference's line.
    """
    (found,) = with_schema(schema).found

    assert message in found.message
    assert "$ref" in (found.snippet or "") or "enum" in (found.snippet or "")


@pytest.mark.parametrize("schema", [LIST, TREE, ALIKE, SHARED, {"type": ["string", "null"]}, {}])
def test_openai_takes_any_schema(schema: dict[str, JSON]) -> None:
    """
    Given a schema that refers to itself, or says little,
    when OpenAI's model is asked for it,
    then nothing is wrong: it is sent as not strict.
    """
    assert with_schema(schema).messages == []


@pytest.mark.parametrize(
    ("schema", "message", "named"),
    [
        (LIST, "Anthropic's models take no schema that refers back to itself", '"$ref": "#/$defs/node"'),
        (TREE, "Anthropic's models take no schema that refers back to itself", '"$ref": "#"'),
        ({}, "Anthropic's models take no schema without `type`, `enum` or `anyOf`", '"schema": {}'),
        (
            {"type": "object", "properties": {"a": {"title": "A"}}},
            "Anthropic's models take no schema without `type`, `enum` or `anyOf`",
            '"a": {',
        ),
        (
            {"type": "object", "properties": {"a": False}},
            "Anthropic's models take no `false` as a schema",
            '"a": false',
        ),
    ],
)
def test_what_anthropic_has_no_words_for_is_refused_at_its_line(
    schema: dict[str, JSON], message: str, named: str
) -> None:
    """
    Given a schema that is recursive, or does not say what a value is,
    when Anthropic's model is asked for it,
    then it is refused where it stands.
    """
    (found,) = with_schema(schema, model="anthropic/claude-sonnet-4-5").found

    assert found.message == message
    assert named in (found.snippet or "")


@pytest.mark.parametrize("schema", [ALIKE, SHARED, {"type": ["string", "null"]}, {"const": 3}])
def test_anthropic_takes_references_that_lead_on(schema: dict[str, JSON]) -> None:
    """
    Given a schema with references, or with several types,
    when Anthropic's model is asked for it,
    then nothing is wrong.
    """
    assert with_schema(schema, model="anthropic/claude-sonnet-4-5").messages == []


def test_a_schema_in_a_file_or_in_front_matter_is_refused_too() -> None:
    """
    Given a recursive schema in a file, and one in a prompt's front matter,
    when Anthropic's model is asked for it,
    then it is refused at the step's output, or its prompt.
    """
    front = f"---\noutput: {{schema: {json.dumps(TREE)}}}\n---\nhi"

    by_file = with_schema("pipelines/s.json", model="anthropic/claude-sonnet-4-5").found[0]
    by_front = with_schema(None, model="anthropic/claude-sonnet-4-5", prompt=front).found[0]

    assert (by_file.line, by_file.code) == (8, "schema")
    assert (by_front.line, by_front.code) == (7, "schema")


@pytest.mark.parametrize(
    ("schema", "messages"),
    [
        (LIST, []),
        (TREE, ["the local model takes no $ref to the whole schema; put it under $defs"]),
        (
            {"type": "object", "properties": {"a": False}},
            ["the local model takes no `false` as a schema"],
        ),
    ],
)
def test_what_llama_cpp_makes_no_grammar_of_is_refused(schema: dict[str, JSON], messages: list[str]) -> None:
    """
    Given a schema that refers to its own top, or has a boolean for a schema,
    when the local model is asked for it,
    then it is refused; one that is recursive by its definitions is not.
    """
    assert with_schema(schema, model="local/smollm2-135m").messages == messages


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (
            {"type": "string", "minLength": 3, "description": "A"},
            {"type": "string", "description": "A\n\n{minLength: 3}"},
        ),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "format": "odd"}, {"type": "string", "description": "{format: odd}"}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"oneOf": [{"const": 1}, {"enum": ["a"]}]}, {"anyOf": [{"const": 1}, {"enum": ["a"]}]}),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "description": "{maxItems: 2}"},
        ),
        (
            {
                "$defs": {"a": {"type": "string"}},
                "type": "object",
                "properties": {"x": {"$ref": "#/$defs/a"}},
            },
            {
                "$defs": {"a": {"type": "string"}},
                "type": "object",
                "properties": {"x": {"$ref": "#/$defs/a"}},
                "additionalProperties": False,
            },
        ),
    ],
)
def test_what_anthropic_takes_in_part_is_told_in_words(schema: Any, sent: Any) -> None:
    """
    Given keywords that Anthropic's constrained decoding has not,
    when a schema is written for it,
    then they stand in a description, as its SDK writes them.
    """
    assert accepted(schema) == sent
