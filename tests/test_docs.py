"""The documents say what is so: their code runs, their commands exist, their references lead somewhere."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.shell_completion import split_arg_string
from pydantic import BaseModel
from sybil import Example, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from promptlab.cli.app import app
from promptlab.core.config import Ceilings, PriceSettings, ProviderSettings, SettingsFile
from promptlab.engine.catalog import CHECKS, STEPS
from promptlab.engine.check import Check
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.prompt import FrontMatter
from promptlab.engine.providers.presets import PRESETS
from promptlab.engine.step import Step
from promptlab.engine.steps.http import HttpOptions
from promptlab.reports import REPORTS
from promptlab.schemas.dataset import INPUT_TYPES
from promptlab.schemas.gate import Gate
from promptlab.schemas.metrics import BUILT_IN_METRICS
from promptlab.schemas.pipeline import (
    DatasetEntry,
    InputEntry,
    Limits,
    Params,
    PipelineSpec,
    RetryPolicy,
)
from tests.cli_kit import Cli, Said
from tests.markdown import DOCUMENTS, ROOT, Block, Document, blocks

GUIDES = [name for name in DOCUMENTS if "/adr/" not in name]
LANGUAGE = Document("docs/language.md")
BASE = "pipelines/support_triage.yaml"


# --- code


def python_examples() -> list[Example]:
    sybil = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()])
    return [example for name in GUIDES for example in sybil.parse(ROOT / name).examples()]


@pytest.mark.parametrize(
    "example", python_examples(), ids=lambda example: f"{Path(example.path).name}:{example.line}"
)
def test_the_python_in_the_documents_runs(examples: Cli, example: Example) -> None:
    """
    Given a block of Python in a document,
    when it is run in a project with the examples,
    then it raises nothing.
    """
    assert (examples.folder / BASE).exists()

    example.evaluate()


def yaml_blocks() -> list[Block]:
    return [block for block in blocks("yaml") if not str(block).startswith("docs/checks/")]  # run elsewhere


@pytest.mark.parametrize("block", yaml_blocks(), ids=str)
def test_the_yaml_in_the_documents_is_valid(examples: Cli, block: Block) -> None:
    """
    Given a block of YAML: a pipeline, some of its keys, or settings,
    when it is validated beside the examples, the keys laid over one of them,
    then nothing is wrong.
    """
    said = yaml.safe_load(block.text)
    is_settings = "providers" in said
    path = "promptlab.yaml" if is_settings else "pipelines/shown.yaml"
    whole = is_settings or "steps" in said
    laid = block.text if whole else yaml.safe_dump({**yaml.safe_load((ROOT / BASE).read_text()), **said})
    (examples.folder / path).write_text(laid)

    found = examples("validate", path)

    assert found.code == 0, found.out


@pytest.mark.parametrize("block", blocks("jinja"), ids=str)
def test_the_templates_in_the_documents_are_valid(examples: Cli, block: Block) -> None:
    """
    Given a template in a document,
    when it is validated as the prompt of an example,
    then nothing is wrong.
    """
    (examples.folder / "prompts" / "classify_zero_shot.j2").write_text(block.text)

    found = examples("validate", "prompts/classify_zero_shot.j2")

    assert found.code == 0, found.out


# --- commands


def console_commands() -> Iterator[tuple[str, list[str]]]:
    for block in blocks("console"):
        for words in block.commands():
            yield f"{block}: {' '.join(words)}", words


def commands_of(program: str) -> list[Any]:
    return [pytest.param(words, id=name) for name, words in console_commands() if words[0] == program]


def found_command(words: Sequence[str]) -> tuple[click.Command | None, list[str]]:
    """Give the command that words name, and the words left for it."""
    command: click.Command | None = app
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command = command.get_command(click.Context(command), rest.pop(0))
    return command, rest


@pytest.mark.parametrize("words", commands_of("promptlab"))
def test_the_commands_in_the_documents_exist(words: list[str]) -> None:
    """
    Given a command line of promptlab in a document,
    when its words are read as that command's,
    then the command takes them.
    """
    command, rest = found_command(words[1:])

    assert command is not None
    command.make_context(words[1], rest)


@pytest.mark.parametrize("words", commands_of("make"))
def test_the_goals_of_make_in_the_documents_exist(words: list[str]) -> None:
    """
    Given a command line of make in a document,
    when the Makefile is read,
    then it has the goals, and uses the variables.
    """
    makefile = (ROOT / "Makefile").read_text()
    scripts = makefile + "".join(path.read_text() for path in (ROOT / "scripts").iterdir() if path.is_file())

    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        assert (
            f"$({name})" in scripts or f"{{{name}:-" in scripts if is_variable else f"\n{name}:" in makefile
        )


def mentions() -> list[tuple[str, str]]:
    return [(name, code) for name in GUIDES for code in Document(name).inline_code()]


def test_the_commands_that_sentences_mention_exist() -> None:
    """
    Given inline code of the form `promptlab …` or `run …`, and options such as `--limit`,
    when it is looked up,
    then there is such a command, and it has such options.
    """
    known = {option for command in all_commands(app) for option in options_of(command)}
    missing = []

    for name, code in mentions():
        words = split_arg_string(code)
        if words[0] == "promptlab" or (words[0] in app.list_commands(click.Context(app)) and len(words) > 1):
            command, rest = found_command(words[words[0] == "promptlab" :])
            has = set() if command is None else options_of(command)
            unknown = [word for word in rest if word.startswith("--") and word not in has]
            missing += [f"{name}: {code}"] if command is None or unknown else []
        elif words[0].startswith("--") and words[0] not in known:
            missing.append(f"{name}: {code}")

    assert missing == []


def all_commands(group: click.Group) -> Iterator[click.Command]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from all_commands(command)
        else:
            yield command


def options_of(command: click.Command) -> set[str]:
    return {option for param in command.params for option in param.opts} | {"--help"}


def test_the_tour_can_be_taken(examples: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a fresh copy of the examples,
    when the offline commands of the README's tour are run, one after the other, as they stand,
    then each ends with 0, and the last run asks only for what was edited.
    """
    ended = [taken(examples, monkeypatch, words) for words in tour()]

    assert [said.code for said in ended] == [0] * len(ended), [said.err for said in ended]
    assert len(ended) > 10
    assert "6 passed · 3 calls, 3 recalled" in ended[-1].out


