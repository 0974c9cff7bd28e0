"""What goes over the pipe to the template process, and what comes back: a JSON frame a line."""

import json
import os
import signal
import sys
from collections.abc import Iterator

from promptlab.core.json import JSON
from promptlab.engine.scope import Names, RenderFailed
from promptlab.engine.templating.vocabulary import RenderErrorKind
from promptlab.schemas.template import Template

PROGRAM = "promptlab.engine.template_process"
KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
TEMPLATES_KEPT = 1000
STARTING_SECONDS = 30.0
PATIENCE = 10  # times the CPU that a render may take

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder().decode


class RenderError(RenderFailed):
    """A template that cannot be rendered: ``line`` counts from 1 in the template called ``template``."""

    def __init__(self, kind: RenderErrorKind, message: str, template: str, line: int = 1) -> None:
        super().__init__(f"{template}:{line}: {message}")
        self.kind = kind
        self.message = message
        self.template = template
        self.line = line


class Introduced:
    """The templates that a process was sent; it is told to forget them where they are too many."""

    def __init__(self, kept: int = TEMPLATES_KEPT) -> None:
        self._kept = kept
        self._keys: set[str] = set()

    def has(self, template: Template) -> bool:
        return template.key in self._keys

    def frames(self, template: Template) -> Iterator[bytes]:
        """Give what must be sent before the template can be rendered."""
        if template.key in self._keys:
            return
        if len(self._keys) >= self._kept:
            self._keys.clear()
            yield b'["forget"]\n'
        self._keys.add(template.key)
        yield _template_frame(template)

    def clear(self) -> None:
        """Note that the process is a new one."""
        self._keys.clear()


def command(memory: int, seconds: float) -> tuple[str, ...]:
    """Give what starts a template process of ``memory`` bytes, and ``seconds`` of CPU a render, at most."""
    return (sys.executable, "-I", "-m", PROGRAM, str(memory), str(seconds))


def patience(seconds: float) -> float:
    """Give the seconds to wait for a render that may take so many of CPU: others may use that, too."""
    return seconds * PATIENCE if hasattr(signal, "setitimer") else seconds


def loss(template: Template, exit_code: int | None, seconds: float) -> RenderError:
    """Say what a template did whose process ended in the middle of it."""
    ran_out_of_time = hasattr(signal, "SIGPROF") and exit_code == -signal.SIGPROF
    return too_slow(seconds, template) if ran_out_of_time else too_large(template)


def environment() -> dict[str, str]:
    """Give the few variables that the process gets to see."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


def render_frame(template: Template, names: Names) -> bytes:
    """Give what is sent: the values whose names are in the template; of the others the names, for errors."""
    words = template.words
    values = {name: value for name, value in names.values.items() if name in words}
    steps = {name: names.steps[name] for name in names.steps if name in words}
    others = [name for name in (*names.values, *names.steps) if name not in words]
    try:
        frame = _encode(["render", template.key, values, steps, others])
    except (TypeError, ValueError) as error:
        raise RenderError("type", f"a value is not JSON: {error}", template.name) from error
    return f"{frame}\n".encode()


def answer(line: bytes) -> JSON:
    """Read the answer to a render; raises RenderError where it is one."""
    status, *said = _decode(line.decode())
    if status != "ok":
        raise RenderError(*said)
    return said[0]  # type: ignore[no-any-return]


def too_slow(seconds: float, template: Template) -> RenderError:
    return RenderError("time", f"the template runs longer than {seconds:g} s", template.name)


def too_large(template: Template) -> RenderError:
    message = "the template ended its process: it needs more memory than it may use"
    return RenderError("limit", message, template.name)


def not_started(reason: str, template: Template) -> RenderError:
    return RenderError("other", f"the template process does not start: {reason}", template.name)


def _template_frame(template: Template) -> bytes:
    frame = ["template", template.key, template.kind, template.source, template.name, dict(template.library)]
    return f"{_encode(frame)}\n".encode()
