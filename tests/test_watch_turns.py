"""What a watch shows of its turns: how it stands, what changed by more than noise, what was lost."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from promptlab.cli.turn_lines import run_lines
from promptlab.live.counts import RunCounts
from promptlab.live.running import RunRequest
from promptlab.live.watching.called import Called
from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.folders import IDLE_SECONDS, IDLE_STEP_MS, STEP_MS, Folders
from promptlab.live.watching.following import Files
from promptlab.live.watching.left_behind import Doubt
from promptlab.live.watching.loading import Loading
from promptlab.live.watching.log_keeping import KeptLog
from promptlab.live.watching.tree import Tree
from promptlab.live.watching.turn import Cause, MetricChange, Turn, TurnRun
from promptlab.live.watching.view import OnUnknown, RunView, Status
from promptlab.live.watching.watch import Watch
from promptlab.loader.project import open_project
from promptlab.schemas.events import Event
from promptlab.schemas.report import Calls, RunSummary
from tests.lab import Lab

ECHO = {"model": "echo/echo", "limits": {}}


@dataclass
class Seen:
    """Sees a watch, and ends it after its first turn. `standing`: how it stood when a run began and ended."""

    watch: Watch | None = None
    status: Status | None = None
    at_run: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stands(self, status: Status) -> None:
        self.status = status

    def note(self, text: str) -> None:
        self.notes.append(text)

    def doubted(self, doubt: Doubt, on_unknown: OnUnknown) -> None: ...

    def failed(self, turn: Turn) -> None:
        raise AssertionError(turn.errors)

    def began(self, number: int, cause: Cause, files: Files) -> None: ...

    def run_began(self, name: str, counts: RunCounts) -> RunView:
        del name, counts
        assert self.status is not None
        self.at_run.append(self.status.standing)
        return self

    def __call__(self, event: Event) -> None: ...

    def printed(self, printed: object) -> None: ...

    def close(self) -> None: ...

    def ended(self, turn: Turn) -> None:
        del turn
        assert self.status is not None
        assert self.watch is not None
        self.at_run.append(self.status.standing)
        self.watch.ending.end(0, "seen")


def test_it_stands_as_running_while_a_run_goes_on(tmp_path: Path) -> None:
    """
    Given a watch over a pipeline,
    when its first turn runs that,
    then it stands as running when the run begins, and as watching again when its turn is shown.
    """
    lab = Lab(tmp_path / "project", "http://127.0.0.1:1")
    lab.write_pipeline(**ECHO)
    seen = Seen()
    with KeptLog(seen.note) as logs:
        loading = Loading(open_project(root=lab.root), ("pipelines/words.yaml",))
        seen.watch = Watch(loading, RunRequest(), logs, seen)
        code = asyncio.run(seen.watch.run())

    assert (code, seen.at_run) == (0, ["running", "watching"])


def test_a_log_that_is_gone_is_told_once(tmp_path: Path) -> None:
    """
    Given an open log,
    when its file is deleted and the log is asked for twice,
    then a new one is made, and it is told once that what was paid for is lost.
    """
    lab = Lab(tmp_path / "project", "http://127.0.0.1:1")
    project, told = open_project(root=lab.root), list[str]()
    with KeptLog(told.append) as logs:
        path = Path(logs.of(project).name)
        path.unlink()
        made = [logs.of(project), logs.of(project)]

        assert path.exists()
    assert made[0] is made[1]
    assert [text[:60] for text in told] == [f"warning: the run log {path} is gone"[:60]]


@pytest.mark.parametrize(
    ("name", "value", "since_last", "since_start", "calls", "shown"),
    [
        ("pass_rate", 0.5, -0.25, -0.5, 1, "(-25.0 % since the last turn, -50.0 % since the start)"),
        ("pass_rate", 1.0, 0.25, 0.0, 1, "(+25.0 % since the last turn, as at the start)"),
        ("pass_rate", 0.5, 0.0, -0.5, 1, None),
        ("latency_ms", 400.0, 200.0, 200.0, 1, "(+200 ms since the last turn, +200 ms since the start)"),
        ("latency_ms", 400.0, 200.0, 200.0, 0, None),
        ("latency_ms.p95", 4.0, 2.0, 2.0, 1, None),
        ("latency_ms", 420.0, 30.0, 30.0, 1, None),
        ("cost_usd", 0.102, 0.002, 0.002, 1, None),
    ],
)
def test_a_metric_is_shown_where_it_moved_by_more_than_noise(
    name: str, value: float, since_last: float, since_start: float, calls: int, shown: str | None
) -> None:
    """
    Given a metric that is another one than in the last turn, or since the start,
    when the turn is shown,
    then it is told what moved in this turn, and by more than such a metric moves by itself.
    """
    change = MetricChange(cell="base", name=name, value=value, since_last=since_last, since_start=since_start)
    summary = RunSummary(run_id="r", pipeline="p", status="passed", trials={}, calls=Calls(sent=calls))

    lines = _lines(TurnRun(summary=summary, metrics=(change,)))

    told = [line[line.index("(") :] for line in lines[1:]]
    assert told == ([shown] if shown is not None else [])


def test_calls_are_told_by_cause() -> None:
    """
    Given a run that called steps for two reasons,
    when its turn is shown,
    then it is told of each how many steps there were.
    """
    summary = RunSummary(run_id="r", pipeline="p", status="passed", trials={})
    called = (Called(3, (("template", "prompts/a.j2"),)), Called(1, (("row", "word"), ("params", "seed"))))

    lines = _lines(TurnRun(summary=summary, called=called))

    assert lines[1] == "  called: 3 template prompts/a.j2, 1 row word; seed"


def test_it_listens_less_often_once_nothing_has_changed_for_long(tmp_path: Path) -> None:
    """
    Given folders that are listened to,
    when nothing changes for ten minutes, and then something does,
    then it wakes less often meanwhile.
    """
    now = [0.0]
    tree = Tree(tmp_path)
    folders = Folders(tree, FileEvents(tuple), list[str]().append, lambda: now[0])
    steps = [folders.step]

    now[0] = IDLE_SECONDS
    steps.append(folders.step)
    folders.hear([str(tmp_path / "a.j2")])
    steps.append(folders.step)

    assert steps == [STEP_MS, IDLE_STEP_MS, STEP_MS]


def test_a_link_is_looked_at_where_a_file_that_it_may_lead_to_changes(tmp_path: Path) -> None:
    """
    Given a file that is followed by its own name and by that of a link to it,
    when the system says that it has changed, of its own name alone,
    then both are looked at together: one save is one turn.
    """
    (tmp_path / "target.j2").touch()
    (tmp_path / "link.j2").symlink_to("target.j2")
    tree = Tree(tmp_path)
    tree.follow(["link.j2", "target.j2"], {})
    events = FileEvents(tuple)

    Folders(tree, events, list[str]().append).hear([str(tmp_path / "target.j2")])

    assert events.taken() == {"link.j2", "target.j2"}


def _lines(run: TurnRun) -> list[str]:
    return ["".join(span.text for span in line) for line in run_lines(run, colour=False)]
