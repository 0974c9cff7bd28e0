"""Images, files and texts in prompts: what is refused before the first call, and what a model is sent."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from promptlab.core.json import JSON
from promptlab.engine.attachments import NO_ATTACHMENTS, content_of, messages_of
from promptlab.engine.conversation import Attachment
from promptlab.engine.rendering import Renderer
from promptlab.engine.scope import Names, RenderFailed
from promptlab.loader.attachments import LARGEST, ProjectAttachments
from promptlab.loader.changes import Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.sources import Memory
from promptlab.schemas.template import Template
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import Lab
from tests.loading_kit import Loaded, load
from tests.samples import GIF, JPEG, PDF, PNG, WEBP

TEXT = b"Refunds within 30 days.\n"
FILES: dict[str, str | bytes] = {
    "data/a.png": PNG,
    "data/b.png": JPEG,
    "data/manual.pdf": PDF,
    "data/policy.md": TEXT,
    "data/no.png": b"no image at all",
    "data/program": b"\x7fELF\x00\x01",
    "data/empty.txt": b"",
}
ROWS = "[{photo: data/a.png, report: data/policy.md, name: data/a.png}]"


def loaded(prompt: str, rows: str = ROWS, *, model: str = "openai/gpt-4o-mini", step: str = "") -> Loaded:
    """Load a pipeline with inputs of both types, `name` of type string, and one prompt."""
    pipeline = f"""\
version: 1
inputs: {{photo: image, report: {{type: file, default: data/policy.md}}, name: {{type: string, default: x}}}}
dataset: {rows}
steps:
  - id: look
    prompt: prompts/look.j2
    {step}
