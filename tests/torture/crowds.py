"""Many processes at once on one project."""

from collections import Counter
from collections.abc import Iterator

from tests.torture.bench import Bench, Finding
from tests.torture.judge import Judge
from tests.torture.place import Place

PROCESSES = 8
ROWS = 40
SHARED = 19  # rows that all of them run


def crowds(bench: Bench) -> Iterator[Finding]:
    """Run eight at once, of rows that overlap, a few times over."""
    for trouble, is_new in (
        ("8 runs at once, on a log with answers", False),
        ("8 runs at once, on no log", True),
    ):
        rounds = bench.some(3, 1, fully=10)
        faults = [fault for _ in range(rounds) for fault in _played(bench, is_new=is_new)]
        yield Finding(trouble, rounds, tuple(faults))


def _played(bench: Bench, *, is_new: bool) -> Iterator[str]:
    place = bench.place(rows=ROWS)
    bench.provider.configure(latency_ms=5, jitter_ms=20)
    if not is_new:
        place.say("run", "words", "--limit", "5")
    before = place.recorded()
    limits = [SHARED + 3 * number for number in range(PROCESSES)]
    commands = [place.start("run", "words", "--limit", str(limit)) for limit in limits]
    for limit, command in zip(limits, commands, strict=True):
        end = command.end()
        if end.code != 0 or "locked" in end.err:
            yield f"--limit {limit} ended with {end.code}: {end.err.strip()[-300:]!r}"
    yield from _all_there(place, sorted(limits) if is_new else sorted([5, *limits]))
    yield from _bought_again(place, before)
    asked = len(place.asked())
    last = place.say("run", "words")
    if last.code != 0 or len(place.asked()) != asked:
        yield f"one more run ended with {last.code} and sent {len(place.asked()) - asked} calls"


def _all_there(place: Place, limits: list[int]) -> Iterator[str]:
    found = place.query("SELECT count(*), count(DISTINCT row), max(row) FROM trials GROUP BY run_id")
    if sorted(found) != [(limit, limit, limit - 1) for limit in limits]:
        yield f"trials of runs: {sorted(found)}"
    mixed = place.query(
        "SELECT count(*) FROM trials "
        "WHERE status <> 'passed' OR outputs NOT LIKE printf('%%word-%04d.%%', row)"
    )
    if mixed != [(0,)]:
        yield f"{mixed[0][0]} trials did not pass, or have the answer of another row"
    if statuses := place.query("SELECT id, status FROM runs WHERE status <> 'passed'"):
        yield f"runs: {statuses}"
    yield from Judge(place).damage()


def _bought_again(place: Place, before: Counter[str]) -> Iterator[str]:
    asked, attempts = place.asked(), place.attempts()
    if attempts != {"received": len(asked)}:
        yield f"{len(asked)} requests came, and on record are {dict(attempts)}"
    if most := [text for text, number in Counter(asked).items() if number > PROCESSES]:
        yield f"asked more often than there were processes: {most}"
    within = place.query("SELECT count(*) FROM attempts GROUP BY run_id, fingerprint HAVING count(*) > 1")
    if within:
        yield f"{len(within)} requests were sent twice by one process"
    if again := [text for text in before if asked.count(text) > 1]:
        yield f"sent again, though on record when all of them began: {again}"
