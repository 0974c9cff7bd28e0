"""What is measured: each scenario by name, beside a floor or a peer that does the same work."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench.big_log import COPIES, add_copies
from tests.bench.listening import bench_server
from tests.bench.measure import best_of, least_of, measured, promptlab, run_bare, run_promptlab
from tests.bench.peers import PEERS, Work
from tests.bench.project import (
    FIVE_CHECKS,
    ONE_STEP,
    TEN_CHECKS,
    TWO_STEPS,
    write_answers,
    write_pipelines,
    write_project,
)
from tests.bench.recalling import recall_from
from tests.bench.table import Table
from tests.bench.watching import watch_saves
from tests.fakes import FakeProvider

OWN = shutil.ignore_patterns(".promptlab")
STEPS = {1: ONE_STEP, 2: TWO_STEPS}
WITH_PEERS = 1_000  # cells
ON_A_LOG = (
    "runs list",
    "runs show last",
    "runs show last --row 5",
    "runs export last",
    "report last --format csv",
    "render bench --row 5",
    "plan bench --limit 10",
    "run bench --limit 10",
    "run bench --limit 10 --explain",
    "run bench --limit 10 --on-unknown fail",
    "run bench --failed 00999999",
)


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder for projects and a server that answers after a while."""

    folder: Path
    server: FakeProvider
    numbers: "count[int]"

    def fresh(self) -> Path:
        return self.folder / f"work-{next(self.numbers)}"


type Scenario = Callable[[Bench], None]


def one_step(bench: Bench) -> None:
    for latency_ms in (0, 50):
        _rows(bench, rows=1_000, steps=1, latency_ms=latency_ms)


def two_steps(bench: Bench) -> None:
    for latency_ms in (0, 50):
        _rows(bench, rows=1_000, steps=2, latency_ms=latency_ms)


def many_rows(bench: Bench) -> None:
    _rows(bench, rows=10_000, steps=1, latency_ms=0)


def recalled(bench: Bench) -> None:
    """Fill the log on echo/echo, which needs no server, then run again."""
    rows = 100_000
    project = write_project(bench.fresh(), rows=rows)
    table = Table(f"{rows:,} rows × 1 step on echo/echo", rows)
    table.add("promptlab, all logged", run_promptlab(project))
    table.add("promptlab, again (recalled)", run_promptlab(project))


def nothing_changed(bench: Bench) -> None:
    """Run what was run before, beside the imports that no run can do without."""
    floor = "import click, pydantic, yaml, jinja2, asyncio, sqlalchemy.orm"
    for cells in (10, 1_000, 10_000):
        project = write_project(bench.fresh(), rows=cells)
        run_promptlab(project)
        table = Table(f"{cells:,} cells on echo/echo, nothing changed, best of 5", cells, unit="cell")
        table.add("imports alone", best_of(5, [sys.executable, "-c", floor], cwd=project))
        table.add("promptlab run, whole process", best_of(5, promptlab("run", "bench"), cwd=project))
        if cells == WITH_PEERS:
            _peers_again(bench, table, Work(bench.server.base_url, cells, cached=True))


def big_log(bench: Bench) -> None:
    """Use a log of 1,000,000 trials, copies of one run of 1,000 rows."""
    rows = 1_000
    project = write_project(bench.fresh(), rows=rows, base_url=bench.server.base_url)
    run_promptlab(project)
    log = project / ".promptlab" / "lab.db"
    add_copies(log)
    size = log.stat().st_size / 1e9
    table = Table(f"a log of {rows * (COPIES + 1):,} trials and {size:.1f} GB, best of 3", 1, unit="run")
    for command in ON_A_LOG:
        table.add(f"promptlab {command}", best_of(3, promptlab(*command.split()), cwd=project))
    recalls = Table("recall from that log, in this process", 1_000, unit="call")
    for at_once in (1, 64):
        recalls.add(f"{at_once} at once, of 1,000", recall_from(log, calls=1_000, at_once=at_once))


def serve(bench: Bench) -> None:
    """Ask the server for pages of a log of 1,000,000 trials, 100,000 of them in its newest run."""
    from tests.bench.serving import print_served  # noqa: PLC0415 - it imports the server

    print_served(bench.fresh())


def postgres(bench: Bench) -> None:
    """Log to PostgreSQL, beside a file."""
    from tests.bench.on_postgres import print_on_postgres  # noqa: PLC0415 - it imports the driver

    bench.server.configure(latency_ms=0)
    print_on_postgres(bench.fresh(), bench.server.base_url)


def checks(bench: Bench) -> None:
    rows = 1_000
    table = Table(f"{rows:,} rows × 1 step on echo/echo", rows)
    for what, steps in (("one check", ONE_STEP), ("ten checks", TEN_CHECKS)):
        project = write_project(bench.fresh(), rows=rows, steps=steps)
        run_promptlab(project)
        table.add(f"promptlab, recalled, {what}", run_promptlab(project))


def replayed(bench: Bench) -> None:
    """Test recorded answers, as CI does: in a fresh clone, and where it was done before."""
    rows = 1_000
    project = write_project(bench.fresh(), rows=rows, steps=FIVE_CHECKS)
    measured(promptlab("recordings", "update", "bench"), cwd=project)
    table = Table(f"{rows:,} recorded trials × 5 checks, best of 5", rows)
    test = promptlab("test", "bench")
    clones = (shutil.copytree(project, bench.fresh(), ignore=OWN) for _ in range(5))
    table.add("promptlab test, a fresh clone", least_of([measured(test, cwd=clone)[0] for clone in clones]))
    table.add("promptlab test, again", best_of(5, test, cwd=project))


