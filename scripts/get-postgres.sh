#!/bin/sh
# Installs Debian's PostgreSQL for the tests of its run log, where it is missing and may be installed; never fails.
set -u

say() { echo "PostgreSQL: $*"; }

if command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
    say "it is there"
    exit 0
fi
skipped="the tests of a run log in PostgreSQL are skipped"
command -v apt-get >/dev/null 2>&1 || { say "there is no apt-get: $skipped"; exit 0; }

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    sudo -n true 2>/dev/null || { say "only root may install it: $skipped"; exit 0; }
fi

install() {
    $as_root env DEBIAN_FRONTEND=noninteractive timeout 300 \
        apt-get install --yes --quiet --no-install-recommends postgresql </dev/null
}

if install >/dev/null 2>&1 || { $as_root timeout 120 apt-get update --quiet >/dev/null 2>&1 && install; }; then
    say "installed"
else
    say "it could not be installed: $skipped"
fi
exit 0
