"""Metrics over all trials, from a pipeline's file to what a run and its reports say."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.cli_kit import Cli
from tests.loading_kit import load

TRIAGE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset:
  - {word: billing, label: billing, tier: free, $tags: [old, small]}
  - {word: billing, label: account, tier: pro, $tags: [old]}
  - {word: shipping, label: shipping, tier: pro}
  - {word: other, label: shipping, tier: free}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks: [{equals: "{{ label }}"}, {type: contains, value: i, metric: has_i}]
  - id: strict
    needs: [say]
    messages: [{role: user, content: "{{ word }}"}]
    output: {enum: [billing, shipping]}
metrics:
  - {name: f1, classification: {expected: "{{ label }}", actual: "{{ say.output }}"}}
  - {name: shares, python: tools/shares.py:shares}
  - {name: cost_per_pass, value: "(cost_usd + 3) / passed"}
gates:
  - {metric: f1.billing.recall, min: 0.9}
  - {metric: shares.seen, min: 4}
  - {metric: latency_ms.p99, max: 60000}
  - {metric: cost_per_pass, max: 1.5}
"""
SHARES = """\
def shares(trials, planned):
    old = sum("old" in trial["tags"] for trial in trials)
    return {"seen": len(trials), "old": old / planned, "labels": len({t["columns"]["label"] for t in trials})}
"""


def write_triage(cli: Cli, text: str = TRIAGE) -> None:
    cli.write(triage=text)
    (cli.folder / "tools").mkdir()
    (cli.folder / "tools" / "shares.py").write_text(SHARES)


def numbers(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: document[name] for name in ("metrics", "cells", "intervals", "cell_intervals", "metrics_detail")
    }


def test_a_run_and_its_reports_say_the_same_of_all_trials(cli: Cli) -> None:
    """
    Given a pipeline with a classification, a function and a formula, and a row that errors,
    when it is run, and the stored run is shown and reported,
    then all say the same, gates hold, and the errored trial is an answer that never came.
    """
    write_triage(cli)

    ran = cli("run", "triage", "--json")
    shown, reported = cli("runs", "show", "last", "--json"), cli("report", "last", "--format", "json")
    table, markdown = cli("runs", "show", "last").out, cli("report", "last", "--format", "markdown").out

    found = ran.json
    assert (ran.code, [gate["status"] for gate in found["gates"]]) == (0, ["passed"] * 4)
    assert numbers(shown.json) == numbers(reported.json) == numbers(found)
    metrics, detail = found["metrics"], found["metrics_detail"]["base"]["f1"]
    assert (metrics["f1.accuracy"], metrics["shares.seen"], metrics["shares.old"]) == (0.5, 4, 0.5)
    assert (metrics["shares.labels"], metrics["cost_per_pass"]) == (3, 1.5)
    assert detail["matrix"]["counts"] == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]
    assert "f1 in base: expected down, actual across" in table
    assert "50.0 % (15.0–85.0)" in table
    assert "| <code>shipping</code> | 0 | 0 | 1 | 1 | 2 | 1.000 | 0.500 | 0.667 |" in markdown


def test_a_resumed_run_has_the_metrics_of_one_that_was_never_stopped(cli: Cli) -> None:
    """
    Given a run that stopped at its first failure,
    when it is shown as it is, and then resumed,
    then the first counts what never came as wrong, and in the end the metrics are those of a whole run.
    """
    write_triage(cli, TRIAGE.replace("model: echo/echo", "model: echo/echo\nlimits: {errors: 9}"))
    whole = cli("run", "triage", "--json").json
    cli("run", "triage", "--fresh", "--fail-fast", "--max-concurrency", "1", "--json")

    cli("resume", "last")

    resumed = cli("runs", "show", "last", "--json").json
    for one in (whole, resumed):
        for cell in (one["metrics"], one["cells"]["base"]):
            assert cell.pop("spent_usd") is not None
            assert cell.pop("latency_ms") is not None
    without = {"intervals", "cell_intervals"}
    kept = {name: value for name, value in numbers(whole).items() if name not in without}
    assert {name: resumed[name] for name in kept} == kept


