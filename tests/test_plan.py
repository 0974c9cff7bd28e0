"""`promptlab plan`: what a run would call, recall, skip and cost; and the run that stays within it."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from promptlab.core.errors import StorageError
from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.forecasting import Forecaster
from promptlab.live.planning.counting import Counting, Seen
from promptlab.schemas.plan import Experience, Numbers
from promptlab.services.run_log import look_into_run_log
from tests.cli_kit import Cli
from tests.engine_kit import Bench, ask, render
from tests.fakes import FakeProvider
from tests.generated import FUNCTIONS, DecidedProvider, Generator, Step, sometimes_wrong
from tests.lab import PIPELINE, Lab, paid
from tests.scripted import ScriptedProvider, calls
from tests.virtual_time import virtually
from tests.web_kit import service

LABELS = {"enum": ["yes", "no"]}
STATUS = "tools/orders.py:status"
AGAIN = {"on": ["invalid_output"], "max_attempts": 3}


async def planned(bench: Bench, log: MemoryCallLog | None = None) -> Counting:
    """Count what a bench that has not run would do."""
    assert isinstance(bench.log, MemoryCallLog)
    forecaster = Forecaster(log or bench.log, render, bench.options.fresh)
    counting = Counting(bench.plan.cells, Experience(), Seen())
    for trial in bench.plan.trials():
        counting.add(trial, await forecaster.trial(trial))
    return counting


async def numbers_of(*steps: Step, log: MemoryCallLog | None = None, **options: Any) -> Numbers:
    one = Bench({"steps": list(steps)}, log=log or MemoryCallLog(), **options)
    return Numbers.total(step.numbers for step in (await planned(one)).steps())


async def bought(*steps: Step, answers: tuple[str, ...] = ("yes",), **options: Any) -> MemoryCallLog:
    """Give a log that holds what these steps were answered."""
    log = MemoryCallLog()
    await Bench({"steps": list(steps)}, ScriptedProvider(*answers), log=log, **options).run()
    return log.new_run()


def counts(numbers: Numbers) -> dict[str, int]:
    """Give the counts that are not 0."""
    names = ("call", "recall", "open", "skip", "run", "remembered", "error")
    return {name: count for name in names if (count := getattr(numbers, name))}


# --- what a step would do


async def test_what_hangs_on_an_answer_that_is_not_there_is_open() -> None:
    """
    Given a chain of three steps and an empty log,
    when it is planned,
    then the first is a call and the others are open.
    """
    chain = (
        ask("a", "say a"),
        ask("b", "say {{ a.output }}", needs=["a"]),
        ask("c", "say {{ b.output }}", needs=["b"]),
    )

    numbers = await numbers_of(*chain)

    assert counts(numbers) == {"call": 1, "open": 2}
    assert numbers.worst_calls == 3


async def test_a_recorded_answer_flows_on() -> None:
    """
    Given a step whose answer is recorded, and one that names it,
    when both are planned,
    then the first is recalled and the second is a call.
    """
    first, second = ask("a", "say a"), ask("b", "say {{ a.output }}", needs=["a"])
    log = await bought(first)

    numbers = await numbers_of(first, second, log=log)

    assert counts(numbers) == {"call": 1, "recall": 1}


async def test_a_step_that_only_a_check_needs_opens_nothing() -> None:
    """
    Given a step whose check alone names another one,
    when both are planned,
    then both are calls.
    """
    numbers = await numbers_of(ask("a", "one"), ask("b", "two", checks=[{"equals": "{{ a.output }}"}]))

    assert counts(numbers) == {"call": 2}


async def test_identical_requests_are_called_once() -> None:
    """
    Given three rows of which two are alike,
    when a step over them is planned,
    then there are two calls, and one that is recalled.
    """
    rows = ({"word": "a"}, {"word": "b"}, {"word": "a"})

    numbers = await numbers_of(ask("a"), rows=rows)

    assert counts(numbers) == {"call": 2, "recall": 1}


@pytest.mark.parametrize("how", ["fresh", "recall"])
async def test_what_is_not_to_be_recalled_is_called(how: str) -> None:
    """
    Given a recorded answer,
    when the step is planned with --fresh, or has `recall: false`,
    then it is a call.
    """
    log = await bought(ask("a", "say a"))
    step = ask("a", "say a", **({"recall": False} if how == "recall" else {}))

    numbers = await numbers_of(step, log=log, options=RunOptions(fresh=how == "fresh"))

    assert counts(numbers) == {"call": 1}


async def test_skips_and_certain_errors_are_told() -> None:
    """
    Given a step whose condition is false, one whose template fails, and one that needs that,
    when they are planned,
    then two are skipped, one is an error that says why, and nothing is called.
    """
    steps = [
        ask("a", "say a", when="word == 'other'"),
        ask("b", "say {{ nothing }}"),
        ask("c", "say {{ b.output }}", needs=["b"]),
    ]
    one = Bench({"steps": steps}, rows=({"word": "w"},))

    counting = await planned(one)

    assert counts(Numbers.total(step.numbers for step in counting.steps())) == {"skip": 2, "error": 1}
    (error,) = counting.errors
    assert (error.row, error.step) == (0, "b")
    assert "nothing" in error.message


async def test_a_step_that_is_excused_for_its_recalled_answer_is_recalled_and_not_skipped() -> None:
    """
    Given a step with `on_error: skip` whose recorded answer is invalid, and one whose template fails,
    when both are planned,
    then the first is recalled, the second skipped, and each counts once.
    """
    answered = ask("a", "say a", output=LABELS, on_error="skip")
    log = await bought(answered, answers=("dunno",))

    numbers = await numbers_of(answered, ask("b", "say {{ nothing }}", on_error="skip"), log=log)

    assert counts(numbers) == {"recall": 1, "skip": 1}


async def test_what_may_be_asked_again_is_open() -> None:
    """
    Given a step that asks up to three times until its output is valid,
    when it is planned with nothing recorded, an invalid answer recorded, and a valid one,
    then one call is sure and the rest of the three is open, until nothing is left.
    """
    step = ask("a", "say a", output=LABELS, retry=AGAIN)
    no_word, good = [
        await bought(ask("a", "say a", output=LABELS), answers=(word,)) for word in ("dunno", "yes")
    ]

    found = [counts(await numbers_of(step, log=log)) for log in (None, no_word, good)]

    assert found == [{"call": 1, "open": 2}, {"call": 1, "recall": 1, "open": 1}, {"recall": 1}]


async def test_a_function_runs_unless_its_result_is_recalled() -> None:
    """
    Given a python step and one that names it, with and without `recall: true`, after a run of both,
    when they are planned,
    then the function runs and the step is open, or both are recalled.
    """
    functions = {"tools/f.py:f": lambda: "yes"}
    asks = ask("b", "say {{ a.output }}", needs=["a"])
    found = []
    for options in ({}, {"recall": True}):
        steps = ({"id": "a", "python": "tools/f.py:f", **options}, asks)
        log = await bought(*steps, functions=functions)
        found.append(counts(await numbers_of(*steps, log=log, functions=functions)))

    assert found == [{"run": 1, "open": 1}, {"remembered": 1, "recall": 1}]


async def test_the_turns_of_a_loop_of_tools_are_open() -> None:
    """
    Given a step with a tool and three turns at most, of which a run took two,
    when it is planned before and after, and with `recall: true`, which keeps what its tools gave,
    then one turn is a call and two are open; one recalled, the tool runs, two open; all recalled.
    """
    functions = {STATUS: lambda order: f"{order} is on its way"}
    step = ask("a", "where is A1?", tools=[STATUS], max_turns=3)
    keeping = {**step, "recall": True}
    answers: Any = (calls(("status", {"order": "A1"})), "It comes.")
    found = [counts(await numbers_of(step, functions=functions))]
    for each in (step, keeping):
        log = await bought(each, answers=answers, functions=functions)
        found.append(counts(await numbers_of(each, log=log, functions=functions)))

    assert found == [
        {"call": 1, "open": 2},
        {"recall": 1, "open": 2, "run": 1},
        {"recall": 2, "remembered": 1},
    ]


@virtually
async def test_a_slow_look_up_is_no_timeout() -> None:
    """
    Given a step with hardly any time, and a log that takes longer to look into,
    when it is planned,
    then it is recalled.
    """

    class SlowLog(MemoryCallLog):
        async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Any:
            await asyncio.sleep(0.05)
            return await log.recall(request, own_run_only=own_run_only)

    log = await bought(ask("a", "say a"))

    numbers = await numbers_of(ask("a", "say a", timeout=0.001), log=SlowLog())

    assert counts(numbers) == {"recall": 1}


async def test_an_open_call_is_measured_with_what_it_will_bring() -> None:
    """
    Given a step that names the answer of another one twice, with a ceiling of output tokens,
    when both are planned,
    then the second is taken for longer by two such answers, and the worst by two of the longest.
    """
    first = ask("a", "say a", params={"max_tokens": 10})
    plain, twice = ask("b", "say  ", needs=["a"]), ask("b", "say {{ a.output }} {{ a.output }}", needs=["a"])

    without, with_answers = [await numbers_of(first, step) for step in (plain, twice)]

    assert with_answers.input_tokens - without.input_tokens == pytest.approx(2 * 5, abs=1)
    assert with_answers.worst_tokens - without.worst_tokens == pytest.approx(2 * 10 * 4, abs=2)
    assert not with_answers.is_soft


async def test_an_open_call_whose_template_takes_no_stand_in_is_measured_roughly() -> None:
    """
    Given a step that calculates with the answer of another one,
    when both are planned,
    then it is open, and measured by its template and its row.
    """
    numbers = await numbers_of(
        ask("a", "say a", output="json"),
        ask("b", "say {{ a.output.n / 2 }} {{ word }}", needs=["a"]),
        rows=({"word": "w" * 400},),
    )

    assert counts(numbers) == {"call": 1, "open": 1}
    assert numbers.input_tokens > 100


# --- the plan and the run


class Planned:
    """A generated pipeline, a log with something in it, the plan, and the run of it."""

    def __init__(self, random: Random, *, nests: bool) -> None:
        generator = Generator(random, nests=nests, has_open_lists=nests)
        self.pipeline, self.rows = generator.pipeline(), generator.rows()
        self.pipelines = generator.pipelines
        self.earlier = random.sample(self.rows, random.randint(0, len(self.rows)))
        self.options = RunOptions(fresh=random.random() < 0.1)

    def bench(self, rows: Any, log: MemoryCallLog) -> Bench:
        given = {"rows": rows, "functions": FUNCTIONS, "options": self.options, "log": log}
        given["pipelines"] = self.pipelines
        return Bench(self.pipeline, DecidedProvider(decide=sometimes_wrong), **given)

    async def go(self) -> None:
        log = MemoryCallLog()
        if self.earlier:
            await self.bench(self.earlier, log).run()
        self.run = self.bench(self.rows, log.new_run())
        self.numbers = Numbers.total(step.numbers for step in (await planned(self.run)).steps())
        self.statuses = Counter(step.status for trial in await self.run.run() for step in trial.all_steps)

    @property
    def is_closed(self) -> bool:
        """Whether the plan said all there is."""
        return not (self.numbers.open or self.numbers.run)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.booleans())
def test_a_run_stays_within_its_plan_and_does_just_that_where_nothing_is_open(
    random: Random,
    nests: bool,  # noqa: FBT001
) -> None:
    """
    Given any pipeline, also one with steps inside steps, and a log with what some of its rows were answered,
    when it is planned, then run,
    then the run calls, recalls, skips and spends what was planned, but for what was open.
    """
    one = Planned(random, nests=nests)

    asyncio.run(one.go())

    numbers, sent = one.numbers, one.run.counts.sent
    assert numbers.call <= sent <= numbers.worst_calls
    assert numbers.recall <= one.run.counts.recalled
    assert (one.run.counts.spent_usd or 0) <= (numbers.worst_usd or 0)
    assert numbers.error <= one.statuses["errored"]
    assert len(one.run.called) <= numbers.run
    if one.is_closed:
        assert (sent, one.run.counts.recalled) == (numbers.call, numbers.recall)
        assert len(one.run.called) == 0


def test_generated_plans_are_of_all_kinds() -> None:
    """
    Given the pipelines of many seeds,
    when they are planned,
    then some are closed, some open, some recall, skip and err: the comparison above compares something.
    """
    found: Counter[str] = Counter()
    for seed in range(72):
        one = Planned(Random(seed), nests=seed % 3 == 0)
        asyncio.run(one.go())
        found.update(counts(one.numbers))
        found["closed"] += one.is_closed and one.numbers.call > 0

    assert min(found[name] for name in ("call", "recall", "open", "skip", "run", "remembered", "error")) > 5
    assert found["closed"] > 5


# --- the command


@pytest.fixture
def lab(cli: Cli, fake_provider: FakeProvider) -> Lab:
    """A project on the fake provider; `promptlab` stands in it."""
    return Lab(cli.folder, fake_provider.base_url)


CHAIN: list[Step] = [
    {"id": "say", "prompt": "prompts/say.j2"},
    {"id": "reply", "messages": [{"role": "user", "content": "Reply to {{ say.output }}"}]},
]


def plan_of(cli: Cli, *arguments: str) -> Mapping[str, Any]:
    said = cli("plan", "words", "--json", *arguments)
    assert said.code == 0, said.err
    (pipeline,) = said.json["pipelines"]
    found: Mapping[str, Any] = pipeline
    return found


def test_a_plan_needs_no_key_calls_nothing_and_writes_nothing(
    cli: Cli, lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a project without a key and without a run log,
    when a pipeline is planned,
    then it says what it would call, and that the model cannot be asked; no log is there, nothing was sent.
    """
    said = cli("plan", "words")

    assert said.code == 0
    assert "10 trials: 10 calls, 0 recalled" in said.out
    assert "FAKE_KEY" in said.err
    assert not lab.log_path.exists()
    assert fake_provider.sent_count == 0