def tour() -> Iterator[list[str]]:
    for block in Document("README.md").blocks():
        for words in block.commands() if block.language == "console" else ():
            if words[0] in ("cd", "sed", "promptlab") and "--model" not in words:
                yield words


def taken(cli: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> Said:
    """Run a command line as a shell does; promptlab and cd in this process."""
    program, *rest = words
    if program == "cd":
        monkeypatch.chdir(rest[0])
        return Said(0, "", "")
    if program == "promptlab":
        return cli(*(word for pattern in rest for word in matching(pattern)))
    return Said(subprocess.run(words, check=False).returncode, "", "")


def matching(pattern: str) -> list[str]:
    found = sorted(str(path) for path in Path().glob(pattern)) if "*" in pattern else []
    return found or [pattern]


# --- references


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """
    Given the links of a document to files and headings,
    when they are followed,
    then there is something.
    """
    broken = [link for link in Document(name).links() if not leads_somewhere(name, link)]

    assert broken == []


def leads_somewhere(name: str, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = os.path.normpath(Path(name).parent / path) if path else name
    if not (ROOT / target).exists():
        return False
    return not anchor or anchor in Document(str(target)).anchors()


def test_the_guide_for_contributors_names_the_right_files() -> None:
    """
    Given the tables that the guide names with their files,
    when the files are read,
    then the tables are there.
    """
    named = re.findall(r"`([A-Z]+)` in\s+\[`([\w/.]+)`]\(([\w/.]+)\)", Document("CONTRIBUTING.md").text)

    assert [table for table, *_ in named] == ["CHECKS", "METRICS", "STEPS", "PROVIDERS", "REPORTS"]
    for table, shown, path in named:
        assert shown == path
        assert f"\n{table}:" in (ROOT / path).read_text()


@pytest.mark.parametrize("name", GUIDES)
def test_the_files_that_sentences_name_exist(name: str) -> None:
    """
    Given paths in inline code that begin with a folder of the repository,
    when they are looked for,
    then they are there.
    """
    folders = ("promptlab/", "tests/", "docs/", "pipelines/", "prompts/", "data/", "tools/", "scripts/")
    paths = {code for code in Document(name).inline_code() if code.startswith(folders)}

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/adr/*.md")), ids=lambda path: path.stem)
def test_a_decision_has_its_three_sections(path: Path) -> None:
    """
    Given a decision,
    when its paragraphs are read,
    then they are context, decision and consequence, in order, under a numbered title.
    """
    text = path.read_text()

    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequence"]
    assert text.startswith(f"# {int(path.stem[:4])}. ")


def test_the_changelog_has_what_is_not_released_yet() -> None:
    """
    Given the changelog,
    when its second-level headings are read,
    then the first is what is not released yet, with something below it.
    """
    first = re.split(r"^## ", Document("CHANGELOG.md").text, flags=re.MULTILINE)[1]

    assert first.startswith("Unreleased\n\n### Added\n\n- ")


# --- the reference is whole

MODELS: list[type[BaseModel]] = [
    PipelineSpec,
    InputEntry,
    DatasetEntry,
    Params,
    RetryPolicy,
    Limits,
    Gate,
    FrontMatter,
    Step,
    CompletionStep,
    HttpOptions,
    Check,
    SettingsFile,
    ProviderSettings,
    PriceSettings,
    Ceilings,
]
WORDS = {
    "steps": STEPS.names(),
    "checks": CHECKS.names(),
    "presets": tuple(PRESETS),
    "input types": INPUT_TYPES,
    "reports": REPORTS.names(),
    "metrics": BUILT_IN_METRICS,
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_reference_names_every_key(model: type[BaseModel]) -> None:
    """
    Given what a file may say at one place,
    when its keys are looked for in the reference,
    then each stands there as code.
    """
    keys = {field.alias or name for name, field in model.model_fields.items()}

    assert keys - words_in_code() == set()


@pytest.mark.parametrize("kinds", WORDS)
def test_the_reference_names_every_kind(kinds: str) -> None:
    """
    Given the kinds that a table of ours holds,
    when they are looked for in the reference,
    then each stands there as code.
    """
    assert set(WORDS[kinds]) - words_in_code() == set()


def words_in_code() -> set[str]:
    """All words that stand in code of the language reference."""
    code = [*LANGUAGE.inline_code(), *(block.text for block in LANGUAGE.blocks())]
    return {word for text in code for word in re.findall(r"[A-Za-z_][\w.-]*", text)}


def test_the_help_of_each_command_has_an_example_that_it_takes() -> None:
    """
    Given each command,
    when the example in its help is read as its words,
    then it takes them.
    """
    for command in all_commands(app):
        example = (command.epilog or "").partition("promptlab ")[2].partition(" > ")[0]
        words = split_arg_string(example.strip('")'))

        named, rest = found_command(words)

        assert named is command
        named.make_context(words[0], rest)
