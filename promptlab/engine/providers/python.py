"""The project's own functions as a provider: what they gave is recorded and recalled like an answer."""

import time
from collections.abc import Mapping

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, compact
from promptlab.engine.call import Call
from promptlab.engine.completion import Completion, Endpoint
from promptlab.engine.function import CallFunction, Function, FunctionError
from promptlab.engine.provider import ModelProfile, Price, ProviderError

PYTHON = Endpoint("python", "python", "python")
FREE = Price(0.0, 0.0)


class FunctionFailed(ProviderError):
    """The function raised, ran too long, died, or gave what is no JSON."""

    kind = "code"


@frozen
class FunctionProvider:
    """One call of one function; `timeout` in seconds. `before`: equal calls that are not to be recalled."""

    function: Function
    arguments: Mapping[str, JSON]
    call: CallFunction
    timeout: float | None = None
    before: int = 0

    @property
    def profile(self) -> ModelProfile:
        name = f"{self.function.path}:{self.function.name}"
        return ModelProfile(endpoint=PYTHON, model=name, price=FREE)

    @property
    def params(self) -> dict[str, JSON]:
        repeated: dict[str, JSON] = {"before": self.before} if self.before else {}
        return {"arguments": dict(self.arguments), "code": self.function.digest, **repeated}

    async def answer(self, call: Call) -> Completion:
        started = time.monotonic()

        def begun() -> None:
            nonlocal started
            started = time.monotonic()
            call.on_leave()
            call.on_sent()

        try:
            value = await self.call(
                self.function, self.arguments, timeout=self.timeout, on_line=call.on_line, on_leave=begun
            )
        except FunctionError as error:
            raise FunctionFailed(str(error)) from error
        latency_ms = (time.monotonic() - started) * 1000
        return Completion(text=compact(value), latency_ms=latency_ms, answered_by=call.request.model)
