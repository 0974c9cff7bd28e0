"""`python -m tests.torture [TROUBLE…]`: makes trouble of every kind, and prints how each ended."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fakes import fake_provider_process
from tests.torture.bench import Bench, Finding
from tests.torture.commands import warm_process
from tests.torture.troubles import TROUBLES

WIDTH = 64


def main() -> int:
    options = _options()
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - a program
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with fake_provider_process(folder) as provider, warm_process(folder) as warm:
            bench = Bench(folder, provider, warm, options.seed, thorough=not options.quick, full=options.full)
            for trouble in options.trouble or TROUBLES:
                findings += _told(bench, trouble)
    return int(any(finding.faults or finding.untried for finding in findings))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("trouble", nargs="*", choices=[[], *TROUBLES], help="default: all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a sample, as in `make test-all`")
    size.add_argument("--full", action="store_true", help="points that others cover too, and more rounds")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random moments")
    return parser.parse_args()


def _told(bench: Bench, trouble: str) -> list[Finding]:
    findings = []
    bench.begin(trouble)
    started = time.monotonic()
    for finding in TROUBLES[trouble](bench):
        seconds, started = time.monotonic() - started, time.monotonic()
        _tell(finding, seconds)
        findings.append(finding)
    return findings


def _tell(finding: Finding, seconds: float) -> None:
    line = f"{finding.trouble:<{WIDTH}} {finding.tried:>5} tried  {seconds:>6.0f} s  {finding.ended}"
    print(line, *finding.faults, sep="\n    ", flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    sys.exit(main())
