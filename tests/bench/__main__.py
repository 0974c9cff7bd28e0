"""`python -m tests.bench [SCENARIO…]`: prints tables; times nothing that a test decides on."""

import argparse
import tempfile
from itertools import count
from pathlib import Path

from tests.bench.scenarios import SCENARIOS, Bench
from tests.fakes import fake_provider_process


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS], help="default: all")
    wanted = parser.parse_args().scenario or list(SCENARIOS)
    with (
        tempfile.TemporaryDirectory() as name,
        fake_provider_process(Path(name), "--journal", "off") as server,
    ):
        bench = Bench(Path(name), server, count())
        for scenario in wanted:
            SCENARIOS[scenario](bench)


if __name__ == "__main__":
    main()
