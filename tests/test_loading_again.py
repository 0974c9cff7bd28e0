"""Loading the same project again: what is remembered, and what is not."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from promptlab.core.config import settle
from promptlab.core.environment import Environment
from promptlab.engine.scope import Names
from promptlab.engine.templating.blocking import BlockingRenderer
from promptlab.engine.templating.frames import RenderError
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.schemas.template import Template

PIPELINE = """
version: 1
model: echo/echo
dataset: {path: data/rows.jsonl, where: "word != 'no'"}
inputs: {word: string}
steps:
  - id: ask
    prompt: prompts/ask.j2
    checks: [{equals: "{{ label }}"}]
"""
ROWS = '{"word": "hi", "label": "a"}\n{"word": "no", "label": "b"}\n'
OLD_NS = 1_700_000_000 * 10**9


@pytest.fixture
def memory() -> Iterator[LoadingMemory]:
    with LoadingMemory() as memory:
        yield memory


class Lab:
    """A project on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("promptlab.yaml", "version: 1\n")
        self.write("pipelines/p.yaml", PIPELINE)
        self.write("prompts/ask.j2", "Say {{ word }}.")
        self.write("data/rows.jsonl", ROWS)

    def write(self, name: str, text: str, *, at: int = OLD_NS) -> None:
        """Write a file; `at`: the time, in nanoseconds, that it bears."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(at, at))

    def load(self, memory: LoadingMemory) -> tuple[LoadedPipeline | None, list[str]]:
        files, problems = ProjectFiles(self.root), Problems()
        project = Project(self.root, files, settle(None, environment=Environment()))
        loaded = check_pipeline(files, "pipelines/p.yaml", project.targets(), problems, memory=memory)
        return loaded, [problem.message for problem in problems]

    def ready(self, memory: LoadingMemory) -> LoadedPipeline:
        loaded, problems = self.load(memory)
        assert problems == []
        assert loaded is not None
        return loaded


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def words(loaded: LoadedPipeline) -> list[object]:
    return [row.inputs["word"] for row in loaded.rows()]


def test_rows_of_unchanged_files_are_not_looked_at_again(lab: Lab, memory: LoadingMemory) -> None:
    """
    Given a pipeline that was loaded, whose prompt is then edited,
    when it is loaded again,
    then what was found of its rows is what is known of them, and the files of the run are all there.
    """
    first = lab.ready(memory)
    lab.write("prompts/ask.j2", "Please say {{ word }}.")

    again = lab.ready(memory)

    assert again.scan is first.scan
    assert words(again) == words(first) == ["hi"]
    assert {name: one.sha256 for name, one in again.files.files_read.items() if "data" in name} == {
        name: one.sha256 for name, one in first.files.files_read.items() if "data" in name
    }
    assert again.files.files_read["prompts/ask.j2"] != first.files.files_read["prompts/ask.j2"]


def test_changed_rows_are_read(lab: Lab, memory: LoadingMemory) -> None:
    """
    Given a pipeline that was loaded, whose rows are then changed to as many bytes at the same time,
    when it is loaded again,
    then it has the new rows.
    """
    lab.ready(memory)
    lab.write("data/rows.jsonl", ROWS.replace("hi", "ho"))

    assert words(lab.ready(memory)) == ["ho"]


def test_another_where_asks_anew(lab: Lab, memory: LoadingMemory) -> None:
    """
    Given a pipeline that was loaded, whose `where` is then changed,
    when it is loaded again,
    then other rows are run.
    """
    lab.ready(memory)
    lab.write("pipelines/p.yaml", PIPELINE.replace("!=", "=="))

    assert words(lab.ready(memory)) == ["no"]


def test_a_file_that_was_just_written_is_read_each_time(lab: Lab, memory: LoadingMemory) -> None:
    """
    Given rows that were written a moment ago, so that they may change and bear the same time,
    when the pipeline is loaded twice,
    then its rows are read twice.
    """
    lab.write("data/rows.jsonl", ROWS, at=time.time_ns())

    assert lab.ready(memory).scan is not lab.ready(memory).scan


def test_problems_are_told_each_time(lab: Lab, memory: LoadingMemory) -> None:
    """
    Given a row without a column that a check needs, a template that fails without rows, and one with an
    unknown name,
    when the pipeline is loaded twice,
    then the same problems are told twice; mended, none.
    """
    lab.write("data/rows.jsonl", ROWS + '{"word": "ha"}\n')
    lab.write("prompts/ask.j2", "{{ 1 // 0 }}{{ wort }}")

    (_, first), (_, second) = lab.load(memory), lab.load(memory)
    lab.write("data/rows.jsonl", ROWS)
    lab.write("prompts/ask.j2", "{{ word }}{{ 1 // 1 }}")

    assert len(first) == 3
    assert second == first
    assert lab.load(memory)[1] == []


def test_an_answer_that_is_cut_off_is_none() -> None:
    """
    Given a renderer whose process dies in the middle of its answer,
    when a template is rendered, and another one,
    then the first fails as what ended its process, and the second is rendered.
    """
    dying = "print('[\"ready\"]', flush=True); input(); print('[\"ok\",[1,2', end='', flush=True)"
    template = Template("value", "{{ range(3) }}", "outputs.x")

    with BlockingRenderer() as renderer:
        renderer._process = Popen([sys.executable, "-c", dying], stdin=PIPE, stdout=PIPE, stderr=PIPE)
        with pytest.raises(RenderError) as failed:
            renderer.render(template, Names({}))
        again = renderer.render(template, Names({}))

    assert failed.value.kind == "limit"
    assert again == [0, 1, 2]


def test_a_process_that_does_not_get_to_run_costs_no_template_its_time() -> None:
    """
    Given a renderer whose process is stopped, as on a machine with much other work,
    when it goes on after more seconds than a render may take,
    then the template is rendered.
    """
    template = Template("text", "{{ n }}!", "good")

    with BlockingRenderer(time_limit=0.2) as renderer:
        said = [renderer.render(template, Names({"n": 1}))]
        process = renderer._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        threading.Timer(0.4, os.kill, (process.pid, signal.SIGCONT)).start()
        said.append(renderer.render(template, Names({"n": 2})))

    assert said == ["1!", "2!"]


def test_the_warm_process_outlives_what_breaks_it() -> None:
    """
    Given a renderer for code that is not async, and templates that hang or fail,
    when one after the other is rendered,
    then each fails by itself, and the next is rendered.
    """
    loops = "{% for _ in range(1000) %}" * 3 + "{% endfor %}" * 3
    hanging = Template("text", loops, "hang")
    good, failing = Template("text", "{{ n }}!", "good"), Template("text", "{{ nothing }}!", "failing")
    said: list[object] = []

    with BlockingRenderer(time_limit=0.5) as renderer:
        for template in (good, hanging, good, failing, good):
            try:
                said.append(renderer.render(template, Names({"n": 1})))
            except RenderError as error:
                said.append((error.kind, error.template))

    assert said == ["1!", ("time", "hang"), "1!", ("undefined", "failing"), "1!"]
