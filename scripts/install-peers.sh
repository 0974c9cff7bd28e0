#!/bin/sh
# install-peers.sh PYTHON FOLDER: put each rival into a place of its own; one that cannot be installed is left out.
set -u
python=$1
folder=$2

python_peer() {
  name=$1
  shift
  if "$python" -m venv "$folder/$name" && "$folder/$name/bin/pip" install --quiet --only-binary :all: "$@"; then
    echo "$name is installed"
  else
    rm -rf "${folder:?}/$name"
    echo "$name cannot be installed here" >&2
  fi
}

mkdir -p "$folder"
python_peer pydantic-evals "pydantic-evals==2.62.0" "openai==3.54.0"
python_peer inspect-ai "inspect_ai==0.3.285" "openai==3.54.0"
mkdir -p "$folder/promptfoo"
if npm install --prefix "$folder/promptfoo" --no-audit --no-fund --silent "promptfoo@0.121.20"; then
  echo "promptfoo is installed"
else
  rm -rf "$folder/promptfoo"
  echo "promptfoo cannot be installed here (it needs Node.js)" >&2
fi