def answers(bench: Bench) -> None:
    """Answers from a file, judged by twenty checks that ask nobody."""
    number = 1_000
    table = Table(f"{number:,} answers from a file × 20 checks, best of 5", number, unit="answer")
    folder = write_answers(bench.fresh(), number)
    options = ("--outputs", "answers.jsonl", "--checks", "checks.yaml", "--out", "result.jsonl")
    table.add("promptlab check", best_of(5, promptlab("check", *options), cwd=folder))


def hard_answers(bench: Bench) -> None:  # noqa: ARG001 - it needs no server
    """Judge answers of a megabyte that are made to be hard, by every type of check."""
    from tests.bench.hard_answers import print_hard_answers  # noqa: PLC0415 - it makes all of them

    print_hard_answers()


def start_up(bench: Bench) -> None:
    project = write_project(bench.fresh(), rows=10)
    table = Table("start-up, best of 5", 1, unit="run")
    libraries = "import click, pydantic, yaml, jinja2"
    for what, command in (
        ("python -c pass", [sys.executable, "-c", "pass"]),
        (f"python -c '{libraries}'", [sys.executable, "-c", libraries]),
        ("promptlab --help", promptlab("--help")),
        ("promptlab validate (one pipeline)", promptlab("validate", "pipelines/bench.yaml")),
        ("promptlab run (10 rows on echo/echo)", promptlab("run", "bench")),
    ):
        table.add(what, best_of(5, command, cwd=project))


def validate(bench: Bench) -> None:
    pipelines = 1_000
    project = write_pipelines(bench.fresh(), count=pipelines)
    table = Table(f"validate of {pipelines:,} pipelines", pipelines, unit="file")
    table.add("promptlab validate", measured(promptlab("validate"), cwd=project)[0])


def watch(bench: Bench) -> None:
    bench.server.configure(latency_ms=0)
    project = write_project(bench.fresh(), rows=10, base_url=bench.server.base_url)
    watch_saves(project, bench.server)


def listeners(bench: Bench) -> None:
    """Follow a run of the server over HTTP, by nobody and by fifty; the best of three, taken in turn."""
    rows, crowds = 10_000, (0, 50)
    project = write_project(bench.fresh(), rows=rows)
    run_promptlab(project)
    with bench_server(project) as server:
        found = [(crowd, server.run(listeners=crowd)) for _ in range(3) for crowd in crowds]
    table = Table(f"{rows:,} rows recalled by a run of the server, best of 3", rows)
    for crowd in crowds:
        runs, servers = zip(*(measures for one, measures in found if one == crowd), strict=True)
        table.add(f"the run, {crowd} listeners", min(runs, key=lambda one: one.cpu))
        table.add(f"the server, {crowd} listeners", min(servers, key=lambda one: one.cpu))


def delays(bench: Bench) -> None:
    """Ask how a server is while it answers what is dear: of 10,000 trials, and of 300 pipelines."""
    from tests.bench.delays import print_delays  # noqa: PLC0415 - it is asked for seldom

    project, few = write_project(bench.fresh(), rows=10_000), write_pipelines(bench.fresh(), count=300)
    run_promptlab(project)
    shutil.copy(few / "data" / "rows.jsonl", project / "data" / "few.jsonl")
    for path in few.glob("pipelines/bench-*.yaml"):
        text = path.read_text().replace("data/rows.jsonl", "data/few.jsonl")
        (project / "pipelines" / path.name).write_text(text)
    print_delays(project)


SCENARIOS: Mapping[str, Scenario] = {
    "one-step": one_step,
    "two-steps": two_steps,
    "many-rows": many_rows,
    "recalled": recalled,
    "nothing-changed": nothing_changed,
    "big-log": big_log,
    "postgres": postgres,
    "serve": serve,
    "checks": checks,
    "replayed": replayed,
    "answers": answers,
    "hard-answers": hard_answers,
    "start-up": start_up,
    "validate": validate,
    "watch": watch,
    "listeners": listeners,
    "delays": delays,
}


def _rows(bench: Bench, *, rows: int, steps: int, latency_ms: int) -> None:
    bench.server.configure(latency_ms=latency_ms)
    url = bench.server.base_url
    what = "1 step" if steps == 1 else f"a chain of {steps} steps"
    table = Table(f"{rows:,} rows × {what}, {latency_ms} ms, 64 connections", rows)
    table.floor = run_bare(bench.folder, url, rows, steps=steps)
    table.add("bare AsyncOpenAI, logs nothing", table.floor)
    project = write_project(bench.fresh(), rows=rows, base_url=url, steps=STEPS[steps])
    table.add("promptlab, all logged", run_promptlab(project))
    table.add("promptlab, again (recalled)", run_promptlab(project))
    _peers(bench, table, Work(url, rows, steps))


def _peers(bench: Bench, table: Table, work: Work) -> None:
    for peer in PEERS:
        if not peer.is_installed:
            table.missing(peer.name, "missing; `make peers` installs what can be installed")
        elif work.steps > peer.most_steps:
            table.missing(peer.name, "runs chains one call at a time; not measured")
        else:
            table.add(f"{peer.name}, whole process", peer.run(bench.fresh(), work))


def _peers_again(bench: Bench, table: Table, work: Work) -> None:
    """Have peers do what they have the answers of in their caches; pydantic-evals has none."""
    bench.server.configure(latency_ms=0)
    for peer in (peer for peer in PEERS if peer.has_cache):
        if not peer.is_installed:
            table.missing(peer.name, "missing; `make peers` installs what can be installed")
            continue
        folder = bench.fresh()
        peer.run(folder, work)
        again = least_of([peer.run(folder, work) for _ in range(3)])
        table.add(f"{peer.name}, cached, whole process, best of 3", again)
