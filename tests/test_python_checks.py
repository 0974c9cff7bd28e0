"""Functions of the project as checks: what goes in and out of their process, and how long they may take."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.core.json import JSON
from promptlab.engine.check_reading import read_check
from promptlab.engine.function import Function
from promptlab.engine.judging import judge
from promptlab.engine.ruling import named
from promptlab.engine.worker import Workers
from promptlab.loader.functions import read_function
from promptlab.schemas.run import Verdict
from tests.judged import Resolver, evidence, step

CODE = """
import time
def odd(output): return {"passed": output == "a\\ud800", "reason": output}
def wordy(output): return {"passed": False, "reason": "why " * 100_000}
def raises(output): raise ValueError("no " * 100_000)
def traced(steps): return steps["step"]["trace"]["attempts"] == 0
def sleeps(output): time.sleep(60)
"""


@pytest.fixture
def functions(tmp_path: Path) -> dict[str, Function]:
    (tmp_path / "checks.py").write_text(CODE)
    names = [
        line.removeprefix("def ").partition("(")[0] for line in CODE.splitlines() if line.startswith("def ")
    ]
    found = {
        f"checks.py:{name}": read_function(f"checks.py:{name}", lambda _: CODE.encode()) for name in names
    }
    return {reference: one for reference, one in found.items() if isinstance(one, Function)}


async def said_by(root: Path, functions: dict[str, Function], sources: Sequence[JSON]) -> tuple[Verdict, ...]:
    checks = named([read_check(source, {"resolver": Resolver(functions)}) for source in sources])
    async with Workers(root) as workers:
        return await judge(
            checks, step="step", evidence=replace(evidence(step("a\ud800")), call=workers.call)
        )


async def test_what_a_function_says_is_kept_within_reason(
    tmp_path: Path, functions: dict[str, Function]
) -> None:
    """
    Given an answer with a lone surrogate, and functions that repeat it, talk much, raise, and see traces,
    when they judge,
    then the surrogate is no error, and each reason is at most 1,000 characters.
    """
    sources: list[JSON] = [{"python": f"checks.py:{name}"} for name in ("odd", "wordy", "raises", "traced")]

    found = await said_by(tmp_path, functions, sources)

    assert [one.status for one in found] == ["passed", "failed", "errored", "passed"]
    assert found[0].reason == "a\ud800"
    assert [len(one.reason) for one in found[1:3]] == [1000, 1000]


async def test_a_function_is_ended_at_the_timeout_of_its_check(
    tmp_path: Path, functions: dict[str, Function]
) -> None:
    """
    Given a function that takes a minute, in a check with a `timeout`, beside another check,
    when they judge,
    then the first is errored at its timeout, and the other has its verdict.
    """
    slow: JSON = {"type": "python", "value": "checks.py:sleeps", "timeout": 0.2}

    found = await said_by(tmp_path, functions, [slow, {"python": "checks.py:traced"}])

    assert [one.status for one in found] == ["errored", "passed"]
    assert found[0].reason == "checks.py:sleeps took longer than 0.2 s"
