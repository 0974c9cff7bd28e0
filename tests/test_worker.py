"""Project code runs in child processes that can do us no harm."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from promptlab.core.json import JSON
from promptlab.engine.function import Function
from promptlab.engine.worker import Printed, ProjectCodeError, Workers, print_to_stderr
from promptlab.loader.functions import read_function

CODE = """\
import asyncio, ctypes, dataclasses, os, re, sys, time

class Record:
    def model_dump(self): ...

@dataclasses.dataclass
class Point:
    x: int = 1

def same(x): return x
async def wait(x, seconds=0.0):
    await asyncio.sleep(seconds)
    return x
def pid(): return os.getpid()
async def async_pid(seconds=0):
    await asyncio.sleep(seconds)
    return os.getpid()
def sleep(seconds):
    time.sleep(seconds)
    return os.getpid()
def spin():
    while True: pass
async def block():
    await asyncio.sleep(0.1)
    while True: pass
async def stubborn():
    while True:
        try: await asyncio.sleep(60)
        except asyncio.CancelledError: pass
def backtrack(): return re.match("(a+)+$", "a" * 60 + "b")
def leave(): os._exit(3)
async def leave_soon():
    await asyncio.sleep(0.2)
    os._exit(3)
def quit(): sys.exit(4)
async def async_quit(): sys.exit(4)
def segfault(): ctypes.string_at(0)
def hog(): return len(bytearray(5 * 1024**3))
def recurse(): return recurse()
def inner(): raise ValueError("no such thing\\nsecond line")
def fail(): inner()
def fail_oddly():
    class Odd(Exception):
        def __str__(self): raise RuntimeError
    raise Odd
def talk():
    print("out", flush=True); sys.stderr.write("err\\x1b[2J\\n")
    os.write(1, b"raw\\n"); os.system("echo sub")
def flood(): print("x" * 200_000)
def read(): return input()
def environment(): return dict(os.environ)
def folder(): return os.getcwd()
def deep():
    value = []
    for _ in range(100_000): value = [value]
    return value
def cyclic():
    value = []
    value.append(value)
    return value
def make(kind):
    return {
        "set": {"x": {1}}, "bytes": [b""], "nan": {"a": [1.0, float("nan")]}, "inf": float("-inf"),
        "surrogate": "a\\ud800", "key": {1: 2}, "object": object(), "dataclass": Point(), "model": Record(),
        "generator": (i for i in []), "integer": 10**5000, "large": "x" * 11_000_000,
        "tuple": {"t": (1, (2,))}, "coroutine": wait(1), "surrogate_key": {"\\udfff": 1},
    }[kind]
"""


class Lab:
    """A project folder, workers for it, and what was printed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.printed: list[Printed] = []
        self.workers = Workers(root, size=2, on_print=self.printed.append)
        self.write("tools/code.py", CODE)

    def write(self, path: str, source: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(source)

    def function(self, reference: str) -> Function:
        found = read_function(reference, lambda path: (self.root / path).read_bytes())
        assert isinstance(found, Function), found
        return found

    async def call(self, name: str, *, limit: float | None = None, **arguments: JSON) -> JSON:
        return await self.workers.call(self.function(f"tools/code.py:{name}"), arguments, timeout=limit)

    async def error(self, name: str, *, limit: float | None = None, **arguments: JSON) -> ProjectCodeError:
        with pytest.raises(ProjectCodeError) as caught:
            await self.call(name, limit=limit, **arguments)
        return caught.value


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    lab = Lab(tmp_path)
    async with lab.workers:
        yield lab


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return condition()


@pytest.mark.parametrize("name", ["same", "wait"])
async def test_json_goes_in_and_comes_out(lab: Lab, name: str) -> None:
    """
    Given a sync and an async function,
    when it is called with any JSON,
    then that comes back as it was.
    """
    value: JSON = {"text": "é\n\u2028😀", "list": [1, 1.5, True, None, {}], "big": 2**70, "": []}

    assert await lab.call(name, x=value) == value


async def test_a_megabyte_passes_both_ways(lab: Lab) -> None:
    """
    Given a value that fills no pipe at once,
    when it is passed through a child,
    then it comes back whole.
    """
    assert await lab.call("same", x="x" * 9_000_000) == "x" * 9_000_000


async def test_tuples_become_lists(lab: Lab) -> None:
    """
    Given a function that returns tuples,
    when it is called,
    then they are lists.
    """
    assert await lab.call("make", kind="tuple") == {"t": [1, [2]]}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("set", "result['x'] is a set; return a list"),
        ("bytes", "result[0] is a bytes; decode it to a string"),
        ("nan", "result['a'][1] is nan, which JSON does not have; return None or a number"),
        ("inf", "result is -inf, which JSON does not have; return None or a number"),
        ("surrogate", "result has a lone surrogate at index 1; return valid Unicode"),
        ("surrogate_key", "result['\\udfff'] has a lone surrogate at index 0; return valid Unicode"),
        ("key", "result has the key 1, an int; keys must be strings"),
        ("object", "result is an object; return a value that JSON has"),
        ("dataclass", "result is a Point; return dataclasses.asdict(…) of it"),
        ("model", 'result is a Record; return its model_dump(mode="json")'),
        ("generator", "result is a generator; return a list"),
        ("coroutine", "result is a coroutine; await it"),
        ("large", "result is 10.5 MB as JSON; return at most 10 MB"),
        ("integer", "result cannot be written as JSON: Exceeds the limit"),
    ],
)
async def test_what_json_cannot_hold_is_refused(lab: Lab, kind: str, message: str) -> None:
    """
    Given a function that returns something else than JSON,
    when it is called,
    then the error names the place, the type and what to do.
    """
    error = await lab.error("make", kind=kind)

    assert error.kind == "result"
    assert error.message.startswith(message)


