"""From a save to the first request at the server, and to the line that says what came of it."""

import json
import subprocess
import time
from pathlib import Path
from statistics import median, quantiles

from tests.bench.measure import environment, promptlab
from tests.bench.table import say
from tests.fakes import FakeProvider

SAVES = 40
PAUSE = 0.2
PROMPT = "{{% system %}}You answer in one short sentence.{{% endsystem %}}\nSave {}: {{{{ question }}}}\n"


def watch_saves(project: Path, server: FakeProvider) -> None:
    """Print the median and the ninetieth percentile over some saves of a prompt."""
    command = promptlab("watch", "bench", "--json")
    with subprocess.Popen(
        command,
        cwd=project,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(2)  # what it opens beside the first turn is open then
        times = [_save(project, server, process, number) for number in range(SAVES)]
        process.terminate()
    say("")
    say(f"watch, {SAVES} saves of a prompt over 10 rows, 0 ms{'median':>16} {'p90':>8}")
    for what, column in zip(("first request", "result printed"), zip(*times, strict=True), strict=True):
        say(f"  save → {what:<38} {median(column):>7.1f} ms {quantiles(column, n=10)[-1]:>5.1f} ms")


def _save(
    project: Path, server: FakeProvider, process: "subprocess.Popen[str]", number: int
) -> tuple[float, float]:
    assert process.stdout is not None
    time.sleep(PAUSE)
    before = server.sent_count
    saved = time.time()
    (project / "prompts" / "answer.j2").write_text(PROMPT.format(number))
    turn = json.loads(process.stdout.readline())
    printed = time.time()
    requests = server.requests()[before:]
    if turn["runs"][0]["calls"]["sent"] != len(requests):
        raise RuntimeError(f"{len(requests)} requests came, but the turn says {turn}")
    return 1000 * (requests[0].time - saved), 1000 * (printed - saved)
