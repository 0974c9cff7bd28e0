"""All kinds of trouble, in one table."""

from collections.abc import Callable, Iterator, Mapping

from tests.torture.bench import Bench, Finding
from tests.torture.check_kills import check_kills
from tests.torture.crash_points import crash_points
from tests.torture.crowds import crowds
from tests.torture.disk_faults import disk_faults, small_disks
from tests.torture.locks import locks
from tests.torture.migrations import migrations
from tests.torture.power_cuts import power_cuts
from tests.torture.random_kills import random_kills
from tests.torture.signals import signals
from tests.torture.strangers import strangers
from tests.torture.watch_kills import watch_kills

TROUBLES: Mapping[str, Callable[[Bench], Iterator[Finding]]] = {
    "crash-points": crash_points,
    "power-cuts": power_cuts,
    "random-kills": random_kills,
    "watch-kills": watch_kills,
    "check-kills": check_kills,
    "disk-faults": disk_faults,
    "small-disks": small_disks,
    "locks": locks,
    "crowds": crowds,
    "strangers": strangers,
    "migrations": migrations,
    "signals": signals,
}
