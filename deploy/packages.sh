#!/bin/sh
# Installs the Debian packages that Causeway runs on, for the lab and for real hosts alike.
# Changes nothing when all are there. Needs root or sudo without a password; else it names what is missing.
# With --tests also what the tests and the bench alone need.
set -eu
tests=
case ${1-} in
'') ;;
--tests) tests=--tests ;;
*)
  echo "packages: \"$1\" is no option; there is --tests" >&2
  exit 2
  ;;
esac
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() { echo "packages: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# The containers' root is made of busybox alone, so one that needs shared libraries will not do.
has_static_busybox() {
  has busybox && ! head -c 4096 "$(command -v busybox)" | grep -aq ld-linux
}

missing=
need() { missing="$missing $1"; }
has "${CAUSEWAY_ETCD:-etcd}" || need etcd-server
has ip && has bridge || need iproute2
has nft || need nftables
has iptables && has iptables-legacy || need iptables
has conntrack || need conntrack
has runc || need runc
has conmon || need conmon
has ipset || need ipset
has_static_busybox || need busybox-static
has ping || need iputils-ping
has curl || need curl
has tcpdump || need tcpdump
has unshare && has nsenter && has setpriv && has flock || need util-linux
has script || need bsdutils
if [ -n "$tests" ]; then
  has iperf3 || need iperf3
  has openssl || need openssl
  has dockerd || need docker.io
  has containerd && has ctr || need containerd
  has skopeo || need skopeo
  has docker-registry || need docker-registry
  has zstd || need zstd
fi
missing=${missing# }
[ -n "$missing" ] || exit 0

if ! has apt-get; then
  say "these Debian packages, or what your system has in their place, are missing: $missing"
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  if has sudo && sudo -n true 2>/dev/null; then
    exec sudo -n sh "$0" $tests
  fi
  here=$(cd "$(dirname "$0")" && pwd)
  say "these Debian packages are missing: $missing"
  say "install them as root with: sh $here/packages.sh${tests:+ $tests}"
  say "(that is apt-get install --no-install-recommends $missing, without starting any system service)"
  exit 1
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
finish() {
  rm -f "$log"
  [ -z "$own_policy" ] || rm -f "$policy"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian starts a service when it installs one, unless this file says no. One that is there already stays.
if [ ! -e "$policy" ]; then
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

apt() {
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null
}
say "installing $missing"
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing; then
  say "refreshing the package lists"
  # shellcheck disable=SC2086
  if ! { apt update && apt install -y --no-install-recommends $missing; }; then
    tail -n 30 "$log" >&2
    say "apt-get could not install them"
    exit 1
  fi
fi

# Causeway and its tests start programs of their own; the system's services stay off unless somebody wants them. Docker's
# would make a bridge and rules of its own.
off() {
  if has systemctl; then systemctl disable "$@" >>"$log" 2>&1 || :; fi
  for unit; do
    script=${unit%.*}
    if [ -e "/etc/init.d/$script" ] && has update-rc.d; then update-rc.d "$script" disable >>"$log" 2>&1 || :; fi
  done
}
for package in $missing; do
  case $package in
  etcd-server) off etcd.service ;;
  docker.io) off docker.service docker.socket ;;
  containerd) off containerd.service ;;
  docker-registry) off docker-registry.service ;;
  iperf3) off iperf3.service ;;
  esac
done
say "done"