@pytest.mark.parametrize("name", ["deep", "cyclic"])
async def test_endless_nesting_is_refused(lab: Lab, name: str) -> None:
    """
    Given a result that is nested without sense,
    when it is returned,
    then it is refused, and the child serves on.
    """
    error = await lab.error(name)

    assert error.message == "result is nested more than 200 levels deep; return a flatter value"
    assert await lab.call("same", x=1) == 1


async def test_arguments_must_be_json_too(lab: Lab) -> None:
    """
    Given an argument that JSON does not have,
    when a function is called with it,
    then that is refused before it is sent.
    """
    error = await lab.error("same", x=[float("inf")])

    assert (error.kind, error.message[:29]) == ("result", "arguments['x'][0] is inf, whi")


async def test_an_exception_is_told_by_the_projects_own_frames(lab: Lab) -> None:
    """
    Given a function whose callee raises,
    when it is called,
    then the message is one line and the traceback has the project's frames alone.
    """
    error = await lab.error("fail")

    lines = CODE.splitlines()
    at = [lines.index(line) + 1 for line in lines if line.startswith(("def fail():", "def inner():"))]
    assert (error.kind, error.message) == ("raised", "ValueError: no such thing")
    assert error.traceback.splitlines() == [
        f"tools/code.py:{at[1]} in fail",
        f"    {lines[at[1] - 1]}",
        f"tools/code.py:{at[0]} in inner",
        f"    {lines[at[0] - 1]}",
        "ValueError: no such thing",
    ]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("quit", "raised", "SystemExit: 4"),
        ("async_quit", "raised", "SystemExit: 4"),
        ("leave", "crashed", "the process that ran tools/code.py:leave exited with code 3"),
        ("segfault", "crashed", "the process that ran tools/code.py:segfault was ended by SIGSEGV"),
        ("hog", "raised", "MemoryError"),
        ("recurse", "raised", "RecursionError: maximum recursion depth exceeded"),
        ("fail_oddly", "raised", "Odd: (its text cannot be made)"),
        ("read", "raised", "EOFError: EOF when reading a line"),
    ],
)
async def test_a_function_cannot_take_us_down(lab: Lab, name: str, kind: str, message: str) -> None:
    """
    Given a function that ends, crashes or exhausts its process,
    when it is called,
    then that is an error of this call, and the next one is answered.
    """
    error = await lab.error(name)

    assert (error.kind, error.message) == (kind, message)
    assert await lab.call("same", x=1) == 1


@pytest.mark.parametrize("name", ["spin", "backtrack", "block", "stubborn"])
async def test_a_call_ends_at_its_time_limit(lab: Lab, name: str) -> None:
    """
    Given a function that never ends, in Python, in C, or in an event loop,
    when it is called with a time limit,
    then the call ends with an error and the next one is answered.
    """
    await lab.call("same", x=1)
    start = time.monotonic()

    error = await lab.error(name, limit=0.2)

    assert (error.kind, error.message) == ("timeout", f"tools/code.py:{name} took longer than 0.2 s")
    assert time.monotonic() - start < 30
    assert await lab.call("same", x=1) == 1


