"""Errors that a user can make, or a machine: one clear message, the right exit code, nothing lost."""

from pathlib import Path
from tempfile import gettempdir

import pytest

from promptlab.cli.boundary import _exit_code
from promptlab.cli.crash import without_secrets, write_crash_report
from promptlab.core.errors import StorageError
from tests.cli_kit import ASK, GREEN, Cli
from tests.fakes import FakeProvider, dead_server

KEY = "sk-very-secret-0123456789"
MANY = ASK.replace("  - {word: other}\n", "".join(f"  - {{word: hello{n}}}\n" for n in range(100)))


def test_a_missing_key_is_said_before_anything_is_sent(cli: Cli) -> None:
    """
    Given a pipeline of a vendor and no key,
    when it is run,
    then it exits 2 with the variable to set, and shows no table of nothing.
    """
    cli.write(ask=ASK)

    said = cli("run", "ask")

    assert said.code == 2
    assert "export OPENAI_API_KEY or put it into .env" in said.err
    assert "pass rate" not in said.out


@pytest.mark.parametrize("key", ["", f" {KEY}", f"{KEY}\n", f'"{KEY}"', f"{KEY}\r\nX-Evil: 1"])
def test_a_malformed_key_is_refused_and_not_shown(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, fake_provider: FakeProvider, key: str
) -> None:
    """
    Given a key that cannot be one,
    when a pipeline is run,
    then it exits 2, names the variable, shows no part of the key and sends nothing.
    """
    cli.write(ask=ASK)
    monkeypatch.setenv("OPENAI_BASE_URL", fake_provider.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", key)

    said = cli("run", "ask")

    assert said.code == 2
    assert "malformed key: OPENAI_API_KEY" in said.err
    assert KEY not in said.out + said.err
    assert fake_provider.sent_count == 0


def test_a_wrong_key_is_tried_on_few_rows(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, fake_provider: FakeProvider
) -> None:
    """
    Given 100 rows and a key that the provider does not take,
    when they are run, then run again with the right key,
    then the first ends with 3, one message and few calls; the second sends what was left.
    """
    cli.write(ask=MANY)
    fake_provider.configure(api_key=KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", fake_provider.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-000000")

    refused = cli("run", "ask")
    tried = fake_provider.sent_count
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    again = cli("run", "ask", "--json").json

    assert refused.code == 3
    assert refused.err.count("is closed for this run") == 1
    assert "sk-wrong-key-000000" not in refused.out + refused.err
    assert tried <= 16
    assert again["trials"]["passed"] == 101


def test_an_unknown_model_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, fake_provider: FakeProvider
) -> None:
    """
    Given a provider that does not know the model,
    when a pipeline is run,
    then it exits 3 and names the model.
    """
    cli.write(ask=ASK)
    fake_provider.configure(models=["other"])
    monkeypatch.setenv("OPENAI_BASE_URL", fake_provider.base_url)

    said = cli("run", "ask")

    assert said.code == 3
    assert "stopped: openai/gpt-4o-mini" in said.out


