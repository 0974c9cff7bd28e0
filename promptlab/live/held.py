"""What the gates of a run are held against, where that is not the pipeline's alone to say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from promptlab.analysis.regression import Base
from promptlab.core.frozen import frozen
from promptlab.schemas.gate import BASELINE, Gate, OtherVariant
from promptlab.schemas.report import GateResult


@frozen(kw_only=True)
class Held:
    """`gates`: those that are judged, None: the pipeline's own. `bases`: by what their `against` says.

    `added`: what a gate is against that the pipeline does not have; it decides only where it can.
    `strict`: a gate that cannot tell is one that failed.
    """

    gates: tuple[Gate, ...] | None = None
    bases: Mapping[str, Base] = field(default_factory=dict)
    added: str | None = None
    strict: bool = False

    def refs(self) -> list[str]:
        """Give the commits that gates are against, as they are called."""
        return list(dict.fromkeys(refs_of(self.gates or ())))

    def deciding(self, results: Sequence[GateResult]) -> list[GateResult]:
        """Give the results that decide on a run."""
        return [self._told(one) for one in results if not self._is_mute(one)]

    def _is_mute(self, result: GateResult) -> bool:
        is_added = self.added is not None and result.against == self.added
        return is_added and result.status == "inconclusive" and not self.strict

    def _told(self, result: GateResult) -> GateResult:
        return replace(result, status="failed") if self.strict and result.status == "inconclusive" else result


NOTHING_HELD = Held()


def held(gates: Sequence[Gate], against: str | None, *, strict: bool) -> Held:
    """Give how a pipeline with these gates is held against a commit, if any; the bases are still to come.

    `against` stands in for the commits that gates name; where none does, a gate is added: no drop of the
    pass rate.
    """
    if against is None:
        return Held(gates=tuple(gates), strict=strict)
    moved = [_moved(gate, against) for gate in gates]
    if any(True for _ in refs_of(gates)):
        return Held(gates=tuple(moved), strict=strict)
    added = Gate(metric="pass_rate", against=against)
    return Held(gates=(*moved, added), added=against, strict=strict)


def refs_of(gates: Iterable[Gate]) -> Iterator[str]:
    """Give what gates against a commit call it."""
    return (gate.against for gate in gates if isinstance(gate.against, str) and gate.against != BASELINE)


def _moved(gate: Gate, against: str) -> Gate:
    is_ref = gate.against is not None and not isinstance(gate.against, OtherVariant)
    return gate.model_copy(update={"against": against}) if is_ref and gate.against != BASELINE else gate