def test_a_run_that_died_is_measured_from_its_trials(cli: Cli) -> None:
    """
    Given a run whose end was never written,
    when it is shown,
    then its metrics are made of its trials, all but those that need the project's code.
    """
    write_triage(cli)
    whole = cli("run", "triage", "--json").json
    with closing(sqlite3.connect(cli.folder / ".promptlab" / "lab.db")) as log, log:
        log.execute("update runs set metrics = '{}'")

    found = cli("runs", "show", "last", "--json").json

    ours = {name: value for name, value in whole["metrics"].items() if not name.startswith("shares.")}
    assert found["metrics"] == ours
    assert found["metrics_detail"]["base"]["f1"] == whole["metrics_detail"]["base"]["f1"]
    assert found["intervals"] == whole["intervals"]


def test_metrics_by_column_and_by_tag(cli: Cli) -> None:
    """
    Given a run over rows of two tiers, some with tags,
    when metrics are asked for by tier and by tag, as it runs and of the stored run,
    then there is a slice for each value, a row counts in each of its tags, and classes are of the slice.
    """
    write_triage(cli)

    by_tier = cli("run", "triage", "--by", "tier", "--json").json["slices"]
    stored = cli("runs", "show", "last", "--by", "tier", "--json").json["slices"]
    by_tag = json.loads(cli("report", "last", "--by", "$tags", "--format", "json").out)["slices"]
    table = cli("runs", "show", "last", "--by", "tier").out

    assert by_tier == stored
    assert [(one["value"], one["trials"]) for one in by_tier["slices"]] == [("free", 2), ("pro", 2)]
    assert [one["metrics"]["f1.accuracy"] for one in by_tier["slices"]] == [0.5, 0.5]
    assert [(one["value"], one["trials"]) for one in by_tag["slices"]] == [
        ("(none)", 2),
        ("old", 2),
        ("small", 1),
    ]
    assert "by tier" in table


@pytest.mark.parametrize("command", [("run", "triage"), ("runs", "show", "last")])
def test_a_column_that_is_not_there_is_refused(cli: Cli, command: tuple[str, ...]) -> None:
    """
    Given rows with a column `tier`,
    when metrics are asked for by `teir`,
    then the command ends with 2 and says what was meant.
    """
    write_triage(cli)
    cli("run", "triage")

    said = cli(*command, "--by", "teir")

    assert said.code == 2
    assert "did you mean 'tier'?" in said.err


FLAKY = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{word: a}, {word: b}, {word: c}]
repeat: 2
steps:
  - id: pick
    python: tools/pick.py:pick
    with: {word: "{{ word }}"}
    checks: [{equals: "yes"}]
gates: [{metric: pass^2, min: 0.3}, {metric: pass^1, min: 0.5}, {metric: flaky_rate, max: 0.4}]
"""
PICK = """\
from pathlib import Path


def pick(word):
    if word == "b":
        try:
            Path("seen").touch(exist_ok=False)
        except FileExistsError:
            return "no"
    return "no" if word == "c" else "yes"
"""


def test_rows_that_pass_sometimes_are_told(cli: Cli) -> None:
    """
    Given three rows tried twice, of which one passes always, one once and one never,
    when the pipeline is run,
    then pass^2 is a third, pass^1 a half, and the row that passed once is named.
    """
    cli.write(flaky=FLAKY)
    (cli.folder / "tools").mkdir()
    (cli.folder / "tools" / "pick.py").write_text(PICK)

    ran = cli("run", "flaky")
    found = cli("runs", "show", "last", "--json").json
    listed = cli("runs", "show", "last", "--flaky", "--json").json["flaky"]

    assert ran.code == 0, ran.out + ran.err
    assert "1 of 3 rows in base pass only sometimes: row 1 (1 of 2)" in ran.out
    assert found["metrics"]["pass^2"] == found["metrics"]["flaky_rate"] == pytest.approx(1 / 3)
    assert [(one["row"], one["passed"], one["judged"]) for one in listed] == [(1, 1, 2)]


def test_a_function_that_fails_leaves_its_metric_unsaid(cli: Cli) -> None:
    """
    Given a metric whose function raises, and a gate on it,
    when the pipeline is run,
    then the gate fails with the reason, and the rest of the metrics is there.
    """
    write_triage(cli)
    (cli.folder / "tools" / "shares.py").write_text(
        "def shares(trials):\n    raise ValueError('no shares')\n"
    )

    found = cli("run", "triage", "--json")

    gate = found.json["gates"][1]
    assert (found.code, gate["status"], found.json["metrics"]["f1.accuracy"]) == (1, "failed", 0.5)
    assert "no shares" in gate["reason"]
    assert "metric shares in base" in found.err


STEPS = """\
version: 1
inputs: {word: string}
dataset: [{word: a, label: b}]
repeat: 3
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    output: {enum: [yes, no]}
    checks: [{type: is-json, metric: valid}]
