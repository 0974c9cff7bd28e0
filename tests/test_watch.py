"""A watch runs what a saved file changes, and sends no request but for that: twenty ways of saving."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import fake_provider_process
from tests.lab import Lab
from tests.watch_kit import ROWS, WAYS, Pipeline, Save, Watched, watch


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One warm watch over all pipelines, with a provider of its own."""
    folder = tmp_path_factory.mktemp("watched")
    with fake_provider_process(folder) as fake:
        lab = Lab(folder / "project", fake.base_url)
        with watch(lab, fake) as found:
            found.turn()
            yield found


@pytest.fixture
def pipeline(watched: Watched) -> Iterator[Pipeline]:
    """A pipeline of one's own among those that are watched."""
    found = Pipeline(watched)
    yield found
    found.end()


def two_steps(pipeline: Pipeline) -> list[dict[str, object]]:
    pipeline.save(f"prompts/{pipeline.name}-short.j2", f"Shorten {pipeline.name}: {{{{ say.output }}}}")
    return [
        {"id": "say", "prompt": pipeline.prompt},
        {"id": "shorten", "prompt": f"prompts/{pipeline.name}-short.j2"},
    ]


def test_a_new_pipeline_is_run(pipeline: Pipeline) -> None:
    """
    Given a watch over all pipelines,
    when a file of a new one is saved,
    then it is run, each of its rows is asked for once, and the turn names it.
    """
    pipeline.begin()

    assert {"path": pipeline.path, "change": "new"} in pipeline.first["turn"]["files"]
    assert pipeline.first["calls"]["sent"] == ROWS
    assert pipeline.sent() == ROWS


def test_an_edited_prompt_asks_for_its_cells_alone(pipeline: Pipeline) -> None:
    """
    Given a chain of two steps that was run,
    when the prompt of the second is edited,
    then the second step alone is asked again.
    """
    pipeline.begin(steps=two_steps(pipeline))

    pipeline.save(f"prompts/{pipeline.name}-short.j2", f"Cut {pipeline.name}: {{{{ say.output }}}}")
    turn = pipeline.turn()

    assert turn["files"] == [f"prompts/{pipeline.name}-short.j2"]
    assert turn["calls"] == {"sent": ROWS, "attempts": ROWS, "recalled": ROWS}
    why = [{"cause": "template", "what": f"prompts/{pipeline.name}-short.j2"}]
    assert turn["called"] == [{"steps": ROWS, "changes": why}]
    assert len(pipeline.watched.asked(f"Cut {pipeline.name}")) == ROWS


def test_an_include_is_followed(pipeline: Pipeline) -> None:
    """
    Given a prompt that includes another file,
    when that file is edited,
    then the prompt is rendered and asked anew.
    """
    pipeline.save(f"prompts/{pipeline.name}-tone.j2", "Kindly")
    pipeline.begin()
    pipeline.save(pipeline.prompt, f"{{% include '{pipeline.name}-tone.j2' %}} {pipeline.text()}")
    pipeline.turn()

    pipeline.save(f"prompts/{pipeline.name}-tone.j2", "Sternly")
    turn = pipeline.turn()

    assert turn["files"] == [f"prompts/{pipeline.name}-tone.j2"]
    assert len(pipeline.watched.asked("Sternly")) == ROWS


