#!/usr/bin/env bash
# Fails when the sources are not what the tools would make of them: after go generate, after go mod tidy, after formatting.
#
# The tools run in a copy, and the copy is compared with what was there before. So this works with uncommitted changes around,
# and changes nothing itself.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What git knows or would take, less what is deleted from the tree but not yet from the index.
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  tar -c --null --files-from=- >"$work/tree.tar"
mkdir "$work/before" "$work/after"
tar -x -f "$work/tree.tar" -C "$work/before"
tar -x -f "$work/tree.tar" -C "$work/after"

# differences OPTION...: what the copy has that was not there before. Without go.work.sum: the go command adds to that file whatever it
# happens to look up.
differences() {
  (cd "$work" && diff -rN --exclude=go.work.sum "$@" before after)
}

# compare TITLE COMMAND...: run a command in the copy and fail when it changed a file.
compare() {
  local title=$1
  shift
  echo "verify: $title"
  (cd "$work/after" && "$@") >"$work/log" 2>&1 || {
    cat "$work/log"
    echo "verify: FAILED, could not run: $title" >&2
    exit 1
  }
  differences -u >"$work/diff" || {
    head -n 200 "$work/diff"
    echo "verify: FAILED, these files change with: $title" >&2
    differences -q | sed -E 's|^Files "?before/(.*[^"])"? and "?after/.*|  \1|' >&2
    exit 1
  }
}

# Also in the modules that are not in go.work. The "|| exit" is needed: bash ignores errexit in what an if or || tests.
tidy() {
  find . -name go.mod -not -path '*/testdata/*' | sort | while read -r module; do
    GOWORK=off go -C "$(dirname "$module")" mod tidy || exit
  done
}

compare "make generate" scripts/each-module.sh go generate ./...
compare "go mod tidy" tidy
compare "make format" scripts/each-module.sh "$root/bin/golangci-lint" fmt --config "$work/after/.golangci.yml" ./...
echo "verify: ok"
