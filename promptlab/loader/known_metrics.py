"""Which metrics a pipeline has, by the names that gates and formulas use."""

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.check import Check
from promptlab.engine.metrics.classification import Classification
from promptlab.engine.metrics.python import PythonMetric
from promptlab.engine.metrics.select_best import SelectBest
from promptlab.engine.step import Step
from promptlab.loader.defaults import words_of_step
from promptlab.schemas.metrics import BUILT_IN_METRICS, CLASS_PARTS, FLAKY_RATE, PASS_POWER, PERCENTILE
from promptlab.schemas.pipeline import PipelineSpec

LATENCY = "latency_ms"
OUTPUT = re.compile(r"\s*\{\{-?\s*([^\W\d]\w*)\.output((?:\.\w+)*)\s*-?\}\}\s*")

type Classes = frozenset[str] | None


@slotted
class KnownMetrics(AbstractSet[str]):
    """A set of names that also has those made by a rule: percentiles, `pass^k`, what is below a metric.

    Going over it gives those that can be listed. `by_check`: what checks say by `metric:`; `classes`: of
    classifications, None where any may come; `open`: metrics of python, which may give a map.
    """

    by_check: frozenset[str] = frozenset()
    classes: dict[str, Classes] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    single: set[str] = field(default_factory=set)
    repeats: int = 1

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return name in self._listed() or self._is_by_rule(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed())

    def __len__(self) -> int:
        return len(self._listed())

    def _listed(self) -> frozenset[str]:
        listed = self.by_check | {*BUILT_IN_METRICS, *self.classes, *self.open, *self.single}
        for name, classes in self.classes.items():
            listed |= {f"{name}.accuracy", f"{name}.macro_f1"}
            listed |= {f"{name}.{one}.{part}" for one in classes or () for part in CLASS_PARTS}
        return listed | {f"pass^{self.repeats}", FLAKY_RATE} if self.repeats > 1 else listed

    def _is_by_rule(self, name: str) -> bool:
        percentile, power = PERCENTILE.fullmatch(name), PASS_POWER.fullmatch(name)
        if percentile is not None and percentile[1] in {LATENCY, *self.by_check}:
            return True
        if power is not None:
            return self.repeats > 1 and int(power[1]) <= self.repeats
        above, _, below = name.partition(".")
        if above in self.open:
            return bool(below)
        return self.classes.get(above, frozenset()) is None and self._is_of_class(below)

    @staticmethod
    def _is_of_class(below: str) -> bool:
        of, _, part = below.rpartition(".")
        return bool(of) and part in CLASS_PARTS

    def add(self, metric: object, steps: Mapping[str, Step]) -> None:
        """Add a metric of the pipeline."""
        match metric:
            case Classification():
                known = _classes(metric, steps)
                before = self.classes.get(metric.name, frozenset())
                self.classes[metric.name] = None if known is None or before is None else known | before
            case PythonMetric(name=name):
                self.open.add(name)
            case SelectBest(name=name):
                self.single |= {name, f"{name}.disagreement"}
            case _:
                self.single.add(metric.name)  # type: ignore[attr-defined]


def _classes(metric: Classification, steps: Mapping[str, Step]) -> Classes:
    """Give the classes that can come, where the output of a step is one of some words."""
    source = metric.classification.actual.source
    found = OUTPUT.fullmatch(source) if isinstance(source, str) else None
    if found is None or found[1] not in steps:
        return None
    words = words_of_step(steps[found[1]], tuple(found[2].split(".")[1:]))
    return None if words is None else frozenset(words)


def known_metrics(specs: Iterable[PipelineSpec]) -> KnownMetrics:
    """Give what gates may ask for in the cells of a pipeline."""
    specs = list(specs)
    own = {check.metric for spec in specs for check in _all_checks(spec) if check.metric is not None}
    known = KnownMetrics(frozenset(own), repeats=max((spec.repeat.count for spec in specs), default=1))
    for spec in specs:
        for metric in spec.metrics:
            known.add(metric, {step.id: step for step in spec.steps})
    return known


def _all_checks(spec: PipelineSpec) -> Iterator[Check]:
    yield from spec.checks
    for step in spec.steps:
        yield from _checks_of(step)


def _checks_of(step: Step) -> Iterator[Check]:
    """Give the checks of a step, and of all inside it."""
    yield from step.checks
    yield from step.inner_checks
    for inner in step.inner:
        yield from _checks_of(inner)