def test_an_edited_row_is_asked_for_alone(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when one row of its data is edited and one is new,
    then these two are asked for, and the others recalled.
    """
    pipeline.begin()

    pipeline.write_rows("word0", "other", "word2", "word3", "more")
    turn = pipeline.turn()

    assert turn["calls"] == {"sent": 2, "attempts": 2, "recalled": ROWS - 1}
    assert pipeline.sent() == ROWS + 2


def test_a_schema_is_part_of_the_request(pipeline: Pipeline) -> None:
    """
    Given a step whose output has a schema in a file,
    when the schema is edited,
    then each row is asked for again.
    """
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    pipeline.save(f"data/{pipeline.name}-schema.json", schema)
    step = {
        "id": "say",
        "prompt": pipeline.prompt,
        "output": {"schema": f"data/{pipeline.name}-schema.json"},
    }
    pipeline.begin(steps=[step])

    pipeline.save(f"data/{pipeline.name}-schema.json", {**schema, "required": ["a"]})
    pipeline.turn()

    assert pipeline.sent() == 2 * ROWS


def test_python_is_followed_through_its_imports(pipeline: Pipeline) -> None:
    """
    Given a python step, whose file imports another, before a step that asks a model,
    when the file is edited so that it gives the same, then so that it gives other text, then the import is,
    then workers see each state, and the model is asked only where the text is another.
    """
    name = pipeline.name
    pipeline.save(f"tools/tail_{name}.py", "TAIL = '.'\n")
    code = f"from tail_{name} import TAIL\n\n\ndef shout(word):\n    return word + {{}} + TAIL\n"
    pipeline.save(f"tools/shout_{name}.py", code.format("'!'"))
    steps = [
        {"id": "shout", "python": f"tools/shout_{name}.py:shout", "with": {"word": "{{ word }}"}},
        {"id": "say", "messages": [{"role": "user", "content": f"{name} {{{{ shout.output }}}}"}]},
    ]
    pipeline.begin(steps=steps)
    sent = []

    for path, content in (
        (f"tools/shout_{name}.py", code.format("'!' + ''")),
        (f"tools/shout_{name}.py", code.format("'?'")),
        (f"tools/tail_{name}.py", "TAIL = ';'\n"),
    ):
        pipeline.save(path, content).turn()
        sent.append(pipeline.sent())

    assert sent == [ROWS, 2 * ROWS, 3 * ROWS]
    assert len(pipeline.watched.asked(f"{name} word0?;")) == 1


def test_whitespace_and_going_back_ask_for_nothing(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt gets blank lines at its end, is edited, and is put back,
    then the first and the last are turns that recall everything.
    """
    pipeline.begin()
    turns = [pipeline.save(pipeline.prompt, pipeline.text() + "\n\n\n").turn()]
    turns.append(pipeline.save(pipeline.prompt, pipeline.text("Tell")).turn())
    turns.append(pipeline.save(pipeline.prompt, pipeline.text()).turn())

    assert [turn["calls"]["sent"] for turn in turns] == [0, ROWS, 0]
    assert pipeline.sent() == 2 * ROWS


def test_a_broken_save_shows_its_problem_and_waits(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt is saved with a mistake and then mended with another text,
    then the problem is told with its place, nothing is run for it, and the mended state is run.
    """
    pipeline.begin()

    broken = pipeline.save(pipeline.prompt, "Say {{ word } " + pipeline.name).turn()
    mended = pipeline.save(pipeline.prompt, pipeline.text("Mended")).turn()

    problem = broken["turn"]["problems"][0]
    assert (problem["file"], problem["line"], broken["turn"]["runs"]) == (pipeline.prompt, 1, [])
    assert mended["calls"]["sent"] == ROWS
    assert pipeline.sent() == 2 * ROWS


@pytest.mark.parametrize("save", WAYS, ids=lambda save: save.__name__)
def test_whatever_way_a_file_is_saved_it_is_run_once(pipeline: Pipeline, save: Save) -> None:
    """
    Given a prompt of some length,
    when it is saved in one of the ways in which programs save,
    then there is one turn, and what is asked is the whole of it.
    """
    tail = "and on it goes, " * 20 + "to its end."
    pipeline.begin()
    pipeline.save(pipeline.prompt, pipeline.text("Say") + tail).turn()

    path, text = pipeline.watched.lab.root / pipeline.prompt, pipeline.text("Written") + tail + "\n"
    turn = pipeline.turn_of(lambda: save(path, text))

    written = pipeline.watched.asked(f"word0 {pipeline.name}")
    assert [text.endswith(tail) for text in written] == [False, True, True]
    assert (turn["calls"]["sent"], pipeline.sent()) == (ROWS, 3 * ROWS)


def test_an_atomic_save_is_one_turn(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt is saved as editors do, by a new file that takes its place, with a backup of the old,
    then there is one turn that asks for each row.
    """
    pipeline.begin()
    path = pipeline.watched.lab.root / pipeline.prompt

    def save() -> None:
        new = path.with_name(f".{path.name}.swap")
        new.write_text(pipeline.text("Saved"))
        path.rename(path.with_suffix(".j2~"))
        new.rename(path)

    turn = pipeline.turn_of(save)

    assert (turn["files"], turn["calls"]["sent"]) == ([pipeline.prompt], ROWS)
    assert pipeline.sent() == 2 * ROWS


def test_a_file_that_goes_and_comes_back_asks_for_nothing(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt is deleted, restored, and then edited,
    then the loss is told as a problem, and only the edit is asked for.
    """
    pipeline.begin()
    path = pipeline.watched.lab.root / pipeline.prompt

    path.unlink()
    gone = pipeline.turn()
    path.write_text(pipeline.text())
    edited = pipeline.save(pipeline.rows, '{"id": "r0", "word": "once"}\n').turn()

    assert "there is no file" in gone["turn"]["problems"][0]["message"]
    assert gone["turn"]["files"] == [{"path": pipeline.prompt, "change": "gone"}]
    assert (edited["calls"]["sent"], pipeline.sent()) == (1, ROWS + 1)


def test_a_renamed_prompt_asks_for_nothing(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt is renamed, and the pipeline then names it so,
    then all is recalled; the new name is followed from then on.
    """
    pipeline.begin()
    root, name = pipeline.watched.lab.root, f"prompts/{pipeline.name}-new.j2"

    (root / pipeline.prompt).rename(root / name)
    pipeline.turn()
    text = (root / pipeline.path).read_text().replace(pipeline.prompt, name)
    renamed = pipeline.save(pipeline.path, text).turn()
    pipeline.save(name, pipeline.text("Renamed")).turn()

    assert renamed["calls"] == {"sent": 0, "attempts": 0, "recalled": ROWS}
    assert len(pipeline.watched.asked("Renamed")) == ROWS


def test_a_new_file_that_a_pattern_matches_is_run(pipeline: Pipeline) -> None:
    """
    Given a pipeline over all files of a folder, at any depth,
    when a file comes into a new folder there,
    then its rows are run; a file beside it that matches nothing is no turn.
    """
    folder = f"data/{pipeline.name}"
    pipeline.save(f"{folder}/a.jsonl", '{"id": 1, "word": "one"}\n')
    pipeline.begin(dataset=f"{folder}/**/*.jsonl")

    pipeline.save(f"{folder}/deep/notes.txt", "nothing")
    turn = pipeline.save(f"{folder}/deep/b.jsonl", '{"id": 2, "word": "two"}\n').turn()

    assert turn["trials"]["passed"] == 2
    assert pipeline.sent() == 2


def test_touching_a_file_is_no_save(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its files are touched, and written again with what they hold, and then the prompt is edited,
    then the edit is the only turn.
    """
    pipeline.begin()
    root, before = pipeline.watched.lab.root, pipeline.watched.turns

    for name in (pipeline.prompt, pipeline.path, pipeline.rows):
        (root / name).touch()
        (root / name).write_bytes((root / name).read_bytes())
    pipeline.save(pipeline.prompt, pipeline.text("Touched")).turn()

    assert pipeline.watched.turns == before + 1
    assert pipeline.sent() == 2 * ROWS


def test_a_replaced_folder_is_followed(pipeline: Pipeline) -> None:
    """
    Given a pipeline whose prompt lies in a folder of its own,
    when another folder takes its place, and a file in that is edited,
    then both states are run.
    """
    name = f"prompts/{pipeline.name}/say.j2"
    pipeline.save(name, pipeline.text())
    pipeline.begin(steps=[{"id": "say", "prompt": name}])
    folder = pipeline.watched.lab.root / Path(name).parent

    def swap() -> None:
        pipeline.save(f"prompts/{pipeline.name}-other/say.j2", pipeline.text("Swapped"))
        folder.rename(folder.with_name(f"{pipeline.name}-old"))
        folder.with_name(f"{pipeline.name}-other").rename(folder)

    swapped = pipeline.turn_of(swap)
    edited = pipeline.save(name, pipeline.text("Edited")).turn()

    assert len(pipeline.watched.asked("Swapped")) == len(pipeline.watched.asked("Edited")) == ROWS
    assert (swapped["calls"]["sent"], edited["calls"]["sent"]) == (ROWS, ROWS)


def test_flips_come_with_a_diff_and_metrics_with_their_change(pipeline: Pipeline) -> None:
    """
    Given a pipeline that passed,
    when its prompt is edited so that one row fails,
    then the turn says which trial flipped and why, what is another word now, and by how much metrics moved.
    """
    pipeline.begin()

    text = pipeline.text("Say {% if word == 'word1' %}nothing{% else %}").replace("}} ", "}}{% endif %} ")
    turn = pipeline.save(pipeline.prompt, text).turn()

    flip = turn["flips"][0]
    assert (turn["flipped"], flip["row_id"], flip["before"], flip["after"]) == (1, "r1", "passed", "failed")
    assert flip["diff"] == f"Say [-word1-]{{+nothing+}} {pipeline.name}"
    assert "word1" in flip["reason"]
    changes = {change["name"]: change for change in turn["metric_changes"]}
    assert changes["pass_rate"]["since_last"] == changes["pass_rate"]["since_start"] == -0.25


def test_each_turn_is_a_run_in_the_log(pipeline: Pipeline) -> None:
    """
    Given a pipeline that was run,
    when its prompt is edited,
    then the log has two runs of it, with the files of each.
    """
    pipeline.begin()
    turn = pipeline.save(pipeline.prompt, pipeline.text("Logged")).turn()

    found = pipeline.watched.lab.query("select id from runs where pipeline = ? order by id", pipeline.name)
    assert [run for (run,) in found] == [pipeline.first["run_id"], turn["run_id"]]
    digests = pipeline.watched.lab.query(
        "select count(distinct digest) from run_files where path = ?", pipeline.prompt
    )
    assert digests == [(2,)]


def test_data_and_called_pipelines_are_not_run_by_themselves(pipeline: Pipeline) -> None:
    """
    Given a pipeline that calls another one, which has no data of its own,
    when the called one is edited,
    then the calling one is run, and there is no problem about the other.
    """
    part = f"pipelines/{pipeline.name}-part.yaml"
    step = {"id": "say", "messages": [{"role": "user", "content": f"Part {pipeline.name} {{{{ word }}}}"}]}
    called = {"version": 1, "inputs": {"word": "string"}, "steps": [step]}
    pipeline.save(part, called)
    while pipeline.watched.turn()["problems"] == []:
        pass
    pipeline.begin(steps=[{"id": "call", "pipeline": part, "with": {"word": "{{ word }}"}}])

    step = {"id": "say", "messages": [{"role": "user", "content": f"Piece {pipeline.name} {{{{ word }}}}"}]}
    turn = pipeline.save(part, {**called, "steps": [step]}).turn()
    (pipeline.watched.lab.root / part).unlink()

    assert turn["turn"]["problems"] == []
    assert len(pipeline.watched.asked("Piece")) == ROWS