def test_a_server_that_is_not_there_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given an address that nobody listens at,
    when a pipeline is run,
    then it exits 3, names the model, and shows no key.
    """
    cli.write(ask=ASK)

    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    with dead_server() as address:
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        said = cli("run", "ask", "--set", "steps.say.retry.initial=0.01")

    assert said.code == 3
    assert "stopped: openai/gpt-4o-mini" in said.out
    assert KEY not in said.out + said.err


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ('"$0" config >&-', 2, "standard output is closed"),
        ('"$0" report last --format json >/dev/full', 3, "no space left on device"),
        ('"$0" config 2>&-', 0, ""),
        ('set -o pipefail; "$0" runs export last | true', 141, ""),
        ('set -o pipefail; "$0" run green | true', 141, ""),
        ('mkdir gone; cd gone; rmdir ../gone; "$0" config', 2, "the current folder is not there"),
        ('env -u HOME LC_ALL=C PYTHONIOENCODING=ascii "$0" config', 0, ""),
        ('ulimit -n 64; "$0" run green --max-concurrency 1000', 0, "this shell lets few files be open"),
    ],
)
def test_odd_surroundings_are_told_without_a_traceback(
    ran: Cli, script: str, code: int, message: str
) -> None:
    """
    Given closed or full outputs, a folder or home that is gone, few open files, an old encoding,
    when a command runs there,
    then it works, or ends with a message and an exit code that is not 0.
    """
    said = ran.shell(script)

    assert said.code == code
    assert message in said.err
    assert "Traceback" not in said.err
    assert "Exception ignored" not in said.err


def test_a_file_in_the_way_of_the_log_is_named(cli: Cli) -> None:
    """
    Given a file where the log's folder goes,
    when a pipeline is run,
    then it exits 3 and names the path.
    """
    cli.write(green=GREEN)
    (cli.folder / ".promptlab").write_text("")

    said = cli("run", "green")

    assert said.code == 3
    assert ".promptlab/lab.db: the run log cannot be used" in said.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it is a folder"),
        (b"no database " * 20, "it is no SQLite database"),
        (b"SQLite format 3\0" + bytes(200), "belongs to another program"),
    ],
)
@pytest.mark.parametrize("command", [("run", "green"), ("runs", "list"), ("db", "upgrade")])
def test_a_log_that_is_none_is_left_alone(
    cli: Cli, content: bytes | None, message: str, command: tuple[str, ...]
) -> None:
    """
    Given a folder, a text or another program's database where the log should be,
    when a command needs the log,
    then it exits 3, says what is there, and changes no byte.
    """
    cli.write(green=GREEN)
    path = cli.folder / ".promptlab" / "lab.db"
    if content is None:
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_bytes(content)

    said = cli(*command)

    assert said.code == 3
    assert message in said.err
    assert path.is_dir() or path.read_bytes() == content


def test_a_file_that_cannot_grow_ends_the_run(cli: Cli) -> None:
    """
    Given a log on a disk that takes no more (here: a limit on the size of files),
    when a pipeline is run,
    then it exits 3 and names the log; once there is room it runs.
    """
    cli.write(green=GREEN)
    cli("run", "green")

    said = cli.shell('ulimit -f 8; exec "$0" run green --fresh --note "$(printf %060000d 0)"')

    assert said.code == 3
    assert "lab.db" in said.err
    assert "Traceback" not in said.err
    assert cli("run", "green").code == 0


def test_two_runs_at_once_lose_nothing(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given one project without a log,
    when two runs of it start at once,
    then both end well and the log has both with all their trials.
    """
    cli.write(ask=MANY)
    runs = [cli.start("run", "ask", "--fresh", env=fake_provider.environment()) for _ in range(2)]

    outs = [run.communicate(timeout=60) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outs
    assert [run["trials"]["passed"] for run in cli("runs", "list", "--json").json["runs"]] == [101, 101]


def test_a_run_works_without_git(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given no git on the path,
    when a pipeline is run,
    then it runs, and its commit is unknown.
    """
    cli.write(green=GREEN)

    monkeypatch.setenv("PATH", "/nowhere")

    said = cli("run", "green")

    assert said.code == 0
    assert cli("runs", "list", "--json").json["runs"][0]["git_commit"] is None


def test_a_crash_report_has_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Given keys in the environment and in .env,
    when a bug whose message has them is written down,
    then the file has the traceback and none of the keys, for its owner's eyes alone.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MY_TOKEN=abcdef-from-dotenv\n")
    monkeypatch.setenv("WEIRD_KEY", "plainlookingvalue")

    path = write_crash_report(RuntimeError(f"{KEY} plainlookingvalue abcdef-from-dotenv https://u:pw@h/"))

    text = path.read_text()
    path.unlink()
    assert "RuntimeError" in text
    assert not [part for part in (KEY, "plainlookingvalue", "abcdef-from-dotenv", "u:pw") if part in text]
    assert "<WEIRD_KEY>" in without_secrets("plainlookingvalue")


def test_a_bug_is_told_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Given an error that nobody expected,
    when it reaches the boundary,
    then the exit code is 3 and a report is named.
    """
    code = _exit_code(ZeroDivisionError("1/0"))

    err = capsys.readouterr().err
    report = Path(err.split()[-1])
    assert (code, err.count("\n")) == (3, 2)
    assert report.is_relative_to(gettempdir())
    assert "ZeroDivisionError: 1/0" in report.read_text()
    report.unlink()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (SystemExit(4), 4),
        (SystemExit("text"), 1),
        (OSError(28, "No space left on device", "/x"), 3),
        (ExceptionGroup("one", [StorageError("full")]), 3),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    """
    Given an error that is no bug,
    when it reaches the boundary,
    then it becomes its exit code.
    """
    assert _exit_code(error) == code


def test_a_dead_run_is_shown_as_far_as_it_came(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given a run killed in the middle,
    when runs are listed and it is shown,
    then it is interrupted, with the trials that had ended, and what is unknown.
    """
    cli.write(ask=MANY)
    fake_provider.script({"nth": list(range(45, 102)), "fault": "hang"})
    run = cli.start("run", "ask", env=fake_provider.environment())
    fake_provider.wait_for_requests(60)
    run.kill()
    run.communicate(timeout=60)

    listed = cli("runs", "list", "--json").json["runs"][0]
    shown = cli("runs", "show", "last")
    report = cli("report", "last", "--format", "jsonl")

    assert (listed["status"], listed["planned"]) == ("interrupted", 101)
    assert listed["trials"]["passed"] == len(report.objects) > 0
    assert "trials left" in shown.out
    assert "of unknown outcome" in shown.out
    assert listed["spent_usd"] > sum(trial["spent_usd"] for trial in report.objects)
