"""A sample of `make torture`: each kind of trouble at a few of the points where it may come."""

from collections.abc import Iterator

import pytest

from tests.fakes import fake_provider_process
from tests.torture.bench import Bench
from tests.torture.commands import warm_process
from tests.torture.power_cuts import synced_bytes
from tests.torture.troubles import TROUBLES

SEED = 20261123
LONG = {"crash-points", "disk-faults", "random-kills", "check-kills", "crowds", "strangers"}
SAID_BY_STRACE = """\
7 pwrite64(4</p/.promptlab/lab.db-wal>, "\\3"..., 24, 4152) = 24
7 pwrite64(4</p/.promptlab/lab.db-wal>, "a, 1, 2"..., 4096, 4176) = 4096
7 fdatasync(4</p/.promptlab/lab.db-wal>) = 0
7 pwrite64(4</p/.promptlab/lab.db-wal>, "\\3"..., 24, 8272) = 24
7 pwrite64(3</p/.promptlab/lab.db>, "\\3"..., 4096, 90000) = 4096
7 fdatasync(4</p/.promptlab/lab.db-wal> <unfinished ...>) = ?
7 +++ killed by SIGKILL +++
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One warm process and one provider for all of them."""
    folder = tmp_path_factory.mktemp("torture")
    with fake_provider_process(folder) as provider, warm_process(folder) as warm:
        yield Bench(folder, provider, warm, SEED, thorough=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "trouble", [pytest.param(name, marks=pytest.mark.thorough if name in LONG else ()) for name in TROUBLES]
)
def test_trouble_loses_nothing_and_buys_nothing_twice(bench: Bench, trouble: str) -> None:
    """
    Given a project, and trouble of one kind at some of the points where it may come,
    when the work goes on after it,
    then the provider's journal, the log and the report are as they must be.
    """
    findings = list(TROUBLES[trouble](bench))

    faults = [f"{finding.trouble}: {fault}" for finding in findings for fault in finding.faults]
    assert faults == []
    if untried := {finding.untried for finding in findings if finding.untried}:
        pytest.skip(f"not all of this trouble could be made: {'; '.join(sorted(untried))}")
    assert all(finding.tried for finding in findings)


def test_what_had_been_synced_is_read_from_what_strace_saw() -> None:
    """
    Given system calls of a run, of which the last sync did not come about,
    when they are read,
    then the synced part of the WAL ends where the sync before it found it.
    """
    assert synced_bytes(SAID_BY_STRACE) == 4176 + 4096