def test_the_log_is_left_as_it_is(cli: Cli, lab: Lab) -> None:
    """
    Given a log with answers,
    when a pipeline is planned,
    then its file has the bytes that it had.
    """
    lab.run(limit=4)
    before = lab.log_path.read_bytes()

    plan = plan_of(cli)

    assert (plan["total"]["call"], plan["total"]["recall"]) == (6, 4)
    assert lab.log_path.read_bytes() == before


def test_a_log_of_an_older_version_is_neither_read_nor_changed(cli: Cli, lab: Lab) -> None:
    """
    Given a log whose tables are of an older version,
    when a pipeline is planned,
    then that is refused with what to do, and the log stays as it is.
    """
    lab.run(limit=1)
    with closing(sqlite3.connect(lab.log_path)) as connection, connection:
        connection.execute("update alembic_version set version_num = '0001'")
    before = lab.log_path.read_bytes()

    said = cli("plan", "words")

    assert said.code == 2
    assert "promptlab db upgrade" in said.err
    assert lab.log_path.read_bytes() == before


def test_a_log_that_is_looked_into_refuses_to_be_written(cli: Cli, lab: Lab) -> None:
    """
    Given a log,
    when it is opened to be looked into,
    then whatever would write to it is refused.
    """
    lab.run(limit=1)
    assert cli.folder == lab.root

    with look_into_run_log(lab.log_path) as log, pytest.raises(StorageError), log.writing() as session:
        session.execute(text("delete from completions"))

    assert len(lab.bought()) == 1


