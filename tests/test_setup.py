"""Lock and requirements agree, the wheel is whole, a Python is found, an interrupted set-up resumes."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.wheel_kit import build_wheel, copy_sources

ROOT = Path(__file__).parent.parent
WAIT = 200  # s
SH = shutil.which("sh") or "/bin/sh"
GROUPS = {"demo": {"main", "build"}, "all": {"main", "build", "dev"}}
RELEVANT_TO_POETRY = ("dependencies", "source", "extras", "dev-dependencies", "group")
ADDRESS = re.compile(
    r"https?://\S*(?:/simple\b|pythonhosted)|^\s*--?(?:extra-)?(?:index-url|find-links)\b|\[\[?(?:tool\.poetry\.|package\.)source",
    re.MULTILINE,
)

type Pins = dict[tuple[str, str], set[str]]


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


# --- the lock and what is exported from it


def test_the_lock_is_that_of_pyproject() -> None:
    """
    Given pyproject.toml,
    when its dependencies are hashed as Poetry hashes them,
    then poetry.lock was made from the same (if not: `make lock`).
    """
    pyproject = read_toml("pyproject.toml")
    project = {
        key: pyproject["project"][key] for key in ("requires-python", "dependencies", "optional-dependencies")
    }
    poetry = {key: value for key, value in pyproject["tool"]["poetry"].items() if key in RELEVANT_TO_POETRY}
    relevant = {
        "project": project,
        "dependency-groups": pyproject["dependency-groups"],
        "tool": {"poetry": poetry},
    }

    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    assert read_toml("poetry.lock")["metadata"]["content-hash"] == digest


@pytest.mark.parametrize("profile", GROUPS)
def test_the_requirements_are_those_of_the_lock(profile: str) -> None:
    """
    Given poetry.lock,
    when its packages of the profile's groups are listed with every platform's hashes,
    then the exported requirements pin the same (if not: `make requirements`).
    """
    exported = pins_of((ROOT / f"requirements-{profile}.txt").read_text())

    locked = {
        (package["name"], package["version"]): {file["hash"] for file in package["files"]}
        for package in read_toml("poetry.lock")["package"]
        if is_wanted(package, profile)
    }

    assert exported == locked


def is_wanted(package: Mapping[str, Any], profile: str) -> bool:
    extras = set(re.findall(r'extra == "([^"]+)"', str(package.get("markers", ""))))
    chosen = profile == "all" or not extras or "local" in extras
    return chosen and bool(GROUPS[profile] & set(package["groups"]))


def pins_of(text: str) -> Pins:
    pins: Pins = {}
    for pin in text.replace("\\\n", " ").splitlines():
        name, version = pin.split()[0].split("==")
        pins[re.sub(r"\[.*]", "", name), version] = set(re.findall(r"sha256:\w+", pin))
    return pins


@pytest.mark.parametrize("profile", GROUPS)
def test_a_set_up_needs_nothing_that_is_not_pinned(profile: str) -> None:
    """
    Given the exported requirements,
    when the embedded model's server and the build backend are looked up,
    then the first is asked for only where it has wheels, the second everywhere.
    """
    pinned = {
        line.partition("==")[0]: line
        for line in (ROOT / f"requirements-{profile}.txt").read_text().splitlines()
    }

    assert 'platform_machine == "x86_64"' in pinned["xllamacpp"]
    assert "sys_platform" not in pinned["poetry-core"]


def test_every_locked_package_has_wheels() -> None:
    """
    Given poetry.lock,
    when the files of each package are read,
    then none has to be built from source.
    """
    unbuilt = [
        package["name"]
        for package in read_toml("poetry.lock")["package"]
        if not any(file["file"].endswith(".whl") for file in package["files"])
    ]

    assert unbuilt == []


def test_no_committed_file_names_a_package_index() -> None:
    """
    Given the files under version control,
    when they are searched,
    then none says where packages are to be fetched: that is the user's choice.
    """
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name and name != "tests/test_setup.py"]

    naming = [
        str(path) for path in paths if path.is_file() and ADDRESS.search(path.read_text(errors="replace"))
    ]

    assert naming == []


# --- what is built


@pytest.mark.slow
def test_the_wheel_holds_migrations_and_data_files(tmp_path: Path) -> None:
    """
    Given a copy of the sources,
    when the wheel is built as installers do,
    then the migrations and the schema for editors lie inside the package, with every module and data file.
    """
    copy_sources(tmp_path)
    expected = {name.as_posix() for name in sources_in(tmp_path)}

    wheel = build_wheel(tmp_path)

    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected
    assert "promptlab/py.typed" in held


def sources_in(folder: Path) -> Iterator[Path]:
    for top in ("promptlab", "migrations", "docs"):
        inside = Path("promptlab") / top if top != "promptlab" else Path(top)
        for path in (folder / top).rglob("*"):
            if path.is_file():
                yield inside / path.relative_to(folder / top)


# --- which Python is taken

GOOD = f'#!{SH}\nexec "{sys.executable}" "$@"\n'
SHIM = f"#!{SH}\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n"
NOT_CPYTHON = "sys.implementation = type(sys.implementation)(name='pypy')"
OLD = "sys.version_info = (3, 9, 18)"
NO_VENV = "sys.modules['ensurepip'] = None"


def pretending(change: str) -> str:
    """A Python that is another than it is: it runs what it is given after a change of itself."""
    program = f"import sys; {change}; exec(sys.argv.pop())"
    return f'#!{SH}\nexec "{sys.executable}" -c "{program}" "$@"\n'


def put(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def find_python(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    alone = {"HOME": str(home), "PATH": str(home / "bin"), "FIND_PYTHON_SYSTEM": str(home / "system")}
    command = [SH, str(ROOT / "scripts" / "find-python.sh")]
    return subprocess.run(command, env=alone | environment, capture_output=True, text=True, check=False)


def is_python(path: str) -> bool:
    return Path(path).resolve() == Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@pytest.mark.parametrize(
    "place",
    [
        "bin/python3.12",
        "bin/python3",
        "system/python3.13",
        ".pyenv/versions/3.12.1/bin/python",
        ".local/share/uv/python/cpython-3.12.1-linux/bin/python3.12",
        ".asdf/installs/python/3.12.1/bin/python",
        ".local/share/mise/installs/python/3.12/bin/python3",
    ],
)
def test_a_python_is_found_behind_failing_shims(tmp_path: Path, place: str) -> None:
    """
    Given a shim that fails, a Python that is too old and, somewhere, a good one,
    when a Python is looked for,
    then the good one is taken, by its real path.
    """
    put(tmp_path / "bin" / "python3.13", SHIM)
    put(tmp_path / "bin" / "python", pretending(OLD))
    put(tmp_path / place, GOOD)

    found = find_python(tmp_path)

    assert is_python(found.stdout.strip()), found.stderr


def test_without_a_usable_python_every_candidate_is_listed_with_its_reason(tmp_path: Path) -> None:
    """
    Given candidates that fail, are too old, are no CPython, or cannot make environments,
    when a Python is looked for,
    then none is taken, each is listed with the reason, and what to install is said.
    """
    put(tmp_path / "bin" / "python3.12", SHIM)
    put(tmp_path / "bin" / "python3", pretending(OLD))
    put(tmp_path / ".pyenv" / "versions" / "pypy3" / "bin" / "python", pretending(NOT_CPYTHON))
    put(tmp_path / "system" / "python3.12", pretending(NO_VENV))

    found = find_python(tmp_path)

    assert (found.returncode, found.stdout) == (1, "")
    assert reasons_in(found.stderr) == {
        "bin/python3.12": "does not run (exit code 127): pyenv: python3.12: command not found",
        "bin/python3": "is Python 3.9.18, older than 3.12",
        ".pyenv/versions/pypy3/bin/python": "is pypy, but the packages are built for CPython",
        "system/python3.12": "is Python {}.{}.{}, but lacks the module ensurepip "
        "(on Debian and Ubuntu: apt install python{}.{}-venv)".format(
            *sys.version_info[:3], *sys.version_info[:2]
        ),
    }
    assert "apt install python3.12" in found.stderr
    assert "make demo PYTHON=/path/to/python3.12" in found.stderr


def reasons_in(text: str) -> dict[str, str]:
    """Map the listed candidates, less the folder they lie in, to their reasons."""
    pairs = re.findall(r"^  /\S*?/test_\w+/(\S+)\n      (.*)$", text, re.MULTILINE)
    return dict(pairs)


def test_without_any_python_the_message_says_so(tmp_path: Path) -> None:
    """
    Given a machine that has no Python,
    when one is looked for,
    then the message says so, and what to install.
    """
    found = find_python(tmp_path)

    assert found.returncode == 1
    assert "there is no Python at all" in found.stderr


def test_a_given_python_is_the_only_candidate(tmp_path: Path) -> None:
    """
    Given a good Python on PATH,
    when PYTHON names one that is too old,
    then that one is refused with the reason and no other is taken.
    """
    put(tmp_path / "bin" / "python3", GOOD)
    old = put(tmp_path / "old", pretending(OLD))

    found = find_python(tmp_path, PYTHON=str(old))

    assert (found.returncode, found.stdout) == (1, "")
    assert f"PYTHON={old} is refused: it is Python 3.9.18, older than 3.12" in found.stderr


# --- a set-up that is interrupted

BACKEND = """
import shutil
def build_editable(folder, settings=None, metadata=None):
    shutil.copy("project-1-py3-none-any.whl", folder)
    return "project-1-py3-none-any.whl"
