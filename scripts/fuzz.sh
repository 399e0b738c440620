#!/usr/bin/env bash
# Runs every fuzz test of every module, one after the other because `go test -fuzz` takes one at a time.
#
#   scripts/fuzz.sh 30s
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
duration=${1:?usage: scripts/fuzz.sh DURATION}

found=0
while IFS=: read -r file function; do
  name=${function#func }
  name=${name%%(*}
  dir=$(dirname "$file")
  found=$((found + 1))
  echo "--- $name in $dir for $duration"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" "$dir" </dev/null
done < <(grep -rE --include='*_test.go' -o '^func Fuzz[A-Z0-9_][A-Za-z0-9_]*\(' . | sort)

echo "fuzz: $found fuzz tests ran"
((found > 0))
