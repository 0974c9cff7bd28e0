"""Tells of one step what changed since it was asked before."""

from collections.abc import Iterator

from promptlab.engine.places import place_of
from promptlab.live.explaining.compared import Compared
from promptlab.live.explaining.given import given_changes
from promptlab.live.explaining.requests import request_changes
from promptlab.schemas.explained import Change
from promptlab.schemas.run import StepCall


def causes(one: Compared) -> tuple[Change, ...]:
    """Give what changed; at least one thing."""
    before = one.call_before
    if before is None:
        return (_not_asked(one),)
    if before.fingerprint == one.call.fingerprint:
        return (_lost(one, before),)
    return (*_asked_otherwise(one), *given_changes(one)) or (_in_doubt(one, before),)


def _not_asked(one: Compared) -> Change:
    """Say why there was no such call."""
    if one.before.status == "skipped":
        return Change("skipped")
    if one.before.status == "errored":
        return Change("errored", one.before.error_kind or "")
    return Change("answer", place_of(one.own.step))


def _lost(one: Compared, before: StepCall) -> Change:
    """Say why there is no answer to the same request."""
    if before.completion_id is None:
        return Change("errored", one.before.error_kind or "")
    is_gone = one.asked_before is None or before.completion_id == one.call.completion_id  # ids are given anew
    return Change("pruned") if is_gone else Change("unknown")


def _in_doubt(one: Compared, before: StepCall) -> Change:
    if one.asked_before is None:
        return _lost(one, before)
    return Change("unknown") if one.asked is None else Change("messages")


def _asked_otherwise(one: Compared) -> Iterator[Change]:
    if one.asked is None or one.asked_before is None:
        if None not in (one.own.model, one.before.model) and one.own.model != one.before.model:
            yield Change("model", "model", one.before.model, one.own.model)
        return
    for change in request_changes(one.asked_before, one.asked):
        if change.cause == "schema":
            yield Change("schema", ", ".join(one.files.of_kind("schema")) or "output")
        else:
            yield change
