#!/bin/sh
# Every check and every suite, all of them even when one fails. The last line is `N passed, N failed`.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
cd "$(dirname "$0")/.." || exit 1

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A check counts as one test.
check() {
  name=$1
  shift
  echo "== $name"
  "$@" </dev/null
  echo $? >"$results/$name.status"
}

# A suite counts as its tests. The lab has the machine to itself: its tests measure times.
suite() {
  name=$1
  shift
  check "$name" node_modules/.bin/vitest run "$@" \
    --reporter=default --reporter=json --outputFile.json="$results/$name.json"
}

check types node_modules/.bin/tsc -p tsconfig.json
check style node_modules/.bin/biome check .
suite fast --project unit --project property --project contract
suite lab --project lab

node test/support/total.mjs "$results"