"""
    return load(pipeline, {**FILES, "prompts/look.j2": prompt}, model=model)


# --- before the first call: templates


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ image(photo) }}",
        "What is this? {{ image('data/a.png') }} {{ file(report) }} {{ text(report) }}",
        "{% user %}{{ file('data/manual.pdf') }}{% enduser %}",
        "{% system %}{{ text('data/policy.md') }}{% endsystem %}{{ image(photo) }}",
        "{{ image(photo) if name == 'x' else '-' }}",
        "{% set p = photo %}{% if p %}{{ image(p) }}{% endif %} {{ photo | string }}",
        "{% macro text(x) %}{{ x }}{% endmacro %}{{ text(photo | string) }}",
    ],
)
def test_files_may_be_named_by_constant_paths_and_by_inputs(prompt: str) -> None:
    """
    Given a prompt that names files that are there and fit,
    when its pipeline is loaded,
    then nothing is wrong.
    """
    assert loaded(prompt).problems == []


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("See {{ image('data/c.png') }}", "1:8: there is no file 'data/c.png'"),
        ("{{ image('data/no.png') }}", "1:4: 'data/no.png' is no PNG, JPEG, GIF or WebP image"),
        ("{{ image('data/manual.pdf') }}", "1:4: 'data/manual.pdf' is a PDF document; say file(…)"),
        ("{{ file('data/a.png') }}", "1:4: 'data/a.png' is an image; say image(…)"),
        ("{{ text('data/a.png') }}", "1:4: 'data/a.png' is no text"),
        ("{{ text('data/manual.pdf') }}", "1:4: 'data/manual.pdf' is no text"),
        ("{{ text('data/empty.txt') }}", "1:4: 'data/empty.txt' is empty"),
        ("{{ text('../secrets') }}", "1:4: '../secrets' leads outside the project"),
        ("{{ text('.env') }}", "1:4: '.env' is a hidden file"),
        (
            "{{ photo }}",
            "1:4: 'photo' is the path of a file; inserted like this, a model would see the path alone",
        ),
        ("{{ image(name) }}", "1:4: image(…) takes an input of type image, and 'name' is of type string"),
        ("{{ image(report) }}", "1:4: image(…) takes an input of type image, and 'report' is of type file"),
        ("{{ file(photo) }}", "1:4: file(…) takes an input of type file, and 'photo' is of type image"),
        (
            "{{ image('data/' ~ name) }}",
            "1:4: the path that image(…) takes is computed, so it cannot be checked before the run",
        ),
        ("{{ image() }}", "1:4: image(…) takes one path"),
        ("{{ image(photo, 3) }}", "1:4: image(…) takes one path"),
        ("{{ image(3) }}", "1:4: image(…) takes a path, as text"),
        ("{{ image(foto) }}", "1:10: 'foto' is not defined"),
        (
            "{% system %}{{ image(photo) }}{% endsystem %}hi",
            "1:16: image(…) stands in a message of the system, and only the user's have attachments",
        ),
        (
            "{{ text('data/policy.md') | length }}",
            "1:4: text(…) is inserted by itself",
        ),
        (
            "{% set it = image(photo) %}{{ it ~ 'x' }}",
            "1:13: image(…) is inserted by itself",
        ),
        (
            "{% filter upper %}{% if name %}{{ image(photo) }}{% endif %}{% endfilter %}",
            "1:35: image(…) stands inside a filter, which would act on more than text",
        ),
        (
            "{% set it | replace('0', '1') %}{{ image(photo) }}{% endset %}{{ it }}",
            "1:36: image(…) stands inside a filter, which would act on more than text",
        ),
        (
            "{% filter upper %}{% user %}a{% enduser %}{% endfilter %}",
            "1:22: {% user %} stands inside a filter, which would act on more than text",
        ),
    ],
)
def test_what_cannot_be_attached_is_refused_where_the_prompt_names_it(prompt: str, problem: str) -> None:
    """
    Given a prompt that names a file that is not there or does not fit, or that names one in a wrong way,
    when its pipeline is loaded,
    then it is refused at its line and column.
    """
    found = loaded(f"{prompt} {{{{ name }}}}").problems

    assert any(one.startswith(f"prompts/look.j2:{problem}") for one in found), found


def test_a_list_of_images_comes_as_messages() -> None:
    """
    Given a list of paths as an input of type array, and one in the parts of an input of type messages,
    when the first is attached one by one, and the second spliced,
    then the first is refused, saying how it is done; the second is well.
    """
    parts = "[{type: image, path: data/a.png}, {type: image, path: data/b.png}]"
    pipeline = (
        "version: 1\ninputs: {{pictures: {}}}\ndataset: [{{pictures: {}}}]\nsteps:\n"
        "  - {{id: look, prompt: prompts/look.j2}}\n"
    )
    files = {**FILES, "data/b.png": FILES["data/a.png"]}
    one_by_one = {**files, "prompts/look.j2": "{% for p in pictures %}{{ image(p) }}{% endfor %}"}
    spliced = {**files, "prompts/look.j2": "{% messages pictures %}What changed?"}

    refused = load(pipeline.format("array", "[data/a.png, data/b.png]"), one_by_one, model="openai/gpt-4o")
    well = load(
        pipeline.format("messages", f"[{{role: user, content: {parts}}}]"), spliced, model="openai/gpt-4o"
    )

    assert refused.problems == [
        "prompts/look.j2:1:27: image(…) takes an input of type image, and 'pictures' is of type array"
    ]
    assert "one of type messages, whose parts are" in str(refused.hints[0])
    assert well.problems == []


def test_a_path_may_not_come_from_a_model() -> None:
    """
    Given a prompt whose image is what another step says,
    when its pipeline is loaded,
    then it is refused.
    """
    steps = [
        {"id": "a", "messages": [{"role": "user", "content": "a path?"}]},
        {"id": "b", "messages": [{"role": "user", "content": "{{ image(a.output) }}"}]},
    ]

    found = load(json.dumps({"version": 1, "steps": steps})).messages

    assert found == ["the path that image(…) takes may not come from a step"]


def test_an_input_that_hides_a_function_is_told_where_it_is_called() -> None:
    """
    Given an input called text and a prompt that calls text(…),
    when its pipeline is loaded,
    then it is told that there is no such function now.
    """
    step = {"id": "a", "messages": [{"role": "user", "content": "{{ text('data/policy.md') }}"}]}
    pipeline = {"version": 1, "inputs": {"text": "string"}, "dataset": [{"text": "x"}], "steps": [step]}

    found = load(json.dumps(pipeline), FILES).messages

    assert found == ["'text' is an input here, so there is no function text(…)"]


@pytest.mark.parametrize(
    "place", ["when: image('data/a.png')", "with: {photo: \"{{ image('data/a.png') }}\"}"]
)
def test_files_are_attached_in_messages_alone(place: str) -> None:
    """
    Given an expression, or a template that is no message, that attaches,
    when its pipeline is loaded,
    then there is no such function.
    """
    assert "there is no image(…) here" in loaded("hi", step=place).messages


def test_only_the_users_messages_attach() -> None:
    """
    Given inline messages of which the assistant's attaches an image,
    when the pipeline is loaded,
    then it is refused at its line.
    """
    said = [{"role": "assistant", "content": "{{ image('data/a.png') }}"}, {"role": "user", "content": "?"}]

    found = load(
        json.dumps({"version": 1, "steps": [{"id": "a", "messages": said}]}, indent=1), FILES
    ).problems

    assert found == ["9:17: a message of the assistant attaches a file, and only the user's may"]


def test_what_with_binds_stays_what_it_is() -> None:
    """
    Given a step that sees an image under another name,
    when its prompt attaches it, and when it inserts it,
    then the one is right and the other is told.
    """
    bind = 'with: {it: "{{ photo }}", name: "{{ name }}"}'

    assert loaded("{{ image(it) }}", step=bind).problems == []
    assert loaded("{{ it }}", step=bind).messages[0].startswith("'it' is the path of a file")
    assert "'name' is of type any" in loaded("{{ image(name) }}", step=bind).messages[0]


# --- before the first call: rows


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{photo: data/c.png}", "3:40: 'photo': there is no file 'data/c.png'"),
        ("{photo: data/no.png}", "3:40: 'photo': 'data/no.png' is no PNG, JPEG, GIF or WebP image"),
        ("{photo: ../a.png}", "3:40: 'photo': '../a.png' leads outside the project"),
        ("{photo: 7}", "3:40: 'photo' must be the path of an image in the project, as data/photo.png, not 7"),
        (
            "{photo: data/a.png, report: data/program}",
            "3:60: 'report': 'data/program' is neither a PDF nor text",
        ),
        ("{photo: data/a.png, report: data/b.png}", "3:60: 'report': 'data/b.png' is an image; say image(…)"),
    ],
)
def test_every_rows_paths_are_held_to_their_type(row: str, problem: str) -> None:
    """
    Given a second row that names a file that is not there or does not fit,
    when the pipeline is loaded,
    then it is told at the value's place.
    """
    found = loaded("{{ image(photo) }}", f"[{{photo: data/a.png}}, {row}]").problems

    assert len(found) == 1
    assert found[0].startswith(problem)


def test_a_row_of_a_file_and_of_the_command_line_is_checked_too() -> None:
    """
    Given a JSONL file whose second row names no image, and -i that does,
    when the pipeline is loaded,
    then each is told where it stands.
    """
    pipeline = (
        "version: 1\ninputs: {photo: image}\ndataset: d.jsonl\nsteps:\n  - {id: a, prompt: prompts/p.j2}\n"
    )
    data = '{"photo": "data/a.png"}\n{"photo": "data/no.png"}\n'
    files = {**FILES, "d.jsonl": data, "prompts/p.j2": "{{ image(photo) }}"}

    by_file = load(pipeline, files).problems
    by_flag = load(pipeline, files, Changes(inputs={"photo": "data/no.png"})).problems

    assert by_file == ["d.jsonl:2:11: 'photo': 'data/no.png' is no PNG, JPEG, GIF or WebP image"]
    assert by_flag[0].endswith("'photo': 'data/no.png' is no PNG, JPEG, GIF or WebP image")


def test_a_default_is_checked_where_it_stands() -> None:
    """
    Given an input of type image whose default is none,
    when the pipeline is loaded,
    then the default is refused.
    """
    inputs = "inputs:\n  photo: {type: image, default: data/no.png}"
    pipeline = f"version: 1\n{inputs}\nsteps: [{{id: a, prompt: prompts/p.j2}}]\n"

    found = load(pipeline, {**FILES, "prompts/p.j2": "{{ image(photo) }}"}).problems

    assert found == ["3:33: 'data/no.png' is no PNG, JPEG, GIF or WebP image"]


def test_text_of_rows_that_name_documents_is_refused() -> None:
    """
    Given rows of which one names a PDF,
    when a prompt reads it as text,
    then it is refused at the call.
    """
    rows = "[{photo: data/a.png}, {photo: data/a.png, report: data/manual.pdf}]"

    assert loaded("{{ text(report) }}", rows).problems == [
        "prompts/look.j2:1:4: text(report): not every row names a text file there"
    ]


def test_a_history_in_a_row_may_attach() -> None:
    """
    Given rows with a history that attaches an image, one that is none, and a part of another kind,
    when the pipeline is loaded,
    then the first is fine and the others are told.
    """

    def problems(part: dict[str, Any]) -> list[str]:
        history = [{"role": "user", "content": [{"type": "text", "text": "look"}, part]}]
        pipeline = {
            "version": 1,
            "inputs": {"past": "messages"},
            "dataset": [{"past": history}],
            "steps": [{"id": "a", "prompt": "prompts/p.j2"}],
        }
        return load(json.dumps(pipeline), {**FILES, "prompts/p.j2": "{% messages past %}\nand?"}).messages

    assert problems({"type": "image", "path": "data/a.png"}) == []
    assert "is no PNG" in problems({"type": "image", "path": "data/no.png"})[0]
    assert "has the part" in problems({"type": "audio"})[0]


# --- before the first call: models


@pytest.mark.parametrize(
    ("model", "prompt", "message"),
    [
        ("local/smollm2-135m", "{{ image(photo) }}", "local/smollm2-135m takes no images"),
        ("local/smollm2-135m", "{{ file('data/manual.pdf') }}", "local/smollm2-135m takes no PDF documents"),
        ("openai/gpt-3.5-turbo", "{{ image(photo) }}", "openai/gpt-3.5-turbo takes no images"),
        ("ollama/llava", "{{ file('data/manual.pdf') }}", "ollama/llava takes no PDF documents"),
    ],
)
def test_a_model_that_takes_no_such_file_is_refused_where_it_is_attached(
    model: str, prompt: str, message: str
) -> None:
    """
    Given a model that takes no images or documents,
    when a prompt attaches one,
    then it is refused at the call.
    """
    assert loaded(prompt, model=model).problems == [f"prompts/look.j2:1:4: {message}"]


def test_a_fallback_must_take_what_is_attached_too() -> None:
    """
    Given a step whose model takes images and whose fallback takes none,
    when its pipeline is loaded,
    then the fallback is refused at the call.
    """
    found = loaded("{{ image(photo) }}", step="fallback: [local/smollm2-135m]").problems

    assert found == ["prompts/look.j2:1:4: local/smollm2-135m takes no images"]


@pytest.mark.parametrize("model", ["local/smollm2-135m", "openai/gpt-3.5-turbo", "echo/echo"])
def test_text_can_be_attached_for_every_model(model: str) -> None:
    """
    Given a model that takes text alone,
    when a text file is attached or read,
    then nothing is wrong.
    """
    assert loaded("{{ file(report) }} {{ text(report) }}", model=model).problems == []


def test_a_history_with_an_image_is_refused_for_a_model_that_takes_none() -> None:
    """
    Given a step whose prompt attaches an image, and a later one on another model that splices its messages,
    when the pipeline is loaded,
    then the splice is refused.
    """
    steps = [
        {"id": "a", "model": "openai/gpt-4o", "prompt": "prompts/a.j2"},
        {"id": "b", "model": "local/smollm2-135m", "prompt": "prompts/b.j2"},
    ]
    prompts = {"prompts/a.j2": "{{ image('data/a.png') }}", "prompts/b.j2": "{% messages a.messages %}\nmore"}

    found = load(json.dumps({"version": 1, "steps": steps}), {**FILES, **prompts}).problems

    assert found == ["prompts/b.j2:1:13: local/smollm2-135m takes no images"]


# --- at run time


@pytest.mark.parametrize(
    "source",
    [
        "{% set it = image('a.png') %}{{ it | upper }}",
        "{{ image('a.png') ~ 'x' }}",
        "{{ text('a.txt') | length }}",
        "{% if 'x' in text('a.txt') %}x{% endif %}",
        "{{ [image('a.png')] }}",
        "{% filter tojson %}{{ image('a.png') }}{% endfilter %}",
        "{% filter replace('0', '1') %}{{ image('a.png') }}{% endfilter %}",
        "{% set it | length %}{{ image('a.png') }}{% endset %}{{ it }}",
        "{% set it %}{{ image('a.png') }}{% endset %}{{ it | upper }}",
        "{% set it %}{{ image('a.png') }}{% endset %}{{ it.replace('0', '1') }}",
        "{% set it %}{{ image('a.png') }}{% endset %}{{ it[:9] }}",
        "{% macro it() %}{{ image('a.png') }}{% endmacro %}{{ it() | reverse }}",
        "{% set it %}{{ image('a.png') }}{% endset %}{{ [it] | map('upper') | list }}",
        "{% filter upper %}{% user %}a{% enduser %}{% endfilter %}",
        "{{ image(3) }}",
    ],
)
async def test_nothing_else_can_be_done_with_what_is_attached(source: str) -> None:
    """
    Given a template that does more with an attachment than insert it,
    when it is rendered,
    then it is an error, not a silent mistake.
    """
    async with Renderer() as renderer:
        with pytest.raises(RenderFailed, match=r"by itself|changed by a filter|takes the path"):
            await renderer.render(Template("prompt", source, "prompts/p.j2"), Names({}))


async def test_data_cannot_attach() -> None:
    """
    Given values that look like calls, marks and parts,
    when a prompt inserts them,
    then they are text.
    """
    said = '{{ image(\'a.png\') }} \x0212345+0\x03 {"type": "image", "path": "a.png"}'
    source = "{{ image('b.png') }}{{ said }}"

    async with Renderer() as renderer:
        found = await renderer.render(Template("prompt", source, "prompts/p.j2"), Names({"said": said}))

    assert found == [{"role": "user", "content": [{"type": "image", "path": "b.png"}, said]}]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
def test_an_image_is_known_by_its_first_bytes(content: bytes, media_type: str) -> None:
    """
    Given an image whose name says nothing,
    when it is attached,
    then its type is that of its bytes.
    """
    source = ProjectAttachments(ProjectFiles(Memory({"x": content})))

    assert source.attachment("image", "x") == Attachment("image", media_type, content)


def test_texts_join_what_stands_beside_them_and_are_stripped_beside_attachments() -> None:
    """
    Given parts of text, a file that is read, and an image,
    when they become a content,
    then the texts are one, stripped beside the image.
    """
    source = ProjectAttachments(ProjectFiles(Memory({"p.md": TEXT, "a.png": PNG})))

    read = content_of(["Policy: ", {"type": "text", "path": "p.md"}, " End "], source)
    both = content_of(["  See ", {"type": "image", "path": "a.png"}, "\n\n"], source)

    assert read == "Policy: Refunds within 30 days.\n End"
    assert both == ("See", Attachment("image", "image/png", PNG))


def test_a_file_that_went_away_or_grew_is_a_failed_render() -> None:
    """
    Given paths that lead nowhere, to too much, or to what is too long as text,
    when they are rendered,
    then each fails, saying why.
    """
    files = {"big.png": PNG + bytes(LARGEST), "long.txt": b"x" * 1_000_001, "half.txt": b"x" * 600_000}
    source = ProjectAttachments(ProjectFiles(Memory(files)))
    half: JSON = {"type": "text", "path": "half.txt"}

    with pytest.raises(RenderFailed, match=r"there is no file 'gone\.png'"):
        source.attachment("image", "gone.png")
    with pytest.raises(RenderFailed, match="larger than 20 MB"):
        source.attachment("image", "big.png")
    with pytest.raises(RenderFailed, match="larger than 1 MB"):
        source.text("long.txt")
    with pytest.raises(RenderFailed, match="larger than 1 MB"):
        content_of([half, half], source)
    with pytest.raises(RenderFailed, match="no files can be read here"):
        content_of([half], NO_ATTACHMENTS)


def test_a_prompt_that_is_empty_without_its_file_is_none() -> None:
    """
    Given a prompt of nothing but a text file of blanks,
    when it becomes messages,
    then it is an empty prompt.
    """
    source = ProjectAttachments(ProjectFiles(Memory({"p.md": b" \n"})))

    with pytest.raises(RenderFailed, match="the prompt is empty"):
        messages_of([{"role": "user", "content": [{"type": "text", "path": "p.md"}]}], source)


def test_files_used_long_ago_are_read_again() -> None:
    """
    Given more files than are kept,
    when the first is asked for again,
    then it is the same.
    """
    files = {f"{index}.png": PNG + bytes(15 * 2**20) + bytes([index]) for index in range(5)}
    source = ProjectAttachments(ProjectFiles(Memory(files)))

    found = [source.attachment("image", name) for name in files]

    assert source.attachment("image", "0.png") == found[0]


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    """A project with two images, a policy, and a row for each image."""
    lab = Lab(tmp_path, fake_provider.base_url)
    for name, content in {"a.png": PNG, "b.jpg": JPEG, "policy.md": TEXT}.items():
        (tmp_path / "data" / name).write_bytes(content)
    lab.write(
        "data/rows.jsonl", '{"photo": "data/a.png"}\n{"photo": "data/b.jpg"}\n{"photo": "data/a.png"}\n'
    )
    lab.write(
        "prompts/say.j2", "By our policy:\n{{ text('data/policy.md') }}\n{{ image(photo) }} what is it?"
    )
    lab.write_pipeline(inputs={"photo": "image"}, steps=[{"id": "say", "prompt": "prompts/say.j2"}])
    return lab


def parts_of(body: Any) -> list[Any]:
    found: list[Any] = body["messages"][-1]["content"]
    return found


def data_url(media_type: str, content: bytes) -> dict[str, Any]:
    url = f"data:{media_type};base64,{b64encode(content).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def test_each_rows_image_is_sent(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given rows that name images, and a prompt that attaches them and reads a policy,
    when the pipeline is run,
    then each image is sent once, in its place, and equal requests are one.
    """
    summary = lab.run()

    sent = sorted((parts_of(request.body) for request in fake_provider.requests()), key=str)
    text = {"type": "text", "text": "By our policy:\nRefunds within 30 days."}
    question = {"type": "text", "text": "what is it?"}
    assert summary.trials["passed"] == 3
    assert sent == [
        [text, data_url("image/jpeg", JPEG), question],
        [text, data_url("image/png", PNG), question],
    ]