async def test_an_overrun_hurts_no_other_call(lab: Lab) -> None:
    """
    Given async calls in one event loop, one longer than its limit, one that blocks the loop,
    when those two are stopped,
    then all others give their values.
    """
    calls = [lab.call("wait", x=i, seconds=0.4) for i in range(20)]

    *values, slow, blocked = await asyncio.gather(
        *calls, lab.error("wait", limit=0.1, x=1, seconds=60), lab.error("block", limit=0.3)
    )

    assert values == list(range(20))
    assert [error.kind for error in (slow, blocked) if isinstance(error, ProjectCodeError)] == ["timeout"] * 2


async def test_a_crash_is_the_error_of_the_call_that_crashed(lab: Lab) -> None:
    """
    Given async calls in one process, one of which ends it,
    when it does,
    then the others are run again and give their values.
    """
    crash = lab.error("leave_soon")

    error, *values = await asyncio.gather(crash, *(lab.call("wait", x=i, seconds=0.3) for i in range(3)))

    assert isinstance(error, ProjectCodeError)
    assert error.kind == "crashed"
    assert values == [0, 1, 2]


async def test_async_calls_run_concurrently_in_one_warm_child(lab: Lab) -> None:
    """
    Given async functions that wait,
    when many are called at once,
    then they wait together, in one process.
    """
    await lab.call("async_pid")
    start = time.monotonic()

    pids = await asyncio.gather(*(lab.call("async_pid", seconds=0.3) for _ in range(100)))

    assert len(set(pids)) == 1
    assert time.monotonic() - start < 20


async def test_sync_calls_queue_for_a_few_warm_children_in_order(lab: Lab) -> None:
    """
    Given two children at most,
    when 64 sync calls are made at once,
    then two processes answer them, first come first served.
    """
    begun: list[int] = []
    sleep = lab.function("tools/code.py:sleep")

    async def call(number: int) -> JSON:
        return await lab.workers.call(sleep, {"seconds": 0.005}, on_leave=lambda: begun.append(number))

    warm = await asyncio.gather(*(lab.call("sleep", seconds=0.3) for _ in range(2)))

    pids = await asyncio.gather(*(call(i) for i in range(64)))

    assert set(pids) == set(warm)
    assert begun == list(range(64))


async def test_a_cancelled_call_is_stopped_in_its_child(lab: Lab) -> None:
    """
    Given a call that runs,
    when the caller is cancelled,
    then its process is gone, and other calls are answered.
    """
    pid = await lab.call("pid")
    task = asyncio.create_task(lab.call("spin"))
    await asyncio.sleep(0.1)

    task.cancel()

    assert isinstance(pid, int)
    assert await until(lambda: not alive(pid))
    assert await lab.call("same", x=1) == 1


async def test_what_is_printed_comes_before_the_answer_however_late_we_read(lab: Lab) -> None:
    """
    Given an event loop that is slow between hearing of a call's begin and reading of it,
    when a function prints and returns in that time,
    then what it printed is there with its answer.
    """
    lab.write("tools/say.py", "import time\ndef say(): time.sleep(0.03); print('said')")
    loop, answered = asyncio.get_running_loop(), asyncio.Event()

    def dawdle() -> None:
        time.sleep(0.02)
        if not answered.is_set():
            loop.call_soon(dawdle)

    dawdle()
    await lab.workers.call(lab.function("tools/say.py:say"), {})
    answered.set()

    assert [printed.text for printed in lab.printed] == ["said\n"]


