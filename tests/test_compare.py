"""Two sides held against each other: cells and rows paired, chance said, flips told with their outputs."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from promptlab.analysis.comparing import Difference, cell_pairs, compare_cells
from promptlab.analysis.comparison import ComparedSide, Comparison
from promptlab.analysis.row_values import Side
from promptlab.cli.boundary import run
from promptlab.core.word_diff import marked, word_diff
from promptlab.loader.check_changes import CheckSources, changed_checks
from promptlab.reports.comparison_markdown import LARGEST, markdown
from promptlab.schemas.compared import CheckChange
from promptlab.schemas.flip import Flip
from promptlab.schemas.run import TrialKey
from tests.cli_kit import Cli, write_project

PIPELINE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: data/rows.jsonl
variants:
  base: {}
  loud: {steps: {say: {messages: [{role: user, content: "{{ word }}!"}]}}}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }} is it"}]
    checks: [{type: contains, value: o, metric: has_o}]
"""
WORDS = ("one", "two", "big", "old")
NO = "base llm=a"


def rows(words: Sequence[str]) -> str:
    return "".join(json.dumps({"id": word, "word": word}) + "\n" for word in words)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run, edited (one row is new, another answer, another check), and run again."""
    root = tmp_path_factory.mktemp("compared")
    write_project(root, words=PIPELINE)
    (root / "data").mkdir()
    (root / "data" / "rows.jsonl").write_text(rows(WORDS))
    said = ["--project", str(root), "run", "words"]
    run([*said, "--note", "first"])
    edited = PIPELINE.replace("}} is it", "}} is big").replace(
        "metric: has_o}", "metric: has_o}, {not-contains: '?'}"
    )
    write_project(root, words=edited.replace("value: o", "value: b"))
    (root / "data" / "rows.jsonl").write_text(rows(["new", *WORDS]))
    run([*said, "--note", "second"])
    return root


@pytest.fixture
def compared(cli: Cli, two_runs: Path) -> tuple[Cli, str]:
    """The project to work in, and the id of its first run; the second is `last`."""
    shutil.copytree(two_runs, cli.folder, dirs_exist_ok=True)
    first = cli("runs", "list", "--json").json["runs"][1]["run_id"]
    return cli, first


def side(**cells: Sequence[float]) -> Side:
    return {
        cell: {f"r{number}": {"pass_rate": value} for number, value in enumerate(values)}
        for cell, values in cells.items()
    }


def only(a: Side, b: Side) -> Difference:
    ((difference,),) = (cell.differences for cell in compare_cells(a, b, [("base", "base")]))
    return difference


@pytest.mark.parametrize(
    ("a", "b", "variant", "against", "pairs"),
    [
        (["base", "few"], ["few", "base"], None, None, [("few", "few"), ("base", "base")]),
        (["base"], ["few"], None, None, [("base", "few")]),
        (["base", "old"], ["few", "new"], None, None, []),
        (["base", "few"], ["base", "few"], "few", None, [("few", "few")]),
        (["base", "few"], ["base", "few"], "few", "base", [("base", "few")]),
        ([NO, "base llm=b"], ["few llm=b", "few llm=c"], None, "base", [("base llm=b", "few llm=b")]),
        ([NO], ["few llm=b"], "few llm=b", NO, [(NO, "few llm=b")]),
        (["base"], ["few"], "fwe", None, []),
    ],
)
def test_cells_are_held_against_their_like(
    a: list[str], b: list[str], variant: str | None, against: str | None, pairs: list[tuple[str, str]]
) -> None:
    """
    Given the cells of two sides, and what was said of them,
    when they are paired,
    then it is by name, by the variant that was named with the same axes, or because there is no other.
    """
    assert cell_pairs(a, b, variant=variant, against=against) == pairs


@pytest.mark.parametrize(("fell", "rose"), [(8, 1), (1, 8), (0, 6), (3, 3)])
def test_chance_is_two_sided(fell: int, rose: int) -> None:
    """
    Given forty rows of which some fell and some rose,
    when both sides are compared,
    then p is that of McNemar's exact test of both directions, and the interval is of B less A.
    """
    a = side(base=[1.0] * fell + [0.0] * (40 - fell))
    b = side(base=[0.0] * fell + [1.0] * rose + [0.0] * (40 - fell - rose))

    found = only(a, b)

    assert found.p == pytest.approx(binomtest(fell, fell + rose).pvalue)
    assert found.difference == pytest.approx((rose - fell) / 40)
    assert found.interval is not None
    assert found.interval.low <= found.difference <= found.interval.high


def test_a_new_row_moves_nothing() -> None:
    """
    Given a side, and the same with a row before all others and one taken away,
    when they are compared,
    then no row moved, and both are named.
    """
    a = side(base=[1.0, 0.0, 1.0])
    b: Side = {"base": {"new": {"pass_rate": 0.0}, **dict(list(a["base"].items())[1:])}}

    (found,) = compare_cells(a, b, [("base", "base")])

    assert (found.paired, found.only_a, found.only_b) == (2, ("r0",), ("new",))
    assert [one.moved for one in found.differences] == [0]


def test_one_level_is_shared_by_what_moved() -> None:
    """
    Given two cells in which six rows fell, and one in which none moved,
    when they are compared,
    then p is doubled for the two, and the third costs nothing.
    """
    a, b = [1.0] * 9, [0.0] * 6 + [1.0] * 3
    pairs = [(name, name) for name in ("x", "y", "z")]

    found = compare_cells(side(x=a, y=a, z=a), side(x=b, y=b, z=a), pairs)

    told = [one for cell in found for one in cell.differences]
    assert [one.adjusted for one in told] == pytest.approx([told[0].p * 2, told[0].p * 2, 1.0])


def test_words_that_are_added_leave_the_end_before_them() -> None:
    """
    Given a long text, and the same with more at its end,
    when the words are compared,
    then what stands before the new ones is shown.
    """
    text = " ".join(map(str, range(30)))

    assert marked(word_diff(text, f"{text} more")).endswith("28 29{+ more+}")


def test_runs_are_compared_row_by_row(compared: tuple[Cli, str]) -> None:
    """
    Given a run, and one after an edit that inserted a row,
    when they are compared as JSON,
    then rows are paired by id, flips say reason and difference (what passed first), and the checks that are
    not the same are named.
    """
    cli, first = compared

    said = cli("compare", first, "last", "--json")

    found = said.json
    base, loud = found["cells"]
    assert said.code == 0
    assert (found["schema_version"], found["a"]["run_id"], found["a"]["note"]) == (1, first, "first")
    assert base["rows"] == {"paired": 4, "only_a": [], "only_b": ["new"]}
    assert {one["metric"]: one["difference"] for one in base["metrics"]}["pass_rate"] == 0.25
    assert [(one["row_id"], one["variant"], one["before"], one["after"]) for one in found["flips"]] == [
        ("one", "loud", "passed", "failed"),
        ("two", "loud", "passed", "failed"),
        ("old", "loud", "passed", "failed"),
        ("big", "base", "failed", "passed"),
        ("big", "loud", "failed", "passed"),
    ]
    assert found["flips"][0]["reason"] == "contains: does not contain 'b'"
    assert found["flips"][3]["diff"] == "big is [-it-]{+big+}"
    assert found["outputs_changed"] == 4
    assert [(one["check"], one["change"]) for one in found["checks"]] == [
        ("say/contains", "changed"),
        ("say/not-contains", "new"),
    ]
    assert loud["rows"]["paired"] == 4


def test_a_comparison_for_people(compared: tuple[Cli, str]) -> None:
    """
    Given two runs,
    when they are compared,
    then there are both runs, a table a cell, the flips with the words that differ, and what is not the same.
    """
    cli, first = compared

    said = cli("compare", first, "last", "--flips", "4").out

    assert f"A: run {first} · pipelines/words.yaml" in said
    assert "pass rate 75.0 % 100.0 % +25.0" in " ".join(said.split())
    assert "4 rows at both sides; 1 only in B: new" in said
    assert "3 passed → failed, 2 failed → passed; 4 of 8 trials with another output" in said
    assert "row 1 (one) loud: passed → failed: contains: does not contain 'b'" in said
    assert "    big is [-it-]{+big+}" in said
    assert "and 1 more; --flips N shows them" in said
    assert "say/not-contains new" in said


def test_variants_of_a_run_are_compared(compared: tuple[Cli, str]) -> None:
    """
    Given a run of two variants,
    when one is held against the other,
    then the same rows are compared.
    """
    cli, _ = compared

    found = cli("compare", "last", "--variant", "loud", "--against", "base", "--json").json

    (cell,) = found["cells"]
    assert (cell["a"], cell["b"], cell["rows"]["paired"]) == ("base", "loud", 5)
    assert found["flipped"] == [{"before": "passed", "after": "failed", "trials": 4}]
    assert found["checks"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["last"], "nothing to compare it with"),
        (["last", "last"], "A and B are the same run"),
        (["last", "nothing"], "there is no run 'nothing'"),
        (["last", "--variant", "lod", "--against", "base"], "--variant lod: neither run has such a variant"),
        (["last", "--against", "bsae"], "--against bsae: neither run"),
        (["last", "--variant", "base", "--against", "base"], "no cell is at both sides"),
        (["last", "last", "--json", "--markdown"], "--json and --markdown cannot both"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    compared: tuple[Cli, str], arguments: list[str], message: str
) -> None:
    """
    Given two runs,
    when something is asked for that cannot be compared,
    then it is said why, and the exit code is 2.
    """
    cli, _ = compared

    said = cli("compare", *arguments)

    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_comment_has_the_flips_first(compared: tuple[Cli, str]) -> None:
    """
    Given two runs,
    when they are compared for a pull request,
    then flips stand above the tables, and nothing that an answer says is markup.
    """
    cli, first = compared

    said = cli("compare", first, "last", "--markdown").out

    assert said.index("**one** loud: passed → failed") < said.index("| metric | A | B |")
    assert "big is <del>it</del><ins>big</ins>" in said


def test_a_comment_stays_within_the_limit_of_github() -> None:
    """
    Given a comparison with thousands of long flips, cells and metrics,
    when it is written as Markdown,
    then it is no longer than a comment may be, and says what it leaves out.
    """
    evil = "<script>@someone|`" * 400
    key = TrialKey(row=0, row_id=evil, cell="base")
    diff = tuple(word_diff(f"old {evil}", f"new {evil} {evil}"))
    flip = Flip(trial=key, before="passed", after="failed", reason=evil, diff=diff)
    (cell,) = compare_cells(side(base=[1.0, 1.0]), side(base=[0.0, 1.0]), [("base", "base")])
    cells = tuple(replace(cell, b=f"{evil}{number}") for number in range(900))
    whole = ComparedSide(title=evil)

    text = markdown(Comparison(a=whole, b=whole, cells=cells, flips=(flip,) * 3000, told=3000))

    assert len(text) <= LARGEST
    assert "more\n\n### " in text
    assert "@someone" not in text
    assert "<script>" not in text


def sources(pipeline: str, **files: str) -> CheckSources:
    named = {path.replace("_", "/", 1) + ".py": text.encode() for path, text in files.items()}
    return CheckSources({"p.yaml": pipeline.encode(), **named}, "p.yaml")


def test_checks_are_held_against_each_other_cell_by_cell() -> None:
    """
    Given two pipelines with a check in a variant alone, one that is gone, and one whose function was edited,
    when their checks are compared,
    then each is named with what became of it and where.
    """
    steps = "steps: [{id: a, checks: [{python: 'checks/f.py:judge'}, {contains: x}, {contains: y}]}]\n"
    before = sources(f"variants: {{u: {{}}, v: {{}}}}\n{steps}", checks_f="1")
    variant = "variants: {u: {}, v: {checks: [is-json]}}\n"
    now = sources(variant + steps.replace(", {contains: y}", ""), checks_f="2")

    found = changed_checks(before, now, {"u": "u", "v": "v"})

    assert found == (
        CheckChange("a/python", "changed", ("u", "v"), "checks/f.py"),
        CheckChange("a/contains-2", "gone", ("u", "v")),
        CheckChange("is-json", "new", ("v",)),
    )
