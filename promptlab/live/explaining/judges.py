"""Tells why models that judge were asked: what of the question changed since the same check asked before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import batched

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text, canonical
from promptlab.engine.check import Check
from promptlab.engine.judged import JudgedCheck
from promptlab.engine.places import by_place, place_of
from promptlab.engine.plan import Cell
from promptlab.engine.ruling import named
from promptlab.live.explaining.files import FilesChanged
from promptlab.live.explaining.requests import request_changes
from promptlab.schemas.explained import Change, Explained
from promptlab.schemas.run import StepCall
from promptlab.services.earlier_steps import Earlier
from promptlab.services.judge_history import JudgeHistory, LoggedJudging
from promptlab.services.logged_step import Asked, PeerStep
from promptlab.services.step_history import StepHistory

AT_ONCE = 64
SEEN_BESIDE = frozenset(("query", "context"))  # columns that judges see without a check's naming them


def explain_judges(
    judges: JudgeHistory, history: StepHistory, cells: Sequence[Cell], *, fresh: bool
) -> Iterator[Explained]:
    """Say of each check of each trial of which a call left why it did; `fresh`: the run recalled nothing."""
    by_name = {cell.name: cell for cell in cells}
    for found in judges.sent():
        earlier = None if fresh else judges.before(found)
        for some in batched(found, AT_ONCE):
            if earlier is None:
                yield from (_told(one, (Change("fresh"),)) for one in some)
            else:
                yield from _Batch(judges, history, by_name, some, earlier).explained()


def _told(one: LoggedJudging, changes: tuple[Change, ...], against: str | None = None) -> Explained:
    return Explained(trial=one.trial, step=one.at, check=one.check, changes=changes, against=against)


class _Batch:
    """Some checks that asked, with all that the log has on them and on what they asked before."""

    def __init__(
        self,
        judges: JudgeHistory,
        history: StepHistory,
        cells: Mapping[str, Cell],
        own: Sequence[LoggedJudging],
        earlier: Earlier,
    ) -> None:
        self._own, self._earlier, self._history, self._cells = own, earlier, history, cells
        at = judges.at([earlier.found[one.place] for one in own if one.place in earlier.found])
        self._before = {one.place: at[earlier.found[one.place]] for one in own if one.place in earlier.found}
        both = [*own, *at.values()]
        self._peers = history.trials({one.place[0] for one in both})
        self._rows = judges.columns({one.row_digest for one in both})
        calls = (call for one in both for call in one.calls)
        self._requests = history.requests({call.completion_id for call in calls if call.completion_id})

    def explained(self) -> Iterator[Explained]:
        for one in self._own:
            before = self._before.get(one.place)
            if before is None:
                new = self._earlier.novelty(one)
                yield _told(one, (Change("new", "check" if new == "step" else new),))
            else:
                yield _told(one, self._changes(one, before), before.run_id)

    def _changes(self, one: LoggedJudging, before: LoggedJudging) -> tuple[Change, ...]:
        call = one.first_sent
        if call is None:
            raise AssertionError("only checks of which a call left are explained")
        known = {each.fingerprint: each for each in before.calls}
        if call.fingerprint in known:
            return (self._lost(call, known[call.fingerprint]),)
        own = {each.fingerprint for each in one.calls}
        others = [each for each in before.calls if each.fingerprint not in own]
        if not others:
            return (Change("new", "vote"),)
        judging = _Judging(
            own=one,
            before=before,
            check=self._check(one),
            asked=self._request(call),
            asked_before=self._request(others[0]),
            files=FilesChanged(self._history.files(before.run_id), self._history.files(one.run_id)),
            peers=self._peers.get(one.place[0], {}),
            peers_before=self._peers.get(before.place[0], {}),
            columns=self._rows.get(one.row_digest, {}),
            columns_before=self._rows.get(before.row_digest, {}),
        )
        return tuple(judging.changes())

    def _lost(self, call: StepCall, before: StepCall) -> Change:
        if before.completion_id is None:
            return Change("errored")
        is_gone = self._request(before) is None or before.completion_id == call.completion_id
        return Change("pruned" if is_gone else "unknown")

    def _request(self, call: StepCall) -> Asked | None:
        found = self._requests.get(call.completion_id or 0)
        return found if found is not None and found.fingerprint == call.fingerprint else None

    def _check(self, one: LoggedJudging) -> Check | None:
        """Give the check as it is planned; None for one of a row, or of a pipeline that a step calls."""
        cell = self._cells[one.trial.cell]
        planned = None if one.at is None else by_place(cell.steps).get(place_of(one.at))
        checks = cell.checks if one.at is None else planned.step.checks if planned is not None else ()
        return dict(named(checks)).get(one.check)


@frozen(kw_only=True)
class _Judging:
    """A check that asked beside its run before: `asked`, `asked_before` None where no answer tells them."""

    own: LoggedJudging
    before: LoggedJudging
    check: Check | None
    asked: Asked | None
    asked_before: Asked | None
    files: FilesChanged
    peers: Mapping[str, PeerStep]
    peers_before: Mapping[str, PeerStep]
    columns: Mapping[str, JSON]
    columns_before: Mapping[str, JSON]

    def changes(self) -> Sequence[Change]:
        """Give what changed; at least one thing."""
        if self.asked is None or self.asked_before is None:
            return list(self._question()) or [Change("unknown" if self.asked is None else "pruned")]
        found = [
            replace(change, what="judge") if (change.cause, change.what) == ("model", "model") else change
            for change in request_changes(self.asked_before, self.asked)
        ]
        if self.asked.given != self.asked_before.given:
            found += list(self._question()) or [Change("messages")]
        return found or [Change("new", "vote")]

    def _question(self) -> Iterator[Change]:
        """Give what made the messages others: the answer, the check's own texts, its prompt, the row."""
        yield from self._judged()
        judging = list(_judging(self.check))
        texts = [name for one in judging for name in self._texts(one)]
        templates = self.files.named([one.prompt.path for one in judging])
        names = self._row(judging)
        if texts:
            yield Change("check", ", ".join(dict.fromkeys(texts)))
        if templates:
            yield Change("template", ", ".join(templates))
        if names:
            yield Change("row", ", ".join(names))
        if not (texts or templates or names or self._is_judged_anew()):
            yield from self._files()

    def _files(self) -> Iterator[Change]:
        included = self.files.of_kind("include")
        if included:
            yield Change("include", ", ".join(included))
        elif self.files.of_kind("pipeline"):
            yield Change("check", "texts")

    def _is_judged_anew(self) -> bool:
        return any(True for _ in self._judged())

    def _judged(self) -> Iterator[Change]:
        """Give the answer that is judged, where it is not what it was."""
        of = self.check.of if self.check is not None else None
        if self.own.at is None and of in (None, "outputs"):
            if self.own.outputs != self.before.outputs:
                yield Change("outputs")
            return
        at = self.own.at or ""
        path = at if of is None else f"{at.rpartition('.')[0]}.{of}".removeprefix(".")
        own, before = self.peers.get(path), self.peers_before.get(path)
        if own is not None and (before is None or own.ended != before.ended):
            yield Change("answer", place_of(path))

    def _texts(self, check: JudgedCheck) -> Iterator[str]:
        """Give the options whose text is in the question now and was not before."""
        now, then = _said(self.asked), _said(self.asked_before)
        for name, value in check.own_values().items():
            parts = value.source if isinstance(value.source, list) else [value.source]
            texts = [as_text(part).strip() for part in parts if part is not None]
            if not value.holes and any(text in now and text not in then for text in texts):
                yield name

    def _row(self, judging: Sequence[JudgedCheck]) -> list[str]:
        """Give the columns that changed, of those that the check names."""
        if self.own.row_digest == self.before.row_digest:
            return []
        written = canonical([one.source for check in judging for _, one in check.templates()])
        both = {**self.columns, **self.columns_before}
        changed = [name for name in both if self.columns.get(name) != self.columns_before.get(name)]
        return [name for name in changed if name in SEEN_BESIDE or name in written]


def _judging(check: Check | None) -> Iterator[JudgedCheck]:
    """Give a check that asks, or those inside a group."""
    if isinstance(check, JudgedCheck):
        yield check
    inner = getattr(check, "value", None)
    for one in inner if isinstance(inner, tuple) else ():
        if isinstance(one, Check):
            yield from _judging(one)


def _said(asked: Asked | None) -> str:
    return "" if asked is None else "\n".join(as_text(message["content"]) for message in asked.given)
