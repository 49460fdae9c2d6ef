#!/bin/sh
# Run as root on host-3 when all three machines are set up: verify.sh http://FIRST-MACHINE:7480
# A container of this machine pings one of the first, then the example service answers here. Safe to repeat.
set -eu
SVCCTL_SERVER=${1:?the address of the controller is missing, as in http://192.168.56.11:7480}
export SVCCTL_SERVER
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PATIENCE=120 # seconds, for machines that are still starting

step() { echo "--- $*"; }

# Repeats a command until it succeeds, or says what it last complained of.
until_ok() { # what command…
  what=$1
  shift
  left=$PATIENCE
  while ! complaint=$("$@" 2>&1); do
    left=$((left - 1))
    [ "$left" -gt 0 ] || {
      echo "verify.sh: $what did not happen within $PATIENCE s: $complaint" >&2
      exit 1
    }
    sleep 1
  done
}

# One value out of `svcctl get KIND NAME -o json`; fails, showing the object, when it is not there.
value() { # kind name expression, with the object as `it`
  svcctl get "$1" "$2" -o json | node -e '
    const it = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const value = eval(process.argv[1]);
    if (!value) { console.error(JSON.stringify(it)); process.exit(1); }
    console.log(value);' "$3"
}

step 'the three hosts are in the cluster'
for host in host-1 host-2 host-3; do until_ok "$host alive" value node "$host" 'it.alive && it.report?.at'; done
svcctl get nodes

step 'a web server on each'
svcctl apply -f "$HERE/web.yaml"
for web in web-1 web-2 web-3; do until_ok "$web running" value container "$web" 'it.status?.state === "running"'; done
svcctl get containers

far=$(value container web-1 it.status.address)
step "ping from web-3 on host-3 to web-1 on host-1, $far"
runc --root /run/causeway/runc exec web-3 ping -c 2 -W 2 "$far"

step 'the service 2.2.2.2:88, served by the two other machines'
svcctl get service test-service1 >/dev/null 2>&1 || svcctl expose 2.2.2.2:88 --name test-service1 \
  --to web-1:12345 --to web-2:12345 --node-port 30001 --wait
curl -fsS --max-time 5 http://2.2.2.2:88/hello
curl -fsS --max-time 5 "http://$(value node host-2 it.publicIp):30001/hello"
step 'all of it works'
