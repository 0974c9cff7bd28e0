"""Prompts in which the system alone speaks, which some models do not take."""

from typing import TYPE_CHECKING, cast

from promptlab.engine.plan import Cell, PlannedStep
from promptlab.loader.links import Links
from promptlab.loader.scope import Objection
from promptlab.loader.template_places import Site, TemplatePlaces

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.messages import MessagesStep
    from promptlab.engine.steps.prompt import PromptStep

HINT = "have the user say what the model is to answer: text outside of the role tags, or {% user %}"


def check_turns(cell: Cell, links: Links, places: TemplatePlaces) -> None:
    """Report each such prompt of a cell with the first of its models that must be told more."""
    for path, planned in cell.paths():
        line = planned.target.line if planned.target is not None else ()
        for target in [one for one in line if one.profile.needs_turn][:1]:
            message = f"{target.profile.name} takes no prompt in which the system alone speaks"
            _check(path, planned, Objection(message, "no-turn", HINT), links, places)


def _check(
    path: str, planned: PlannedStep, objection: Objection, links: Links, places: TemplatePlaces
) -> None:
    if planned.step.key == "prompt":
        site = Site(cast("PromptStep", planned.step).prompt.template)
        if (tag := places.analysis(site).system) is not None:
            places.object_to(site, tag, objection)
    elif planned.step.key == "messages":
        said = cast("MessagesStep", planned.step).messages
        if all(message.role == "system" for message in said):
            document, place = links.sites[path]
            at = (*place, "messages", 0, "role")
            document.report(places.problems, at, objection.message, code=objection.code, hint=objection.hint)
