"""The guard before all routes: it asks each check, and answers in the place of the routes if one refuses."""

from collections.abc import Callable, Sequence

from promptlab.live.serving.asgi import App, Receive, Scope, Send
from promptlab.live.serving.problem import Problem, Refusal

type Check = Callable[[Scope], Problem | None]

POLICY_VIOLATION = 1008


class Guard:
    """Lets a request pass that no check refuses; there are no web sockets."""

    def __init__(self, app: App, *, checks: Sequence[Check], refusal: Refusal) -> None:
        self.app = app
        self.checks = checks
        self.refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        problem = self._problem(scope) if scope["type"] == "http" else None
        answer = self.app if problem is None else self.refusal(scope, problem)
        await answer(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        found = (check(scope) for check in self.checks)
        return next((problem for problem in found if problem is not None), None)
