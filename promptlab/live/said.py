"""What was said on the command line, as the log keeps it: options by the names of their parameters."""

from collections.abc import Mapping
from typing import Any

from promptlab.live.running import RunRequest
from promptlab.loader.changes import Changes


def changes_said(options: Mapping[str, Any]) -> Changes:
    """Give what the options lay over the files."""
    inputs = options.get("inputs")
    return Changes(
        sets=tuple((path, text) for path, text in options.get("sets") or ()),
        variants=tuple(options.get("variants") or ()),
        repeat=options.get("repeat"),
        inputs=dict(inputs) if inputs else None,
        where=options.get("where"),
    )


def request_said(options: Mapping[str, Any]) -> RunRequest:
    """Give which trials are wanted, and within which bounds."""
    return RunRequest(
        limit=options.get("limit"),
        tags=tuple(options.get("tags") or ()),
        failed=options.get("failed"),
        since=options.get("since"),
        max_concurrency=options.get("max_concurrency"),
        max_cost=options.get("max_cost"),
        fresh=bool(options.get("fresh")),
        mode=options.get("mode") or "live",
        on_unknown=options.get("on_unknown") or "retry",
        python_allowed=not options.get("no_python"),
    )