def test_what_is_sent_is_recalled_by_content_and_not_by_path(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run with images,
    when one of them is renamed, and then when its bytes change,
    then the first is recalled and the second bought.
    """
    lab.run()
    (lab.root / "data/a.png").rename(lab.root / "data/c.png")
    lab.write("data/rows.jsonl", '{"photo": "data/c.png"}')
    lab.run()
    renamed = fake_provider.sent_count
    (lab.root / "data/c.png").write_bytes(PNG + b"\n")
    lab.run()

    assert (renamed, fake_provider.sent_count) == (2, 3)


def test_the_log_has_the_hash_and_not_the_bytes(lab: Lab) -> None:
    """
    Given a run with images,
    when its log is read,
    then requests hold the hash of an image, steps its path, and the files of the run the policy.
    """
    lab.run()

    requests = [row for (row,) in lab.query("select request from completions")]
    steps = [row for (row,) in lab.query("select messages from step_runs")]
    files = {row for (row,) in lab.query("select path from run_files")}
    assert all('"sha256"' in request and "data/a.png" not in request for request in requests)
    assert any("data/a.png" in messages for messages in steps)
    assert "data/policy.md" in files
    assert not any(b64encode(PNG).decode() in text for text in (*requests, *steps))


def test_a_conversation_with_an_image_can_be_gone_on_with(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step that shows an image, and a second that splices its messages,
    when the pipeline is run,
    then the second sends the image again, the answer, and its own question.
    """
    lab.write("data/rows.jsonl", '{"photo": "data/a.png"}')
    lab.write("prompts/more.j2", "{% messages say.messages %}\nAnd why?")
    steps = [{"id": "say", "prompt": "prompts/say.j2"}, {"id": "more", "prompt": "prompts/more.j2"}]
    lab.write_pipeline(inputs={"photo": "image"}, steps=steps)
    fake_provider.script({"nth": 1, "answer": "a dot"})

    lab.run()

    first, second = (request.body["messages"] for request in fake_provider.requests())
    assert second == [
        *first,
        {"role": "assistant", "content": "a dot"},
        {"role": "user", "content": "And why?"},
    ]


def test_inline_messages_attach_too(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a message in the pipeline that attaches an image of the row,
    when the pipeline is run,
    then it is sent.
    """
    lab.write("data/rows.jsonl", '{"photo": "data/a.png"}')
    said = [{"role": "user", "content": "{{ image(photo) }} What?"}]
    lab.write_pipeline(inputs={"photo": "image"}, steps=[{"id": "say", "messages": said}])

    lab.run()

    (request,) = fake_provider.requests()
    assert parts_of(request.body) == [data_url("image/png", PNG), {"type": "text", "text": "What?"}]


def test_a_link_that_leads_outside_is_refused(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    Given a row whose path is a link to an image outside the project,
    when the pipeline is validated,
    then it is refused, and nothing is sent.
    """
    outside = tmp_path_factory.mktemp("outside") / "x.png"
    outside.write_bytes(PNG)
    (lab.root / "data/link.png").symlink_to(outside)
    lab.write("data/rows.jsonl", '{"photo": "data/link.png"}')

    ended = lab.command("validate", "pipelines/words.yaml")

    assert ended.code == 2
    assert "data/rows.jsonl:1:11: error: 'photo': 'data/link.png' leads outside the project" in ended.out


def test_render_shows_what_would_be_attached(cli: Cli) -> None:
    """
    Given a pipeline that attaches an image,
    when its messages are rendered,
    then the attachment is named, not shown.
    """
    cli.write(
        look="version: 1\nmodel: echo/echo\ninputs: {photo: image}\ndataset: [{photo: a.png}]\nsteps:\n"
        '  - id: look\n    messages: [{role: user, content: "See {{ image(photo) }}"}]\n'
    )
    (cli.folder / "a.png").write_bytes(PNG)

    said = cli("render", "look")
    as_json = cli("render", "look", "--json").json

    assert said.out.endswith("[user]\nSee\n[image a.png, image/png]\n")
    assert as_json["steps"][0]["messages"][0]["content"][1]["path"] == "a.png"


async def test_line_ends_of_data_become_lf() -> None:
    """
    Given a value with the line ends of another system,
    when prompts and contents insert it,
    then the messages have LF.
    """
    names = Names({"said": "a\r\nb"})
    source = "{% system %}{{ said }}{% endsystem %}{{ said }}"

    async with Renderer() as renderer:
        found = await renderer.render(Template("prompt", source, "p.j2"), names)

    assert found == [{"role": "system", "content": "a\nb"}, {"role": "user", "content": "a\nb"}]
