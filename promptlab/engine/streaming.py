"""Tells each piece of an answer as it comes, to whoever watches the run."""

from collections.abc import Awaitable, Callable

from promptlab.core.frozen import frozen
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import Provider
from promptlab.schemas.events import Emit, TextEnded, TextReceived
from promptlab.schemas.run import TrialKey


@frozen
class Teller:
    """Says whose answer it is: which step of which trial asked for it first."""

    emit: Emit
    trial: TrialKey
    step: str

    def asking(self, provider: Provider) -> Callable[[CompletionRequest], Awaitable[Completion]]:
        """Give a way to ask `provider` that tells."""

        async def ask(request: CompletionRequest) -> Completion:
            is_whole = False
            try:
                completion = await provider.stream(request, self._tell)
                is_whole = True
            finally:
                self.emit(TextEnded(self.trial, self.step, is_whole))
            return completion

        return ask

    def _tell(self, text: str) -> None:
        self.emit(TextReceived(self.trial, self.step, text))
