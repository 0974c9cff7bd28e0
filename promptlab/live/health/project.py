"""The project: its run log, the embedded model, and the models that its pipelines ask."""

from collections.abc import Iterator
from sqlite3 import Error as SqliteError

from promptlab.core.errors import PromptlabError
from promptlab.engine.providers.embedded import MODELS
from promptlab.engine.providers.overview import problem_of
from promptlab.engine.target import Target
from promptlab.live.health.finding import Finding
from promptlab.live.project_log import log_location, open_log
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.loader.validating import Validation
from promptlab.services.store import Store, store_at


def run_log(project: Project) -> Finding:
    """Check an existing log and whether it can be written; makes none."""
    try:
        store = store_at(log_location(project))
        if not store.exists():
            return _future_log(store)
        with open_log(project, create=False) as log, log.writing() as session:
            fault = store.fault(session)
            session.rollback()
    except (PromptlabError, SqliteError) as error:
        return Finding("run log", "bad", str(error), getattr(error, "hint", None) or "")
    if fault is not None:
        return Finding("run log", "bad", f"{store.name} is damaged: {fault}", "put a backup in its place")
    return Finding("run log", "ok", f"{store.name} is healthy and can be written")


def _future_log(store: Store) -> Finding:
    """Check the place in which the first run will make the log."""
    outlook, advice = store.outlook()
    if advice is not None:
        detail = f"there is none yet, and {outlook}"
        return Finding("run log", "bad", detail, f"{advice}, or name a log by PROMPTLAB_DATABASE_URL")
    return Finding("run log", "ok", f"there is none yet; {outlook}")


def embedded_model(project: Project) -> Finding:
    name = next(iter(MODELS))
    try:
        problem = problem_of(project.targets().provider("local"), name)
    except PromptlabError as error:
        problem = str(error)
    if problem is None:
        return Finding("embedded model", "ok", f"local/{name} is ready")
    return Finding("embedded model", "warn", problem.partition("; ")[0], problem.partition("; ")[2])


def pipelines(project: Project) -> Iterator[Finding]:
    """Load each pipeline, and say for each model that they ask whether it can be asked."""
    asked: dict[str, Target] = {}
    with LoadingMemory() as memory:
        every = list(Validation(project, memory).pipelines())
    for checked in every:
        if checked.problems.errors:
            yield Finding(checked.path, "warn", "has problems", f"promptlab validate {checked.path}")
        cells = checked.loaded.cells if checked.loaded is not None else ()
        steps = (step.target for cell in cells for step in cell.all_steps() if step.target is not None)
        asked.update({target.profile.name: target for step in steps for target in step.line})
    for name, target in asked.items():
        yield Finding(name, "ok" if target.problem is None else "warn", target.problem or "can be asked")
