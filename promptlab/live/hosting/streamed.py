"""Answers as they arrive, told in pieces that a pipe takes whole."""

from collections import deque
from typing import Any

from promptlab.live.hosting.outlet import Outlet
from promptlab.schemas.events import Event, TextEnded, TextReceived

KIND = "text"
MOST = 250  # characters of a piece: as JSON at most twelve bytes each


class Streamed:
    """Keeps what came until it is told; `text` null: what came of that step before counts no more."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._pieces: deque[dict[str, Any]] = deque()

    def __call__(self, event: Event) -> None:
        match event:
            case TextReceived(_, step, text):
                self._add(step, text)
            case TextEnded(_, step, is_whole) if not is_whole:
                self._pieces.append({"step": step, "text": None})
            case _:
                pass

    def tell_if_heard(self) -> None:
        """Tell as much as there is room for."""
        while self._pieces and self._outlet.tell_if_heard(KIND, lambda: self._pieces[0]):
            self._pieces.popleft()

    def tell(self) -> None:
        """Tell all of it."""
        while self._pieces:
            self._outlet.tell(KIND, **self._pieces.popleft())

    def _add(self, step: str, text: str) -> None:
        last = self._pieces[-1] if self._pieces else None
        if last is not None and last["step"] == step and last["text"] is not None:
            text = self._pieces.pop()["text"] + text
        for start in range(0, len(text), MOST):
            self._pieces.append({"step": step, "text": text[start : start + MOST]})
