#!/bin/sh
# Writes the hashed requirements of poetry.lock: export-requirements.sh FOLDER
set -eu
folder=${1:-.}
cd "$(dirname "$0")/.."
sh scripts/poetry.sh export --format requirements.txt --extras local --with build --without dev \
    --output "$folder/requirements-demo.txt"
sh scripts/poetry.sh export --format requirements.txt --all-extras --with build,dev \
    --output "$folder/requirements-all.txt"
