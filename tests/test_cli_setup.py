"""The commands around a project: init, config, models, db, doctor."""

import json
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from promptlab.engine.providers.embedded import MODELS
from promptlab.live.health.machine import network, package
from promptlab.models import REVISION
from tests.cli_kit import ASK, ECHO, GREEN, Cli

KEY = "sk-very-secret-0123456789"


class Installed(Distribution):
    """A package of this name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read_text(self, filename: str) -> str | None:
        return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: 1\n" if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_what_init_writes_runs_at_once(cli: Cli) -> None:
    """
    Given an empty folder,
    when init writes a project into a new one, and its pipeline is run there,
    then the next steps are shown, all is valid, the run is green, and no secret would be committed.
    """
    said = cli("init", "mine")
    validated = cli("--project", "mine", "validate")
    ran = cli("--project", "mine", "run", "reply", "--json")

    assert (said.code, said.out) == (0, "")
    assert "cd mine" in said.err
    assert "promptlab run reply" in said.err
    assert "1 file, 0 problems" in validated.err
    assert ran.code == 0
    assert ran.json["trials"]["passed"] == 6
    assert set(ran.json["cells"]) == {"plain", "friendly"}
    assert (cli.folder / "mine" / ".gitignore").read_text() == ".env\n"


@pytest.mark.parametrize("there", ["promptlab.yaml", "data/questions.jsonl"])
def test_init_overwrites_nothing(cli: Cli, there: str) -> None:
    """
    Given a folder with one of the files,
    when init is to write there,
    then it exits 2, names the file, and writes none.
    """
    (cli.folder / there).parent.mkdir(exist_ok=True)
    (cli.folder / there).write_text("mine\n")

    said = cli("init")

    assert said.code == 2
    assert there in said.err
    assert [path.read_text() for path in cli.folder.rglob("*") if path.is_file()] == ["mine\n"]


@pytest.mark.parametrize(("ignored", "times_told"), [("*.pyc\n", 1), ("*.pyc\n/.env\n", 0)])
def test_init_keeps_the_gitignore_of_a_repository(cli: Cli, ignored: str, times_told: int) -> None:
    """
    Given a repository with a .gitignore, as almost all have,
    when init writes a project into it,
    then that file stays as it is, and it is told if keys would be committed.
    """
    (cli.folder / ".gitignore").write_text(ignored)

    said = cli("init")

    assert said.code == 0
    assert "wrote 5 files" in said.err
    assert said.err.count("add .env to .gitignore") == times_told
    assert (cli.folder / ".gitignore").read_text() == ignored


def test_init_says_where_it_cannot_write(cli: Cli) -> None:
    """
    Given a file where a folder is needed,
    when init is to write below it,
    then it exits 2 and names it.
    """
    (cli.folder / "pipelines").write_text("")

    said = cli("init")

    assert said.code == 2
    assert "pipelines/reply.yaml" in said.err


def test_config_says_where_each_value_comes_from(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given settings in a file, .env and the environment, keys among them,
    when they are printed, for people and as JSON,
    then each has its origin, and no key its value.
    """
    (cli.folder / "promptlab.yaml").write_text(
        "version: 1\nmodel: echo/echo\nproviders:\n"
        '  mine: {base_url: "http://127.0.0.1:1/v1", api_key: "${MINE_KEY}"}\n'
    )
    (cli.folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\nMINE_KEY={KEY}\n")
    monkeypatch.setenv("PROMPTLAB_MODEL", "openai/gpt-4o-mini")

    text, as_json = cli("config").out, cli("config", "--json")

    settings = {line["name"]: (line["value"], line["origin"]) for line in as_json.json["settings"]}
    assert settings["model"] == ("openai/gpt-4o-mini", "PROMPTLAB_MODEL (environment)")
    assert settings["providers.mine.api_key"] == ("${MINE_KEY}", "promptlab.yaml")
    assert settings["OPENAI_API_KEY"] == ("***", ".env")
    assert settings["limits.cost_usd"] == (None, "default")
    assert KEY not in text + as_json.out


def test_models_are_listed_without_their_keys(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given one vendor's key, none of another's, and a provider of the project with a price,
    when models are listed,
    then it says which can be asked and whose price is known, and shows no key.
    """
    (cli.folder / "promptlab.yaml").write_text(
        'version: 1\nproviders: {mine: {base_url: "http://127.0.0.1:1/v1"}}\n'
        "prices: {mine/*: {input: 1, output: 2}}\n"
    )
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PROMPTLAB_CACHE_DIR", str(cli.folder / "cache"))

    text, as_json = cli("models", "list").out, cli("models", "list", "--json")

    facts = {fact["name"]: fact for fact in as_json.json["providers"]}
    assert [facts[name]["key_is_set"] for name in ("openai", "anthropic")] == [True, False]
    assert [facts[name]["problem"] for name in ("openai", "mine", "echo")] == [None, None, None]
    assert "ANTHROPIC_API_KEY" in facts["anthropic"]["problem"]
    assert "promptlab models pull" in facts["local"]["problem"]
    prices = [facts[name]["prices"] for name in ("openai", "mine", "vllm", "echo")]
    assert prices == ["built in", "promptlab.yaml", "unknown", "free"]
    assert KEY not in text + as_json.out


@pytest.mark.parametrize("name", [(), ("smollm2-135m",), ("local/smollm2-135m",)])
def test_pulling_what_is_there_is_quiet(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: tuple[str, ...]
) -> None:
    """
    Given the weights in the cache,
    when they are pulled,
    then nothing is said.
    """
    monkeypatch.setenv("PROMPTLAB_CACHE_DIR", str(cli.folder))
    model = MODELS["smollm2-135m"]
    model.path.parent.mkdir()
    with model.path.open("wb") as file:
        file.truncate(model.size)

    said = cli("models", "pull", *name)

    assert (said.code, said.out, said.err) == (0, "", "")


def test_db_tells_the_revision_and_makes_the_log(cli: Cli) -> None:
    """
    Given a project that never ran,
    when the log's revision is asked for, the log upgraded, and asked for again,
    then first there is none and none is made, then it is the newest.
    """
    cli.write(echo=ECHO)

    before = cli("db", "current")
    was_made = (cli.folder / ".promptlab" / "lab.db").exists()
    upgraded = cli("db", "upgrade")
    after = cli("db", "current", "--json")

    assert (before.code, before.out, was_made) == (0, "", False)
    assert f"from nothing to {REVISION}" in upgraded.err
    assert after.json == {"schema_version": 1, "revision": REVISION, "newest": REVISION}
    assert f"at the newest revision, {REVISION}" in cli("db", "upgrade").err


def test_doctor_finds_nothing_in_a_healthy_project(cli: Cli) -> None:
    """
    Given a project that ran,
    when doctor looks,
    then nothing is bad, the log is healthy and the model of its pipeline can be asked.
    """
    cli.write(green=GREEN)
    cli("run", "green")

    said, as_json = cli("doctor"), cli("doctor", "--json")

    found = {finding["name"]: finding["status"] for finding in as_json.json["findings"]}
    assert said.code == as_json.code == 0
    assert [found[name] for name in ("python", "templates", "run log", "echo/echo")] == ["ok"] * 4
    assert "✓ run log:" in said.out
    assert "✗" not in said.out


def test_doctor_says_what_keeps_promptlab_from_working(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a damaged log, a missing key, a broken pipeline and a proxy with a password that is no address,
    when doctor looks,
    then it exits 3 for the log, warns of the rest with advice, and shows no password.
    """
    cli.write(ask=ASK, broken="version: 1\nstepz: []\n")
    (cli.folder / ".promptlab").mkdir()
    (cli.folder / ".promptlab" / "lab.db").write_text("this is no database, but a text that is long enough")
    monkeypatch.setenv("HTTPS_PROXY", "user:hunter22@proxy:1")

    said, as_json = cli("doctor"), cli("doctor", "--json")

    found = {finding["name"]: finding for finding in as_json.json["findings"]}
    assert said.code == 3
    assert found["run log"]["status"] == "bad"
    assert found["network"]["status"] == found["pipelines/broken.yaml"]["status"] == "warn"
    assert found["pipelines/broken.yaml"]["advice"] == "promptlab validate pipelines/broken.yaml"
    assert "OPENAI_API_KEY" in found["openai/gpt-4o-mini"]["detail"]
    assert "hunter22" not in json.dumps(as_json.json) + said.out


def test_doctor_sees_that_no_run_log_can_be_made(cli: Cli) -> None:
    """
    Given a project that never ran, where a file stands in the place of the run log's folder,
    when doctor looks,
    then that is bad, with what to do.
    """
    cli.write(green=GREEN)
    (cli.folder / ".promptlab").write_text("")

    said = cli("doctor", "--json")

    found = {finding["name"]: finding for finding in said.json["findings"]}
    assert said.code == 3
    assert found["run log"]["status"] == "bad"
    assert f"{cli.folder / '.promptlab'} is no folder that can be written" in found["run log"]["detail"]


def test_doctor_reports_a_settings_file_that_does_not_load(cli: Cli) -> None:
    """
    Given a promptlab.yaml with an unknown key,
    when doctor looks,
    then it says so among its findings and exits 3.
    """
    (cli.folder / "promptlab.yaml").write_text("version: 1\nmodle: x\n")

    said = cli("doctor", "--json")

    assert said.code == 3
    assert said.json["findings"][-1]["name"] == "project"


@pytest.mark.parametrize("name", ["promptlab", "llm-prompt-lab", "promptlab-cli", "Promptlab_CLI"])
def test_doctor_knows_the_packages_that_install_the_same_folder(name: str) -> None:
    """
    Given another package that installs `promptlab/`,
    when the installed packages are looked at,
    then that is bad, with the command that mends it.
    """
    collision = package([Installed("promptlab-pipelines"), Installed(name)])
    alone = package([Installed("promptlab-pipelines")])

    assert (collision.status, alone.status) == ("bad", "ok")
    assert "pip uninstall" in collision.advice


def test_doctor_knows_a_missing_certificate() -> None:
    """
    Given a variable that names a file of certificates that is not there,
    when the network's settings are looked at,
    then the variable is named.
    """
    found = network({"SSL_CERT_FILE": "/nowhere/cert.pem"})

    assert (found.status, found.advice) == ("warn", "unset SSL_CERT_FILE")
