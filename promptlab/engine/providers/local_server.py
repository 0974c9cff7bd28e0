"""The child process that serves the embedded model; it ends when its standard input does.

It reads one line of JSON (model, alias, api_key, threads, context), writes one: {"url": …} or {"error": …}.
"""

import json
import os
import sys
import threading
from typing import Any

PROMPTS_KEPT = 2  # variants that take turns would else drive each other's prompt out of the cache
SAME_PROMPT = 0.5


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _silence()
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        server = _serve(asked)
    except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
        answers.write(json.dumps({"error": f"{type(error).__name__}: {error}"[:300]}) + "\n")
        answers.flush()
        os._exit(1)
    answers.write(json.dumps({"url": server.listening_address}) + "\n")
    answers.flush()
    threading.Event().wait()


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(1 << 16):
        pass
    os._exit(0)


def _serve(asked: dict[str, Any]) -> Any:
    import xllamacpp  # noqa: PLC0415

    params = xllamacpp.CommonParams()
    params.model.path = asked["model"]
    params.model_alias = {asked["alias"]}
    params.api_keys = [asked["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = PROMPTS_KEPT
    params.kv_unified = True
    params.slot_prompt_similarity = SAME_PROMPT
    params.n_ctx = asked["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = asked["threads"]
    params.verbosity = -1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