"""
PYPROJECT = """
[project]
name = "project"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def write_wheel(folder: Path, name: str) -> str:
    """Write the smallest wheel that pip takes and return its hash."""
    path, info = folder / f"{name}-1-py3-none-any.whl", f"{name}-1.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project with our scripts, whose one requirement lies in its folder `wheels`."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "wheels").mkdir()
    digest = write_wheel(tmp_path / "wheels", "needed")
    for profile in GROUPS:
        (tmp_path / f"requirements-{profile}.txt").write_text(f"needed==1 \\\n    --hash=sha256:{digest}\n")
    write_wheel(tmp_path, "project")
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def start_set_up(checkout: Path) -> subprocess.Popen[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(checkout),
        "PYTHON": sys.executable,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(checkout / "wheels"),
    }
    command = [SH, str(checkout / "scripts" / "setup.sh"), "demo"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def set_up(checkout: Path) -> tuple[int, str]:
    with start_set_up(checkout) as process:
        said = process.communicate()[1]
    return process.returncode, re.sub(r"\d+\.\d s", "T s", said)


def imports(checkout: Path, *modules: str) -> bool:
    command = [str(checkout / ".venv" / "bin" / "python"), "-I", "-c", f"import {', '.join(modules)}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.thorough
def test_a_set_up_that_was_killed_is_made_whole_by_the_next(checkout: Path) -> None:
    """
    Given a set-up that was killed while it installed packages,
    when it is started again, and once more,
    then the environment is made anew and whole, and the last start finds nothing to do.
    """
    with start_set_up(checkout) as killed:
        wait_for(checkout / ".venv" / "promptlab-setup.json")
        killed.kill()

    again, once_more = set_up(checkout), set_up(checkout)

    assert again[0] == 0
    assert ".venv     is made again with" in again[1]
    assert "packages  1 from requirements-demo.txt … T s\nproject   promptlab itself … T s\n" in again[1]
    assert imports(checkout, "needed", "project")
    assert once_more == (0, "")


def wait_for(path: Path) -> None:
    end = time.monotonic() + WAIT
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.01)


@pytest.mark.thorough
def test_a_step_that_fails_is_named_with_the_end_of_its_log(checkout: Path) -> None:
    """
    Given a .venv that is broken and a requirement that is nowhere to be had,
    when the set-up runs, and again when the requirement can be had,
    then the first names the step, shows its log and says what to do, and the second is whole.
    """
    put(checkout / ".venv" / "bin" / "python", SHIM)
    wheel = checkout / "wheels" / "needed-1-py3-none-any.whl"
    hidden = wheel.rename(checkout / "hidden")

    failed = set_up(checkout)
    hidden.rename(wheel)
    again = set_up(checkout)

    assert failed[0] == 1
    assert "the step `packages` failed" in failed[1]
    assert "No matching distribution found for needed==1" in failed[1]
    assert "`make demo` again" in failed[1]
    assert again[0] == 0
    assert imports(checkout, "needed", "project")
