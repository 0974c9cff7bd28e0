"""Pipelines in tests: `pipeline("support_triage").run(ticket="…")`; see docs/pytest.md for the pytest plugin.

>>> from promptlab.testing import pipeline
>>> result = pipeline("support_triage").run(ticket="Where is my parcel?")  # doctest: +SKIP
>>> assert result.passed, str(result)  # doctest: +SKIP
"""

from promptlab.testing.pipelines import Pipeline, pipeline
from promptlab.testing.results import NotRecorded, Result

__all__ = ["GateWarning", "NotRecorded", "Pipeline", "Result", "pipeline"]


class GateWarning(UserWarning):
    """A gate is inconclusive, or failed with `severity: warn`; made an error it fails its item."""