def test_the_real_run_does_what_was_planned(cli: Cli, lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a chain of two steps with two variants and some answers recorded,
    when it is planned, run, changed in its second step, planned and run again,
    then the provider's journal has the calls of each plan, and the money is within it.
    """
    variants = {"base": {}, "short": {"params": {"max_tokens": 7}}}
    lab.write_pipeline(steps=CHAIN, variants=variants)
    lab.run(limit=3)
    first = plan_of(cli)["total"]
    before, cost = fake_provider.sent_count, paid(fake_provider)
    lab.run()
    sent, spent = fake_provider.sent_count - before, paid(fake_provider) - cost
    changed = {"role": "user", "content": "Answer {{ say.output }}"}
    lab.write_pipeline(steps=[CHAIN[0], {"id": "reply", "messages": [changed]}], variants=variants)
    second = plan_of(cli)["total"]
    before = fake_provider.sent_count
    summary = lab.run()

    assert (first["call"], first["recall"], first["open"]) == (14, 12, 14)
    assert first["call"] <= sent <= first["worst_calls"]
    assert 0 < spent <= first["worst_usd"]
    assert (second["open"], second["run"]) == (0, 0)
    assert fake_provider.sent_count - before == second["call"] == summary.calls.sent
    assert summary.calls.recalled == second["recall"]


def test_each_step_of_each_cell_is_told(cli: Cli, lab: Lab) -> None:
    """
    Given two variants and a step with a condition,
    when the plan is shown as JSON,
    then each step of each cell has its numbers, its model, and what its output is taken for.
    """
    steps = [CHAIN[0], {**CHAIN[1], "when": "word == 'word-0001.'"}]
    lab.write_pipeline(steps=steps, variants={"base": {}, "hot": {"params": {"temperature": 1}}})

    plan = plan_of(cli, "--limit", "2")

    assert [(step["variant"], step["step"]) for step in plan["steps"]] == [
        ("base", "say"),
        ("base", "reply"),
        ("hot", "say"),
        ("hot", "reply"),
    ]
    assert [(step["call"], step["open"]) for step in plan["steps"]] == [(2, 0), (0, 2), (2, 0), (0, 2)]
    assert {step["model"] for step in plan["steps"]} == {"fake/model-1"}
    assert {step["output_basis"] for step in plan["steps"]} == {"assumed"}
    assert plan["seconds"] is None


def test_fallbacks_are_open(cli: Cli, lab: Lab) -> None:
    """
    Given a step with a fallback that costs as much,
    when it is planned with and without it,
    then its calls are open beside those of the model, and the worst is twice as dear, what is expected not.
    """
    plain = plan_of(cli)["total"]
    lab.write_pipeline(steps=[{**CHAIN[0], "fallback": ["fake/model-2"]}])

    total = plan_of(cli)["total"]

    assert (total["call"], total["open"], total["worst_calls"]) == (10, 10, 20)
    assert total["worst_usd"] == pytest.approx(2 * plain["worst_usd"])
    assert total["expected_usd"] == pytest.approx(plain["expected_usd"])


def test_a_service_is_not_asked(cli: Cli, lab: Lab) -> None:
    """
    Given a step that asks a service, and one that names what that answers,
    when they are planned,
    then the first runs for each row and the second is open, and the service hears of nothing.
    """
    with service() as web:
        fetch = {"id": "fetch", "http": {"url": f"{web.url}/who"}}
        names_it = {"id": "say", "messages": [{"role": "user", "content": "Hello {{ fetch.output }}"}]}
        lab.write_pipeline(steps=[fetch, names_it])
        total = plan_of(cli)["total"]

    assert (total["call"], total["open"], total["run"]) == (0, 10, 10)
    assert web.journal == []


def test_only_rows_for_which_a_condition_holds_are_planned(cli: Cli, lab: Lab) -> None:
    """
    Given ten rows,
    when those for which a condition holds are planned,
    then these are the trials.
    """
    assert lab.root == cli.folder

    plan = plan_of(cli, "--where", "word == 'word-0003.'")

    assert (plan["trials"], plan["total"]["call"]) == (1, 1)


def test_every_example_can_be_planned(examples: Cli) -> None:
    """
    Given the examples,
    when all are planned at once, as if nothing had run,
    then each has a plan with something to call or run, and nothing was written.
    """
    names = sorted(path.stem for path in (examples.folder / "pipelines").glob("*.yaml"))

    said = examples("plan", *names, "--limit", "2", "--json")

    assert said.code == 0
    totals = [plan["total"] for plan in said.json["pipelines"]]
    assert len(totals) == len(names)
    assert all(total["call"] + total["run"] for total in totals)
    assert not (examples.folder / ".promptlab" / "lab.db").exists()


def test_expectations_come_from_recorded_answers(cli: Cli, lab: Lab) -> None:
    """
    Given recorded answers,
    when the rest is planned,
    then its output and its time are taken for as long as theirs, and the cost lies below the worst.
    """
    lab.run(limit=5)
    ((tokens,),) = lab.query("select avg(output_tokens) from completions")

    plan = plan_of(cli)

    (step,) = plan["steps"]
    assert (step["output_basis"], step["output_tokens"]) == ("recorded", round(5 * tokens))
    assert plan["seconds"] is not None
    assert 0 < step["expected_usd"] < step["worst_usd"]


def test_the_worst_is_what_a_limit_sets_aside(cli: Cli, lab: Lab) -> None:
    """
    Given the worst cost of a plan,
    when the pipeline is run with that as its limit,
    then nothing stops it; the limit of a request less does, and the plan had said so.
    """
    worst = plan_of(cli)["total"]["worst_usd"]

    enough = lab.run(max_cost=worst)
    lab.write_pipeline(limits={"requests": 9})
    said = cli("plan", "words", "--fresh")

    assert enough.status == "passed"
    assert "10 calls at worst are over the limit `requests: 9`" in said.err
    assert "exit code 4" in said.err


@pytest.mark.parametrize(
    ("limits", "settings_", "flags", "words"),
    [
        ({"cost_usd": 0.0001}, {}, (), "expected is over the limit `limits.cost_usd: $0.0001"),
        ({"cost_usd": 0.002}, {}, (), "at worst is over the limit `limits.cost_usd: $0.0020`"),
        ({}, {"cost_usd": 0.002}, (), "the limit `limits.cost_usd of promptlab.yaml: $0.0020`"),
        ({}, {"cost_usd_per_day": 0.002}, (), "the limit `limits.cost_usd_per_day of promptlab.yaml:"),
        ({}, {}, ("--max-cost", "0.002"), "at worst is over the limit `--max-cost: $0.0020`"),
        ({"total_tokens": 100}, {}, (), "over the limit `total_tokens: 100`"),
    ],
)
def test_a_limit_below_the_worst_is_told(
    cli: Cli, lab: Lab, limits: Any, settings_: Any, flags: tuple[str, ...], words: str
) -> None:
    """
    Given a limit of the pipeline, of promptlab.yaml or of a flag that is below the worst of a plan,
    when the plan is made,
    then it warns, and ends with 0.
    """
    Lab(lab.root, lab.base_url, settings={"limits": settings_} if settings_ else {})
    lab.write_pipeline(limits=limits)

    said = cli("plan", "words", *flags)

    assert said.code == 0
    assert words in said.err


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"cost_usd": 1}, "at worst is over the limit `limits.cost_usd: $1.00`"),
        ({"total_tokens": 100_000}, "tokens at worst are over the limit `total_tokens: 100,000`"),
        ({"requests": 1000}, "100,010 calls at worst are over the limit `requests: 1,000`"),
    ],
)
def test_a_limit_below_the_longest_list_that_an_answer_may_give_is_told(
    cli: Cli, lab: Lab, limits: Any, words: str
) -> None:
    """
    Given ten rows, a foreach over an answer that is not there, and a limit below 10,000 calls for each,
    when the pipeline is planned,
    then it warns, and says what is counted.
    """
    inner = ask("each", "say {{ item }}")
    split = {**ask("split", "say {{ word }}"), "output": "json"}
    lab.write_pipeline(
        steps=[split, {"id": "parts", "foreach": "split.output", "steps": [inner]}], limits=limits
    )

    said = cli("plan", "words", "--json")

    assert words in said.err
    assert "at worst it has 10,000 items" in said.err


def test_a_row_that_will_fail_is_told(cli: Cli, lab: Lab) -> None:
    """
    Given a template that fails for one row,
    when the pipeline is planned,
    then the row and the step are named, and the others are calls.
    """
    content = "{{ 1 / (word | length - 10) }}"
    lab.write_pipeline(steps=[{"id": "say", "messages": [{"role": "user", "content": content}]}])
    rows = [{"id": "short", "word": "abc"}, {"id": "ten", "word": "abcdefghij"}]
    lab.write("data/rows.jsonl", "\n".join(map(json.dumps, rows)))

    said = cli("plan", "words")

    assert said.code == 0
    assert "row 1 (ten), base, step 'say' will fail" in said.err
    assert "1 call" in said.out


def test_several_pipelines_share_what_the_first_one_buys(cli: Cli, lab: Lab) -> None:
    """
    Given two pipelines that ask the same,
    when both are planned at once,
    then the second recalls; with --fresh it asks again.
    """
    lab.write("pipelines/again.yaml", {**PIPELINE, "name": "again"})

    both, fresh = (cli("plan", "words", "again", "--json", *flags).json for flags in ((), ("--fresh",)))

    assert (both["total"]["call"], both["total"]["recall"]) == (10, 10)
    assert (fresh["total"]["call"], fresh["total"]["recall"]) == (20, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nothing",), 2, "there is no pipeline 'nothing'"),
        (("words", "--tag", "none"), 5, "no row is left to run"),
        (("words", "--failed", "last"), 2, "there is no run 'last'"),
        (("words", "--variant", "none"), 2, "there is no variant 'none'"),
        (("words", "--model", "other/model", "--max-cost", "1"), 2, "other"),
        ((), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_planned_ends_as_a_run_would(
    cli: Cli, lab: Lab, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """
    Given what a run would refuse,
    when it is planned,
    then it is refused with the same exit code.
    """
    assert lab.root == cli.folder

    said = cli("plan", *arguments)

    assert said.code == code
    assert words.lower() in said.err.lower()


def test_python_that_may_not_run_is_refused_and_none_runs(cli: Cli) -> None:
    """
    Given a pipeline with python that leaves a trace,
    when it is planned, and planned with --no-python,
    then it is told that it would run, which leaves none; then it is refused.
    """
    (cli.folder / "tools").mkdir()
    code = "from pathlib import Path\nPath('trace').touch()\ndef f():\n    return 1\n"
    (cli.folder / "tools" / "f.py").write_text(code)
    cli.write(one="version: 1\nsteps:\n  - {id: a, python: 'tools/f.py:f'}\n")

    planned_, refused = cli("plan", "one", "--json"), cli("plan", "one", "--no-python")

    assert (planned_.code, planned_.json["total"]["run"], planned_.json["total"]["worst_calls"]) == (0, 1, 0)
    assert refused.code == 2
    assert not (cli.folder / "trace").exists()


def test_only_what_failed_is_planned(cli: Cli, lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which some trials failed by a check,
    when what failed is planned afresh,
    then only these are calls.
    """
    checks = [{"contains": "word-0003."}]
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "checks": checks}])
    fake_provider.script({"answer": {"echo": True}})
    summary = lab.run()

    plan = plan_of(cli, "--failed", "last", "--fresh")

    failed = summary.trials.get("failed", 0)
    assert plan["trials"] == plan["total"]["call"] == failed > 0
