"""Which recordings nobody needs."""

from collections.abc import Sequence

from promptlab.live.needed import Needed
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings


def stale_fingerprints(project: Project, one: Needed, needs: Sequence[Needed]) -> list[str] | None:
    """Give those of a pipeline; None where that cannot be told yet. `needs`: also of pipelines called so."""
    alike = [other for other in needs if other.pipeline == one.pipeline]
    if not all(other.told_all for other in alike):
        return None
    used = frozenset().union(*(other.used for other in alike))
    there = Recordings(project.files, one.pipeline).fingerprints()
    return [fingerprint for fingerprint in there if fingerprint not in used]
