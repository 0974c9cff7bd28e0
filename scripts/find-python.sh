#!/bin/sh
# Prints the path of a CPython >= 3.12 that can make a virtual environment. Every candidate is judged by running it.
# PYTHON=... names the only candidate. FIND_PYTHON_SYSTEM replaces the system's folders (colon-separated, for tests).
set -u

nl='
'
system=${FIND_PYTHON_SYSTEM-/opt/homebrew/bin:/usr/local/bin:/usr/bin:/opt/local/bin:/snap/bin}
home=${HOME:-/nonexistent}
data=${XDG_DATA_HOME:-$home/.local/share}

# Answers "ok RANK PATH" or "no REASON" in its last line; must run on every Python there ever was.
# shellcheck disable=SC2016
probe='
import sys
found = "Python %d.%d.%d" % tuple(sys.version_info[:3])
minor = tuple(sys.version_info[:2])
def answer(word, text):
    sys.stdout.write("%s %s\n" % (word, text))
    sys.exit(0)
if minor < (3, 12):
    answer("no", "is %s, older than 3.12" % found)
if sys.implementation.name != "cpython":
    answer("no", "is %s, but the packages are built for CPython" % sys.implementation.name)
import sysconfig
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    answer("no", "is a free-threaded build, for which packages are missing")
for module in ("ssl", "sqlite3", "venv", "ensurepip"):
    try:
        __import__(module)
    except ImportError:
        hint = " (on Debian and Ubuntu: apt install python%d.%d-venv)" % minor if module in ("venv", "ensurepip") else ""
        answer("no", "is %s, but lacks the module %s%s" % (found, module, hint))
tested = [(3, 12), (3, 13), (3, 14)]
rank = tested.index(minor) if minor in tested else len(tested)
answer("ok", "%d %s" % (rank, getattr(sys, "_base_executable", None) or sys.executable))
'

judge() {
    said=$("$1" -E -s -c "$probe" 2>&1 </dev/null)
    code=$?
    last=${said##*"$nl"}
    case $last in
        "ok "* | "no "*) verdict=$last ;;
        *) verdict="no does not run (exit code $code): ${said%%"$nl"*}" ;;
    esac
}

each_in() {
    for candidate in "$1"/python3.12 "$1"/python3.13 "$1"/python3.14 "$1"/python3.1[5-9] "$1"/python3 "$1"/python; do
        if [ -x "$candidate" ] && [ ! -d "$candidate" ]; then printf '%s\n' "$candidate"; fi
    done
}

each_in_path() {
    IFS=:
    for folder in $1; do
        resolved=$(cd -P -- "${folder:-.}" 2>/dev/null && pwd) && each_in "$resolved"
    done
}

candidates() {
    (each_in_path "$PATH")
    for folder in \
        "${PYENV_ROOT:-$home/.pyenv}"/versions/*/bin "$home"/.pyenv/versions/*/bin \
        "${UV_PYTHON_INSTALL_DIR:-$data/uv/python}"/*/bin \
        "${ASDF_DATA_DIR:-$home/.asdf}"/installs/python/*/bin \
        "${MISE_DATA_DIR:-$data/mise}"/installs/python/*/bin \
        "$home"/.local/bin "$home"/miniconda3/bin "$home"/miniforge3/bin "$home"/anaconda3/bin; do
        each_in "$folder"
    done
    (each_in_path "$system")
    if [ -z "${FIND_PYTHON_SYSTEM-}" ]; then
        for folder in /opt/homebrew/opt/python@3.*/bin /usr/local/opt/python@3.*/bin \
            /Library/Frameworks/Python.framework/Versions/3.*/bin; do
            each_in "$folder"
        done
    fi
}

choose() {
    best='' best_rank=99 refused='' seen=$nl
    while [ "$best_rank" -gt 0 ] && IFS= read -r candidate; do
        case $seen in *"$nl$candidate$nl"*) continue ;; esac
        seen=$seen$candidate$nl
        judge "$candidate"
        case $verdict in
            "no "*) refused="$refused  $candidate$nl      ${verdict#no }$nl" ;;
            *)
                rank=${verdict#ok } rank=${rank%% *}
                if [ "$rank" -lt "$best_rank" ]; then best=${verdict#ok * } best_rank=$rank; fi
                ;;
        esac
    done
    if [ -n "$best" ]; then
        printf '%s\n' "$best"
    else
        give_up
    fi
}

give_up() {
    {
        printf 'No usable Python 3.12 or newer was found. Refused:\n%s' "${refused:-  nothing: there is no Python at all$nl}"
        advise
    } >&2
    exit 1
}

advise() {
    printf '%s\n' \
        'Looked in PATH and in the folders of the system, pyenv, uv, asdf, mise and conda.' \
        'Install one of these, then run the same command again:' \
        '  Debian, Ubuntu   apt install python3.12 python3.12-venv    (or a newer python3 and python3-venv)' \
        '  Fedora           dnf install python3.13' \
        '  macOS            brew install python@3.13' \
        '  anywhere         uv python install 3.13, or pyenv install 3.13' \
        'Have one elsewhere? Name it: make demo PYTHON=/path/to/python3.12'
}

given() {
    judge "$1"
    case $verdict in
        "ok "*) printf '%s\n' "${verdict#ok * }" ;;
        *)
            printf 'PYTHON=%s is refused: it %s\n' "$1" "${verdict#no }" >&2
            printf 'Name a CPython 3.12 or newer, or leave PYTHON out to have one found.\n' >&2
            exit 1
            ;;
    esac
}

if [ -n "${PYTHON-}" ]; then
    given "$PYTHON"
else
    candidates | choose
fi
