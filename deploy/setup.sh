#!/bin/sh
# Makes a fresh clone ready to run: Debian packages, npm packages, the build. Does only what is missing.
# With --tests also the Debian packages that tests and the bench alone need.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Runs a command and shows what it says only if it fails.
quietly() {
  what=$1
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    # The cause is at one of the two ends.
    if [ "$(wc -l <"$log")" -gt 60 ]; then
      head -n 25 "$log" >&2
      echo "[…]" >&2
      tail -n 25 "$log" >&2
    else
      cat "$log" >&2
    fi
    rm -f "$log"
    fail "$what failed: $*"
  fi
}

# The files are read by the lock's holders alone; this one exists in every clone.
lock() {
  command -v flock >/dev/null 2>&1 || return 0
  exec 9<deploy/setup.sh
  flock -n 9 && return 0
  say "waiting for another set-up to end"
  flock 9
}

check_node() {
  command -v node >/dev/null 2>&1 || fail "Node 20 or newer is needed; there is no node in PATH"
  version=$(node --version)
  major=${version#v}
  major=${major%%.*}
  [ "$major" -ge 20 ] || fail "Node 20 or newer is needed; node in PATH is $version"
}

# The lab's hosts are user and network namespaces, which some systems keep from ordinary users.
check_namespaces() {
  unshare --user --map-root-user --net --mount --pid --fork --mount-proc true 2>/dev/null && return 0
  for switch in kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0; do
    key=${switch%=*}
    file=/proc/sys/$(echo "$key" | tr . /)
    if [ -e "$file" ] && [ "$(cat "$file")" != "${switch#*=}" ]; then
      fail "this system keeps user namespaces from you; as root: sysctl -w $switch"
    fi
  done
  if [ "$(cat /proc/sys/user/max_user_namespaces 2>/dev/null || echo 1)" -eq 0 ]; then
    fail "this system allows no user namespaces; as root: sysctl -w user.max_user_namespaces=10000"
  fi
  why=$(unshare --user --map-root-user --net --mount --pid --fork --mount-proc true 2>&1) || :
  fail "user namespaces do not work here (in a container, more privileges are needed): $why"
}

# Traffic between two containers of one host passes the packet filter only with br_netfilter. It is loaded
# switched off for the machine itself, as if it were not there; namespaces have their own switches.
load_bridge_filter() {
  [ ! -d /proc/sys/net/bridge ] || return 0
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || return 0
    as_root="sudo -n"
  fi
  $as_root modprobe br_netfilter 2>/dev/null || return 0
  for each in iptables ip6tables arptables; do
    $as_root sysctl -qw "net.bridge.bridge-nf-call-$each=0" || :
  done
}

modules_current() {
  [ -e node_modules/.package-lock.json ] &&
    [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ]
}

# Names one source that is newer than the build, if any; a test is no source.
newer_source() {
  [ -e dist/.built ] || {
    echo nothing-built
    return
  }
  find shared/src controller/src node-agent/src svcctl/src deploy/lab/src test/bench deploy/build.mjs package-lock.json \
    -type f ! -name '*.test.ts' -newer dist/.built -print | head -n 1
}

build() {
  # Stamped with the time before it began: what changes meanwhile is newer.
  mkdir -p dist
  touch dist/.building
  quietly "building" node deploy/build.mjs
  mv dist/.building dist/.built
}

lock
sh deploy/packages.sh "$@"
check_node
check_namespaces
load_bridge_filter
if ! modules_current; then
  say "installing npm packages"
  quietly "installing npm packages" npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
if [ -n "$(newer_source)" ]; then
  say "building"
  build
fi
