"""The script: rules that choose, per request, a fault, an answer and a latency."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from .wire import Json, JsonObject, Request

STATUS = "status"


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, which must all hold, and what to do then; README.md explains each key."""

    nth: int | list[int] | None = None
    first: int | None = None
    body: str | None = None
    user: str | None = None
    path: str | None = None

    fault: str | None = None
    status: int | None = None
    retry_after: Json = None
    error: JsonObject = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    at: int | None = None
    ms: float | None = None
    seconds: float = 0.5
    to: str | None = None
    latency_ms: float | None = None
    answer: str | JsonObject | None = None

    def fits(self, request: Request, last_user: str) -> bool:
        """Whether the patterns match; `nth` and `first` count the requests for which they do."""
        return (
            (self.body is None or re.search(self.body, request.text) is not None)
            and (self.user is None or re.search(self.user, last_user) is not None)
            and (self.path is None or re.search(self.path, request.path) is not None)
        )

    def is_due(self, count: int) -> bool:
        """Whether the rule applies to the count-th request that fits it (from 1)."""
        wanted = [self.nth] if isinstance(self.nth, int) else self.nth
        return (wanted is None or count in wanted) and (self.first is None or count <= self.first)


@dataclass(frozen=True, slots=True)
class Choice:
    """For each of the three, the first rule due that speaks of it."""

    fault: Rule | None = None
    answer: str | JsonObject | None = None
    latency_ms: float | None = None


class Script:
    """Rules with their counts."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = rules
        self._counts = [0] * len(rules)

    def choose(self, request: Request, last_user: str) -> Choice:
        if not self._rules:
            return _NOTHING
        due = [rule for index, rule in enumerate(self._rules) if self._is_due(index, request, last_user)]
        return Choice(
            fault=next((rule for rule in due if rule.fault is not None), None),
            answer=next((rule.answer for rule in due if rule.answer is not None), None),
            latency_ms=next((rule.latency_ms for rule in due if rule.latency_ms is not None), None),
        )

    def _is_due(self, index: int, request: Request, last_user: str) -> bool:
        rule = self._rules[index]
        if not rule.fits(request, last_user):
            return False
        self._counts[index] += 1
        return rule.is_due(self._counts[index])


_NOTHING = Choice()
_KEYS = [spec.name for spec in fields(Rule)]


def parse_rules(script: Json, faults: Sequence[str]) -> list[Rule]:
    """Read a script: a rule or a list of rules. Raises ValueError saying where and what."""
    listed = [script] if isinstance(script, dict) else script
    if not isinstance(listed, list):
        raise ValueError("script: a rule (an object) or a list of rules is wanted")  # noqa: TRY004 - bad input, not a bug
    return [_parse_rule(f"script[{index}]", rule, faults) for index, rule in enumerate(listed)]


def _parse_rule(where: str, rule: Json, faults: Sequence[str]) -> Rule:
    if not isinstance(rule, dict):
        raise ValueError(f"{where}: a rule is an object")  # noqa: TRY004 - bad input, not a bug
    for key in rule:
        _known(f"{where}: unknown key", key, _KEYS)
    fault = rule.get("fault") or (STATUS if "status" in rule else None)
    if fault:
        _known(f"{where}.fault: unknown fault", fault, faults)
    if fault == STATUS and not isinstance(rule.get("status"), int):
        raise ValueError(f"{where}.status: a number is wanted")
    for key in ("body", "user", "path"):
        _compile(f"{where}.{key}", rule.get(key))
    return Rule(**(rule | {"fault": fault}))


def _known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = get_close_matches(name, known, 1) or sorted(known)
        raise ValueError(f"{what} {name!r}; did you mean {' '.join(near)}?")


def _compile(where: str, pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"{where}: {error}") from None
