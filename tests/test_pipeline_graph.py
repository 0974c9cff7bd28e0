"""The graph of a pipeline: what its nodes say, and that nothing in the drawing lies on anything else."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from promptlab.loader.step_lines import step_lines
from promptlab.web.graph.drawing import MOST, Drawing, drawing_of
from promptlab.web.graph.nodes import Node, nodes_of
from promptlab.web.graph.shapes import Box
from tests.loading_kit import load

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.stem for path in ROOT.glob("pipelines/*.yaml"))
FEWEST, ACROSS = 5, 1100


@pytest.fixture(scope="module")
def examples() -> Mapping[str, tuple[Node, ...]]:
    """The nodes of every example, with the lines where they stand as addresses."""
    project = open_project(root=ROOT, environ={})
    found = {}
    for name in EXAMPLES:
        path = f"pipelines/{name}.yaml"
        (cell, *_) = load_pipeline(project.files, path, project.targets()).cells
        lines = step_lines(project.files, path, cell.steps)
        addresses = {place: f"{line.file}:{line.number}" for place, line in lines.items()}
        found[name] = nodes_of(cell.steps, addresses)
    return found


def node(id_: str, *needs: str, inner: tuple[Node, ...] = ()) -> Node:
    return Node(id=id_, kind="prompt", says="prompts/a.j2", needs=frozenset(needs), inner=inner)


def boxes_of(drawing: Drawing) -> dict[int, Box]:
    return {id(box.node): box for box in drawing.shapes.boxes}


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def within(inner: Box, outer: Box) -> bool:
    across = outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width
    return across and outer.y < inner.y and inner.y + inner.height < outer.y + outer.height


def is_sound(drawing: Drawing, nodes: Sequence[Node]) -> None:
    """Hold a drawing to what must be so of any: boxes are apart or inside each other, lines meet them."""
    boxes, shapes = boxes_of(drawing), drawing.shapes
    _siblings_are_apart(nodes, boxes)
    assert all(box.x >= 0 and box.x + box.width <= shapes.width for box in shapes.boxes)
    assert all(box.y >= 0 and box.y + box.height <= shapes.height for box in shapes.boxes)
    bottoms = {(round(box.x + box.width / 2), round(box.y + box.height)) for box in shapes.boxes}
    tops = {(round(box.x + box.width / 2), round(box.y)) for box in shapes.boxes}
    for stroke in shapes.strokes:
        assert _near(stroke.points[0], bottoms)
        assert _near(stroke.points[-1], tops)
        assert [y for _, y in stroke.points] == sorted(y for _, y in stroke.points)


def _near(point: tuple[float, float], places: Iterable[tuple[int, int]]) -> bool:
    return any(abs(point[0] - x) <= 1 and abs(point[1] - y) <= 1 for x, y in places)


def _siblings_are_apart(nodes: Sequence[Node], boxes: Mapping[int, Box]) -> None:
    for one, other in combinations(nodes, 2):
        assert apart(boxes[id(one)], boxes[id(other)])
    for outer in nodes:
        assert all(within(boxes[id(inner)], boxes[id(outer)]) for inner in outer.inner)
        _siblings_are_apart(outer.inner, boxes)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_drawn(examples: Mapping[str, tuple[Node, ...]], name: str) -> None:
    """
    Given an example,
    when it is drawn,
    then each step and tool has a box, boxes overlap only where one is inside the other, each need has a
    line, and every step says where it is written.
    """
    nodes = examples[name]
    everything = [one for node in nodes for _, one in node.all()]

    drawing = drawing_of(nodes)

    is_sound(drawing, nodes)
    assert len(drawing.shapes.boxes) == len(everything)
    assert len(drawing.shapes.strokes) == sum(len(one.needs) for one in everything)
    assert all(one.address for one in everything if one.kind != "tool")


def test_nodes_say_what_their_steps_are(examples: Mapping[str, tuple[Node, ...]]) -> None:
    """
    Given a pipeline with a branch, a loop, a loop of tools and a pipeline inside,
    when its nodes are asked for,
    then each says its kind, its model, its condition, its checks, what is inside it, and its file and line.
    """
    nodes = {node.id: node for node in examples["helpdesk"]}

    assert {one.id: one.kind for one in nodes.values()} == {
        "team": "prompt",
        "split": "python",
        "parts": "for each",
        "order": "messages",
        "title": "pipeline",
        "note": "messages",
    }
    assert nodes["team"].model == "local/smollm2-135m"
    assert (nodes["team"].says, nodes["team"].checks) == ("prompts/classify_few_shot.j2", 1)
    assert nodes["parts"].says == "part in split.output"
    assert nodes["order"].when == "team.output == 'shipping' or 'order' in (ticket | lower)"
    assert nodes["order"].needs == {"team", "split"}
    assert [(tool.kind, tool.says) for tool in nodes["order"].inner] == [
        ("tool", "tools/orders.py:order_status")
    ]
    assert nodes["title"].inner[0].notes == ("one after the other", "until write.output | wordcount <= 8")
    assert nodes["title"].inner[0].inner[0].address == "pipelines/subject_line.yaml:21"
    assert nodes["parts"].inner[0].address == "pipelines/helpdesk.yaml:31"


def test_lines_to_a_branch_say_that_it_may_be_skipped(examples: Mapping[str, tuple[Node, ...]]) -> None:
    """
    Given a pipeline with a branch,
    when it is drawn,
    then the lines to its step are of another kind, and no others.
    """
    drawing = drawing_of(examples["helpdesk"])

    assert [stroke.may_skip for stroke in drawing.shapes.strokes].count(True) == 2


@settings(max_examples=40)
@given(st.lists(st.sets(st.integers(1, 12), max_size=3), min_size=1, max_size=60))
def test_any_pipeline_can_be_drawn(needs: list[set[int]]) -> None:
    """
    Given up to sixty steps that need any of those before them,
    when they are drawn,
    then no box lies on another, and no line passes through one.
    """
    nodes = [
        node(f"s{number}", *(f"s{number - back}" for back in backs if back <= number))
        for number, backs in enumerate(needs)
    ]

    drawing = drawing_of(nodes)

    is_sound(drawing, nodes)
    for stroke in drawing.shapes.strokes:
        for (x, upper), (_, lower) in zip(stroke.points[:-1:2], stroke.points[1::2], strict=True):
            assert not any(
                box.x < x < box.x + box.width and upper < box.y + box.height and box.y < lower
                for box in drawing.shapes.boxes
            )


def test_many_steps_beside_each_other_are_put_below_each_other() -> None:
    """
    Given sixty steps that need nothing and one that needs them all,
    when they are drawn,
    then no row is wider than a window, and one line leads down to the last.
    """
    nodes = [*(node(f"s{number}") for number in range(60)), node("last", *(f"s{n}" for n in range(60)))]

    drawing = drawing_of(nodes)

    is_sound(drawing, nodes)
    assert drawing.shapes.width < ACROSS
    assert len({stroke.points[-3] for stroke in drawing.shapes.strokes}) <= FEWEST


def test_a_chain_is_a_column() -> None:
    """
    Given sixty steps each of which needs the one before it,
    when they are drawn,
    then they stand below each other, as narrow as a telephone.
    """
    nodes = [node(f"s{number}", *([f"s{number - 1}"] if number else [])) for number in range(60)]

    drawing = drawing_of(nodes)

    assert drawing.shapes.width < 300
    assert len({box.x for box in drawing.shapes.boxes}) == 1


def test_of_very_many_steps_only_so_many_are_drawn() -> None:
    """
    Given more steps than a page should hold, with others inside them,
    when they are drawn,
    then only so many boxes are there, and it is said how many are not.
    """
    nodes = [node(f"s{number}", inner=(node("in"),)) for number in range(MOST)]

    drawing = drawing_of(nodes)

    assert len(drawing.shapes.boxes) == MOST
    assert drawing.left == MOST


def test_long_names_are_cut_and_said_in_whole() -> None:
    """
    Given a step with a long name, in wide letters,
    when it is drawn,
    then what is written fits its box, and the whole is kept beside it.
    """
    name = "ein_sehr_langer_name_" * 5

    (box,) = drawing_of([Node(id=name, kind="messages", says="界" * 50)]).shapes.boxes

    title, _, says = box.texts
    assert (title.whole, says.whole) == (name, "界" * 50)
    assert title.text.endswith("…")
    assert len(title.text) * 7.9 < box.width
    assert 2 * len(says.text) * 6.7 < box.width + 10


def test_a_step_that_a_variant_changes_stands_where_it_is_defined() -> None:
    """
    Given a pipeline one of whose variants changes a step,
    when the lines of the steps of that variant are asked for,
    then each is that of the step in `steps`.
    """
    text = """
version: 1
inputs: {word: string}
dataset: [{word: a}]
variants: {base: {}, loud: {steps: {say: {messages: [{role: user, content: "{{ word }}!"}]}}}}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
"""
    loaded = load(text).ready

    lines = step_lines(loaded.files, loaded.path, loaded.cells[1].steps)

    assert {place: line.number for place, line in lines.items()} == {"say": 6}