async def test_what_is_printed_is_shown_and_breaks_nothing(
    lab: Lab, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    Given a function that prints in every way,
    when it is called,
    then what it printed is handed over with its name, and our own stdout stays clean.
    """
    await lab.call("talk")

    [printed] = lab.printed
    assert printed == Printed("tools/code.py:talk", "out\nerr\x1b[2J\nraw\nsub\n", 0)
    print_to_stderr(printed)
    name = "tools/code.py:talk"
    assert capfd.readouterr() == ("", f"{name}: out\n{name}: err\\x1b[2J\n{name}: raw\n{name}: sub\n")


async def test_a_flood_of_output_is_cut(lab: Lab) -> None:
    """
    Given a function that prints more than 64 KiB,
    when it is called,
    then the first 64 KiB are kept and the rest is counted.
    """
    await lab.call("flood")

    assert (len(lab.printed[0].text), lab.printed[0].dropped) == (65_536, 200_001 - 65_536)


async def test_output_before_a_crash_is_kept(lab: Lab) -> None:
    """
    Given a function that dies of a segmentation fault,
    when it is called,
    then what the interpreter wrote about it is handed over.
    """
    await lab.error("segfault")

    assert "Segmentation fault" in lab.printed[0].text


async def test_project_files_are_imported_from_the_root_and_beside(lab: Lab) -> None:
    """
    Given a file that imports others: by package, relatively, beside it, and one like Python's own,
    when its function is called,
    then each is found and Python's own is not hidden.
    """
    lab.write("json.py", "raise ValueError")
    lab.write("tools/beside.py", "NAME = 'beside'")
    lab.write("tools/near.py", "NAME = 'near'")
    lab.write("lib/__init__.py", "")
    lab.write("lib/far.py", "NAME = __name__")
    imports = "import beside, json\nfrom . import near\nfrom lib.far import NAME\nimport tools.near\n"
    lab.write("tools/uses.py", imports + "def f(): return [beside.NAME, near.NAME, NAME, near is tools.near]")

    value = await lab.workers.call(lab.function("tools/uses.py:f"), {})

    assert value == ["beside", "near", "lib.far", True]


async def test_files_named_like_modules_of_python_can_be_called(lab: Lab) -> None:
    """
    Given functions in files called json.py and my-tools/2.py,
    when they are called,
    then they run.
    """
    lab.write("json.py", "def f(): return 1")
    lab.write("my-tools/2.py", "def f(): return 2")

    assert await lab.workers.call(lab.function("json.py:f"), {}) == 1
    assert await lab.workers.call(lab.function("my-tools/2.py:f"), {}) == 2


async def test_two_functions_of_a_file_share_its_module(lab: Lab) -> None:
    """
    Given two functions of one file with a list between them,
    when one is called, then the other,
    then the second sees what the first left.
    """
    lab.write("tools/two.py", "seen = []\ndef put(x): seen.append(x)\ndef get(): return seen")
    await lab.workers.call(lab.function("tools/two.py:put"), {"x": 1})

    assert await lab.workers.call(lab.function("tools/two.py:get"), {}) == [1]


@pytest.mark.parametrize("edited", ["tools/main.py", "tools/near.py"])
async def test_a_saved_file_is_run_as_it_is_now(lab: Lab, edited: str) -> None:
    """
    Given a function that was called,
    when its file, or one that it imports, is saved at the same size in the same second and it is read again,
    then the new code answers, from a new process.
    """
    lab.write("tools/near.py", "VALUE = 1")
    lab.write("tools/main.py", "import os, tools.near\nFACTOR = 1\n"
              "def f(): return [FACTOR * 10 + tools.near.VALUE, os.getpid()]")  # fmt: skip
    before = await lab.workers.call(lab.function("tools/main.py:f"), {})

    lab.write(edited, (lab.root / edited).read_text().replace("= 1", "= 2"))
    after = await lab.workers.call(lab.function("tools/main.py:f"), {})

    assert isinstance(before, list)
    assert isinstance(after, list)
    assert (before[0], after[0]) == (11, {"tools/main.py": 21, "tools/near.py": 12}[edited])
    assert isinstance(before[1], int)
    assert before[1] != after[1]
    old: int = before[1]
    assert await until(lambda: not alive(old))


@pytest.mark.parametrize("edited", ["tools/main.py", "tools/near.py"])
async def test_a_file_changed_behind_our_back_is_not_run(lab: Lab, edited: str) -> None:
    """
    Given a function that was read,
    when a file of it changes before the first call,
    then the call is an error that says so, and nothing of it has run.
    """
    lab.write("tools/near.py", "")
    lab.write("tools/main.py", "import near\ndef f(): return 1")
    function = lab.function("tools/main.py:f")
    lab.write(edited, "raise SystemExit")

    with pytest.raises(ProjectCodeError) as caught:
        await lab.workers.call(function, {})

    assert caught.value.kind == "import"
    assert caught.value.message == f"file changed since it was loaded: {edited}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nowhere_at_all\ndef f(): ...", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("import sys\nsys.exit('no')\ndef f(): ...", "SystemExit: no"),
        ("def f(): ...\ndel f", "ImportError: tools/bad.py has no function 'f' once it has run"),
    ],
)
async def test_a_file_that_does_not_load_says_why(lab: Lab, source: str, message: str) -> None:
    """
    Given a file that raises when it is run,
    when a function of it is called,
    then the error is one of import.
    """
    lab.write("tools/bad.py", source)

    with pytest.raises(ProjectCodeError) as caught:
        await lab.workers.call(lab.function("tools/bad.py:f"), {})

    assert (caught.value.kind, caught.value.message) == ("import", message)


async def test_keys_are_not_visible_to_project_code(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given keys, tokens and passwords in the environment,
    when a function looks at its environment,
    then it sees the other variables alone, from the project's root.
    """
    secret = [
        "OPENAI_API_KEY",
        "VLLM_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "Github_Token",
    ]
    for name in [*secret, "LAB_PLAIN"]:
        monkeypatch.setenv(name, "value-of-it")

    environment = await lab.call("environment")

    assert isinstance(environment, dict)
    assert [name for name, value in environment.items() if value == "value-of-it"] == ["LAB_PLAIN"]
    assert await lab.call("folder") == str(lab.root.resolve())


async def test_closing_ends_every_child_within_a_second(lab: Lab) -> None:
    """
    Given an idle child and calls in flight, sync and async,
    when the workers are closed,
    then the calls are errors and no process is left.
    """
    pids = [await lab.call("async_pid"), await lab.call("pid")]
    running = [asyncio.create_task(lab.error(name)) for name in ("spin", "stubborn", "spin", "spin")]
    await asyncio.sleep(0.2)
    start = time.monotonic()

    await lab.workers.close()

    assert time.monotonic() - start < 10
    assert not [pid for pid in pids if isinstance(pid, int) and alive(pid)]
    assert {(await task).kind for task in running} == {"crashed"}


@pytest.mark.parametrize("name", ["same", "wait"])
async def test_a_call_is_in_line_until_it_begins_in_a_child(lab: Lab, name: str) -> None:
    """
    Given a sync and an async function,
    when it is called,
    then it is in line at first, and not once it has begun.
    """
    heard: list[str] = []
    function = lab.function(f"tools/code.py:{name}")

    await lab.workers.call(
        function,
        {"x": 1},
        on_line=lambda: heard.append("in line"),
        on_leave=lambda: heard.append("begun"),
    )

    assert heard == ["in line", "begun"]


async def test_a_call_that_is_run_again_is_in_line_again(lab: Lab) -> None:
    """
    Given two calls in one process, one of which ends it,
    when the other is run again,
    then it was in line twice.
    """
    heard: list[str] = []
    crash = lab.error("leave_soon")
    wait = lab.workers.call(
        lab.function("tools/code.py:wait"),
        {"x": 1, "seconds": 0.3},
        on_line=lambda: heard.append("in line"),
        on_leave=lambda: heard.append("begun"),
    )

    await asyncio.gather(crash, wait)

    assert heard == ["in line", "begun"] * 2


PARENT = """
import asyncio, sys
from pathlib import Path
from promptlab.engine.worker import Workers
from promptlab.loader.functions import read_function

root = Path(sys.argv[1])
def function(name):
    return read_function(f"tools/code.py:{name}", lambda path: (root / path).read_bytes())

async def main():
    workers = Workers(root, size=1)
    pids = [await workers.call(function(name), {}) for name in ("pid", "async_pid")]
    running = [asyncio.create_task(workers.call(function(name), {})) for name in sys.argv[2:]]
    await asyncio.sleep(0.2)
    print(*pids, flush=True)
    await asyncio.gather(*running, asyncio.sleep(60))

asyncio.run(main())
"""


@pytest.mark.parametrize("running", [(), ("spin", "stubborn"), ("backtrack", "block")])
async def test_children_die_with_a_killed_parent(lab: Lab, running: tuple[str, ...]) -> None:
    """
    Given a process with children of its own, idle, in a tight loop, or in C code that never yields,
    when it is killed without a chance to clean up,
    then its children end too.
    """
    command = [sys.executable, "-c", PARENT, str(lab.root), *running]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220
        assert parent.stdout
        pids = [int(pid) for pid in (await asyncio.to_thread(parent.stdout.readline)).split()]
        assert len(pids) == 2
        parent.kill()

    assert await until(lambda: not any(map(alive, pids)))


async def test_an_interrupt_of_the_terminal_does_not_reach_the_children(lab: Lab) -> None:
    """
    Given a child of ours,
    when its session and process group are looked at,
    then they are its own, so that Ctrl-C ends nothing that still runs.
    """
    pid = await lab.call("pid")

    assert isinstance(pid, int)
    assert (os.getsid(pid), os.getpgid(pid)) == (pid, pid)


async def test_a_child_killed_while_idle_is_replaced(lab: Lab) -> None:
    """
    Given a warm child,
    when somebody kills it and a function is called at once,
    then the call is answered.
    """
    pid = await lab.call("pid")
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    assert await until(lambda: not alive(pid))
    await asyncio.sleep(0.1)

    assert await lab.call("same", x=1) == 1
