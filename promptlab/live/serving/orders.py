"""What a run would do that is made of an earlier one's options, before anybody orders it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.live.planning.making import plan_loaded
from promptlab.live.said import changes_said, request_said
from promptlab.live.since import since
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import YAML, Project
from promptlab.schemas.api.starting import RunOrder
from promptlab.schemas.log import RunRecord
from promptlab.schemas.plan import PipelinePlan
from promptlab.services.commands import command_again
from promptlab.services.run_log import RunLog

NOT_AGAIN = (
    "note",
    "as_json",
    "outs",
    "by",
    "fail_exit_code",
)  # of the command that it was, not of its trials


@frozen
class Planned:
    """An order, and what it would do now."""

    order: RunOrder
    plan: PipelinePlan


def order_again(run: RunRecord) -> RunOrder:
    """Give the order of the same run; raises UsageError where a server takes none with its options."""
    path = run.path or run.pipeline
    said: Mapping[str, Any] = {name: value for name, value in run.options.items() if name not in NOT_AGAIN}
    try:
        return RunOrder.model_validate({"pipeline": path, **said}, strict=False)
    except ValidationError:
        hint = f"in a terminal: {command_again(path, run.options, without=NOT_AGAIN)}"
        raise UsageError("this run had options that a page cannot give", hint=hint) from None


def planned(project: Project, order: RunOrder, *, log: RunLog) -> Planned:
    """Say what an order would do; raises InvalidPipeline, UsageError and NothingToRun where a run would."""
    options = order.said()
    is_path = "/" in order.pipeline or order.pipeline.endswith(YAML)
    path = project.pipeline(str(project.root / order.pipeline) if is_path else order.pipeline)
    changes = changes_said(options)
    loaded = load_pipeline(project.files, path, project.targets(), changes)
    request = since(project, [loaded], request_said(options), None, changes)
    return Planned(order, asyncio.run(plan_loaded(project, loaded, request, log=log)))
