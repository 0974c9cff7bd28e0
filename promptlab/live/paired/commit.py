"""A commit and the working tree, compared in a process of its own, which guards the network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from promptlab.core.errors import CannotGoOn, NotFound, UsageError
from promptlab.core.frozen import frozen
from promptlab.live.hosting.errors import error_of
from promptlab.live.hosting.process import NOT_ITS_OWN
from promptlab.live.paired.stored import Kept
from promptlab.schemas.api.compare import ComparisonAnswer, PairQuery
from promptlab.services.git import base_of

PROGRAM = (sys.executable, "-I", "-X", "utf8", "-m", "promptlab.live.paired.commit_child")
SECONDS = 60


@frozen
class CommitComparison:
    """Tells of a pipeline what `compare REF --no-python` does: from recordings and the log alone."""

    root: str
    ref: str
    query: PairQuery
    kept: Kept

    def whole(self) -> ComparisonAnswer:
        """Raises NotFound for what is no commit, Conflict where no row has its answers at both sides."""
        try:
            base_of(Path(self.root), self.ref)
        except UsageError as error:
            raise NotFound(f"there is no run '{self.ref}', and {error.message}", hint=error.hint) from None
        with self.kept.room_for_process():
            told = self._told()
        if "error" in told:
            raise error_of(told)
        return ComparisonAnswer.model_validate(told["answer"])

    def _told(self) -> dict[str, Any]:
        order = {"root": self.root, "ref": self.ref, "query": self.query.model_dump(exclude={"a"})}
        environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
        try:
            done = subprocess.run(
                PROGRAM,
                input=json.dumps(order).encode(),
                stdout=subprocess.PIPE,
                cwd=self.root,
                env=environment,
                timeout=SECONDS,
                check=False,
            )
            told: dict[str, Any] = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            hint = "`promptlab compare` takes its time"
            raise CannotGoOn(f"the comparison took longer than {SECONDS} s", hint=hint) from None
        except (OSError, ValueError):
            raise CannotGoOn(
                "the process of a comparison failed", hint="the server's terminal may say why"
            ) from None
        return told
