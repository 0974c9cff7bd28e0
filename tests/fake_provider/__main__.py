"""`python -m tests.fake_provider`: serve until stdin closes, or SIGINT or SIGTERM comes."""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

from .faults import FAULTS
from .options import Options
from .script import Script, parse_rules
from .server import FakeServer


def main() -> None:
    """Serve as the command line says; the first line on stdout is the address, as JSON."""
    parser = _parser()
    arguments = parser.parse_args()
    try:
        server = _server(arguments)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    asyncio.run(_serve(server))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--journal", default="off", help="a JSONL file, or off: only count")
    parser.add_argument("--script", help="rules as JSON, or the path of a JSON file")
    parser.add_argument("--answer", help="a fixed answer instead of the echo")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--jitter-ms", type=float, default=0, help="added to the latency, at random up to")
    parser.add_argument("--event-ms", type=float, default=0, help="pause after each event of a stream")
    parser.add_argument("--api-key", help="demand this key, of 8 characters or more")
    parser.add_argument("--max-concurrent", type=int, help="429 for what comes beyond")
    parser.add_argument("--model", action="append", default=[], help="known model; default: any")
    return parser


def _server(arguments: argparse.Namespace) -> FakeServer:
    options = Options(
        answer=arguments.answer,
        latency_ms=arguments.latency_ms,
        jitter_ms=arguments.jitter_ms,
        event_ms=arguments.event_ms,
        api_key=arguments.api_key,
        max_concurrent=arguments.max_concurrent,
        models=tuple(arguments.model),
    )
    journal = None if arguments.journal == "off" else Path(arguments.journal)
    return FakeServer(options, script=_script(arguments.script), journal=journal, port=arguments.port)


def _script(given: str | None) -> Script:
    if given is None:
        return Script()
    text = given if given.lstrip().startswith(("[", "{")) else Path(given).read_text(encoding="utf-8")
    return Script(parse_rules(json.loads(text), FAULTS))


async def _serve(server: FakeServer) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        threading.Thread(target=_wait_for_stdin, args=(loop, stop), daemon=True).start()
        ready = {"url": server.url, "base_url": f"{server.url}/v1", "port": server.port, "pid": os.getpid()}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    main()
