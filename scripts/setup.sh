#!/bin/sh
# Makes .venv ready: setup.sh demo|all. Keeps the Python that .venv has unless PYTHON=... names another.
set -eu
cd "$(dirname "$0")/.."

used=$(sed -n -e 's/^base-executable = //p' -e 's/^executable = //p' .venv/pyvenv.cfg 2>/dev/null | head -n 1) || true
if [ -n "${PYTHON-}" ] || [ -z "$used" ] || ! python=$(PYTHON=$used sh scripts/find-python.sh 2>/dev/null); then
    python=$(sh scripts/find-python.sh)
fi
exec "$python" -I scripts/setup.py "$@"