"""
SAID = "metrics: [{name: f, classification: {expected: '{{ label }}', actual: '{{ say.output }}'}}]"


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        (
            "metrics: [{name: f1, classification: {expected: '{{ lable }}', actual: '{{ say.output }}'}}]",
            "'lable' is not defined",
            "did you mean 'label'?",
        ),
        (
            "metrics: [{name: x, value: pas_rate / 2}]",
            "there is no metric 'pas_rate' before this one",
            "pass_rate",
        ),
        (
            "metrics: [{name: x, value: 'y'}, {name: y, value: '1'}]",
            "there is no metric 'y' before this one",
            None,
        ),
        ("metrics: [{name: x, value: '1 +'}]", "metrics.value: Value error, is no formula", None),
        ("metrics: [{name: valid, value: '1'}]", "'valid' is the name of a check's metric already", None),
        ("metrics: [{name: score, value: '1'}]", "'score' is the name of what every run has already", None),
        (
            "metrics: [{name: x, value: '1'}, {name: x, value: '2'}]",
            "'x' is the name of a metric already",
            None,
        ),
        (
            "metrics: [{name: x, clasification: {}}]",
            "unknown key 'clasification'",
            "did you mean 'classification'?",
        ),
        ("metrics: [{name: x}]", "nothing says what the metric is made of", "classification"),
        (
            f"{SAID}\ngates: [{{metric: f.yess.f1, min: 1}}]",
            "unknown metric 'f.yess.f1'",
            "did you mean 'f.yes.f1'?",
        ),
        ("gates: [{metric: latency_ms.p100, min: 1}]", "unknown metric 'latency_ms.p100'", None),
        ("gates: [{metric: score.p50, min: 1}]", "unknown metric 'score.p50'", None),
        ("gates: [{metric: pass^4, min: 1}]", "unknown metric 'pass^4'", "did you mean 'pass^3'?"),
    ],
)
def test_what_is_wrong_with_metrics_is_found_before_the_run(
    more: str, message: str, hint: str | None
) -> None:
    """
    Given a mistake in a metric, or a gate on one that is not there,
    when the pipeline is loaded,
    then it is a problem, with what was meant.
    """
    loaded = load(f"{STEPS}{more}\n")

    assert any(message.removeprefix("metrics.value: Value error, ") in found for found in loaded.messages)
    assert len(loaded.messages) == 1
    assert hint is None or hint in (loaded.hints[0] or "")


@pytest.mark.parametrize(
    "metric",
    ["f.no.f1", "f.accuracy", "any.maybe.recall", "valid.p10", "latency_ms.p99", "pass^2", "flaky_rate", "x"],
)
def test_gates_may_name_what_metrics_give(metric: str) -> None:
    """
    Given metrics, one over an enum, one over any text,
    when a gate names what they give,
    then it is known.
    """
    metrics = """\
metrics:
  - {name: f, classification: {expected: "{{ label }}", actual: "{{ say.output }}"}}
  - {name: any, classification: {expected: "{{ label }}", actual: "{{ word | upper }}"}}
  - {name: x, value: f.accuracy * valid.p90 + count}
"""

    loaded = load(f"{STEPS}{metrics}gates: [{{metric: '{metric}', min: 0}}]\n")

    assert loaded.problems == []


def test_a_label_that_a_row_lacks_is_found_before_the_run() -> None:
    """
    Given a row without the label that a classification names,
    when the pipeline is loaded,
    then that is a problem of the row.
    """
    rows = STEPS.replace("[{word: a, label: b}]", "[{word: a, label: b}, {word: c}]")

    loaded = load(
        rows + "metrics: [{name: f, classification: {expected: '{{ label }}', actual: '{{ word }}'}}]"
    )

    assert len(loaded.messages) == 1
    assert loaded.messages[0].startswith("the row lacks 'label'")
