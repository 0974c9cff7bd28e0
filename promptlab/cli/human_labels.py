"""What people said of a run on the web page, as commands use it."""

from typing import TYPE_CHECKING

import click

from promptlab.core.errors import UsageError
from promptlab.core.words import plural

if TYPE_CHECKING:
    from promptlab.cli.opening import Stored
    from promptlab.loader.labels import Label
    from promptlab.schemas.log import RunRecord
    from promptlab.services.human_labels import HumanLabels

HOW = "`promptlab serve` shows the run: + and - rate an answer"


def human_labels(found: "Stored", run: "RunRecord") -> "HumanLabels":
    """Give what people said of a run; tell of what trials they are of two minds. Raises UsageError."""
    from promptlab.services.human_labels import HumanLabels  # noqa: PLC0415

    labels = HumanLabels(found.session, run)
    if not labels.is_any:
        raise UsageError(f"nobody has rated an answer of run {run.id}", hint=HOW)
    if labels.tied:
        click.echo(f"{plural(labels.tied, 'trial')} without a label: as many thumbs up as down", err=True)
    return labels


def labels_of_run(found: "Stored", run: "RunRecord") -> "list[Label]":
    """Give the labels for a judge to be held beside. Raises UsageError where there is none."""
    labels = human_labels(found, run).labels()
    if not labels:
        raise UsageError(f"no answer of run {run.id} has a label: people are of two minds", hint=HOW)
    return labels
