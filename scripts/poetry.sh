#!/bin/sh
# Runs Poetry from .venv-poetry, a private place (POETRY=... names another Poetry, with the export plugin).
# It reads the index that pip uses, so that it works where only a simple index answers; no address gets into a file.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-poetry
tools='poetry==2.5.1 poetry-plugin-export==1.10.1 poetry-plugin-pypi-mirror==0.6.5'

if [ -z "${POETRY-}" ]; then
    if [ "$(cat "$venv/tools" 2>/dev/null)" != "$tools" ]; then
        printf 'poetry    is installed into %s …\n' "$venv" >&2
        python=$(sh scripts/find-python.sh)
        rm -rf "$venv"
        "$python" -I -m venv "$venv"
        # shellcheck disable=SC2086
        "$venv/bin/python" -I -m pip install --quiet --only-binary :all: $tools 2>"$venv/log" || {
            cat "$venv/log" >&2
            printf 'make: Poetry could not be installed (its log is above).\n' >&2
            exit 1
        }
        printf '%s\n' "$tools" >"$venv/tools"
    fi
    POETRY=$venv/bin/poetry
    index='from pip._internal.commands import create_command as c; print(c("install").parse_args([])[0].index_url)'
    POETRY_PYPI_MIRROR_URL=${POETRY_PYPI_MIRROR_URL:-$("$venv/bin/python" -I -c "$index")/}
    export POETRY_PYPI_MIRROR_URL
fi
POETRY_VIRTUALENVS_CREATE=false POETRY_NO_INTERACTION=1 exec "$POETRY" "$@"
