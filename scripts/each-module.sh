#!/usr/bin/env bash
# Runs a command in the directory of every module of go.work. It goes on after a failure, so that one run shows all that fails,
# and then names the modules that failed.
#
#   scripts/each-module.sh go vet ./...
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

modules=$(go list -m -f '{{.Dir}}')
failed=()
while read -r dir; do
  name=${dir#"$root"}
  name=${name#/}
  echo "--- module ${name:-.}"
  (cd "$dir" && "$@" </dev/null) || failed+=("${name:-.}")
done <<<"$modules"

if ((${#failed[@]})); then
  echo "failed in module: ${failed[*]}  (command: $*)" >&2
  exit 1
fi
