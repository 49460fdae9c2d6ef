#!/bin/sh
# Run on the machine that runs Vagrant, before a virtual machine is started or provisioned.
set -eu
dist=$(dirname -- "$0")/../../dist
[ -f "$dist/bin/causeway-agent.cjs" ] && exit 0
echo 'dist/ is missing: build the programs first with: npm run setup' >&2
exit 1
