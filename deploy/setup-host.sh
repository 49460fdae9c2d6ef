#!/bin/sh
# Makes a Debian 12 machine a host of a Causeway cluster, or takes that back. Safe to repeat: run it again after
# a new build to upgrade. See docs/operations.md.
set -eu

usage() {
  cat <<'USAGE'
Usage: setup-host.sh controller|agent|both [options]
       setup-host.sh uninstall [--root DIR]

  controller   the controller, with an etcd of its own unless --etcd names one
  agent        the agent; needs --etcd
  both         both on this machine
  uninstall    takes everything of Causeway out of the kernel and removes the installed files

Options:
  --public-ip IP     this host's address on the hosts' network
  --public-ipv6 IP   agent: and its IPv6 address there, where it has several
  --iface IF         or the link that has it
  --etcd URL[,URL]   etcd, e.g. http://192.168.56.11:2379
  --listen IP:PORT   controller: the REST API; default 127.0.0.1:7480. It has no authentication
  --network CIDR     controller: the IPv4 network of all containers, default 10.10.0.0/16; none: IPv6 only
  --network-ipv6 N   controller: their IPv6 network, default none
  --backend B        controller: how packets come to other hosts: host-gw (default) or vxlan
  --fallback vxlan   controller: with host-gw, a tunnel to the hosts that are not on the same link
  --dataplane D      agent: nftables (default) or iptables
  --root DIR         put the files below DIR; install no packages, load and start nothing (for images and tests)

Without options the files of an earlier run in /etc/causeway are kept.
Example: setup-host.sh both --public-ip 192.168.56.11
USAGE
}

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
DIST=$HERE/../dist
PROGRAMS='causeway-controller causeway-agent svcctl'
MODULES='br_netfilter overlay nf_conntrack'
MARK='# Installed by setup-host.sh of Causeway'

refuse() { # a fault of the command line: nothing has been changed
  echo "setup-host.sh: $1" >&2
  exit 2
}

fail() {
  echo "setup-host.sh: $1" >&2
  exit 1
}

say() { echo "setup-host.sh: $1" >&2; }

# ---- the command line ----

matches() { printf '%s\n' "$1" | grep -Eqx -- "$2" && [ "$(printf '%s\n' "$1" | wc -l)" -eq 1 ]; }

OCTET='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
IPV4="$OCTET(\\.$OCTET){3}"
PORT='([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'
# The programs themselves look closer: this keeps out what would not be a word in a file of settings.
IPV6='[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*'
URL='https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?'

parse() {
  role='' public_ip='' public_ipv6='' iface='' etcd='' listen='' network='' network_ipv6='' backend='' fallback=''
  dataplane='' root='' given=''
  [ $# -gt 0 ] || refuse 'what to set up is missing: controller, agent, both or uninstall'
  case $1 in
    controller | agent | both | uninstall) role=$1 ;;
    -h | --help) usage && exit 0 ;;
    *) refuse "\"$1\" is none of controller, agent, both, uninstall" ;;
  esac
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --public-ip | --public-ipv6 | --iface | --etcd | --listen | --dataplane | --root) ;;
      --network | --network-ipv6 | --backend | --fallback) ;;
      *) refuse "\"$1\" is no option; see setup-host.sh --help" ;;
    esac
    [ $# -gt 1 ] || refuse "$1 needs a value"
    accept "$1" "$2"
    shift 2
  done
  [ -z "$public_ip" ] || [ -z "$iface" ] || refuse '--public-ip and --iface name the same thing: give one of them'
  [ "$network" != none ] || [ -n "$network_ipv6" ] || refuse '--network "none" needs --network-ipv6: containers would have no address'
  [ "$backend" != vxlan ] || [ -z "$fallback" ] || refuse "--fallback \"$fallback\" goes with the backend host-gw: vxlan reaches every host"
}

accept() { # option value
  case $1 in
    --root)
      [ -d "$2" ] || refuse "--root \"$2\" is no directory"
      root=${2%/}
      return
      ;;
    --public-ip) matches "$2" "$IPV4" || refuse "--public-ip \"$2\" is no IPv4 address" && public_ip=$2 ;;
    --public-ipv6) matches "$2" "$IPV6" || refuse "--public-ipv6 \"$2\" is no IPv6 address" && public_ipv6=$2 ;;
    --iface) matches "$2" '[A-Za-z0-9_.:@-]{1,15}' && [ -e "/sys/class/net/$2" ] ||
      refuse "--iface \"$2\" is no link of this machine" && iface=$2 ;;
    --etcd) matches "$2" "$URL(,$URL)*" || refuse "--etcd \"$2\" is no URL like http://192.168.56.11:2379" && etcd=$2 ;;
    --listen) matches "$2" "$IPV4:$PORT" || refuse "--listen \"$2\" is no address and port like 127.0.0.1:7480" && listen=$2 ;;
    --network) matches "$2" "none|$IPV4/([0-9]|[12][0-9]|3[0-2])" || refuse "--network \"$2\" is no IPv4 network like 10.10.0.0/16" && network=$2 ;;
    --network-ipv6) matches "$2" "$IPV6/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])" ||
      refuse "--network-ipv6 \"$2\" is no IPv6 network like fd00:10::/48" && network_ipv6=$2 ;;
    --backend) matches "$2" 'host-gw|vxlan' || refuse "--backend \"$2\" is neither host-gw nor vxlan" && backend=$2 ;;
    --fallback) matches "$2" 'vxlan' || refuse "--fallback \"$2\" is not vxlan" && fallback=$2 ;;
    --dataplane) matches "$2" 'nftables|iptables' || refuse "--dataplane \"$2\" is neither nftables nor iptables" && dataplane=$2 ;;
  esac
  given=yes
  case $role:$1 in
    uninstall:* | agent:--listen | agent:--network* | agent:--backend | agent:--fallback | controller:--dataplane | controller:--public-ipv6) refuse "$1 does not belong to \"$role\"" ;;
  esac
}

# ---- what must be there ----

check() {
  missing=
  need() { missing="$missing
  - $1"; }
  if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || need 'root: run it with sudo'
    [ -d /run/systemd/system ] || need 'systemd as the first process'
    command -v apt-get >/dev/null || need 'Debian 12 (apt-get)'
  fi
  node=$(command -v node || true)
  node_major=$([ -z "$node" ] || "$node" -p 'parseInt(process.versions.node)')
  [ "${node_major:-0}" -ge 20 ] ||
    need "Node 20 or newer (Debian 12 has 18): see docs/operations.md, \"Node\"${node:+; $node is $("$node" -v)}"
  for program in $PROGRAMS; do
    [ -f "$DIST/bin/$program.cjs" ] || need "dist/bin/$program.cjs: build with \`npm run setup\`, or copy dist/ from where it was built"
  done
  [ -f "$DIST/proto/rpc.proto" ] || need 'dist/proto: it belongs to the build'
  if [ "$role" = agent ] && [ -z "$etcd" ] && { [ -n "$given" ] || [ ! -e "$root/etc/causeway/agent.env" ]; }; then
    refuse '--etcd is missing: an agent without a controller beside it must be told where etcd is'
  fi
  if [ -z "$root" ] && has_role controller && [ -z "$etcd" ] && systemctl is-active --quiet etcd 2>/dev/null; then
    need "port 2379: etcd.service runs here; use it with --etcd http://127.0.0.1:2379, or \`systemctl disable --now etcd\`"
  fi
  [ -z "$missing" ] || fail "this is missing, nothing has been changed:$missing"
}

has_role() { [ "$role" = "$1" ] || [ "$role" = both ]; }

# ---- installing ----

load_modules() {
  had_bridge_filter=$([ ! -d /proc/sys/net/bridge ] || echo yes)
  echo "$MARK" >/etc/modules-load.d/causeway.conf
  for module in $MODULES; do
    echo "$module" >>/etc/modules-load.d/causeway.conf
    modprobe -q "$module" 2>/dev/null || is_loaded "$module" ||
      say "module $module: neither loaded nor built in; see docs/operations.md, \"Requirements\""
  done
  # A fresh br_netfilter is switched on for all bridges. Off is what was before, and what the agent shall record.
  [ -n "$had_bridge_filter" ] || for switch in /proc/sys/net/bridge/bridge-nf-call-*tables; do
    [ ! -e "$switch" ] || echo 0 >"$switch"
  done
  # No sysctl.d file: the agent sets what it needs, records what was there before, and `cleanup` puts it back.
}

is_loaded() { # module: also true when it is built into the kernel
  case $1 in
    br_netfilter) [ -d /proc/sys/net/bridge ] ;;
    overlay) grep -qw overlay /proc/filesystems ;;
    *) [ -d /proc/sys/net/netfilter ] ;;
  esac
}

install_programs() {
  mkdir -p "$root/opt/causeway/bin" "$root/opt/causeway/proto" "$root/usr/local/bin"
  for program in $PROGRAMS; do
    install -m 0644 "$DIST/bin/$program.cjs" "$root/opt/causeway/bin/$program.cjs"
    wrapper "$program" >"$root/usr/local/bin/$program.new"
    chmod 0755 "$root/usr/local/bin/$program.new"
    mv "$root/usr/local/bin/$program.new" "$root/usr/local/bin/$program"
  done
  install -m 0644 "$DIST"/proto/*.proto "$root/opt/causeway/proto/"
}

wrapper() { # program: what stands in /usr/local/bin, so that `plan` by hand asks the same etcd as `run` by systemd
  cat <<WRAPPER
#!/bin/sh
$MARK
if [ -r /etc/causeway/${1#causeway-}.env ]; then
  set -a
  . /etc/causeway/${1#causeway-}.env
  set +a
fi
exec "$node" /opt/causeway/bin/$1.cjs "\$@"
WRAPPER
}

address() { # this host's address on the hosts' network, or nothing
  if [ -n "$public_ip" ]; then
    echo "$public_ip"
  elif [ -n "$iface" ]; then
    ip -4 -o address show dev "$iface" scope global | awk '{ sub("/.*", "", $4); print $4; exit }'
  fi
}

write_env() { # program VARIABLE=value…; those without a value are left out
  file=$root/etc/causeway/$1.env
  shift
  if [ -e "$file" ] && [ -z "$given" ]; then
    say "$file is kept"
    return
  fi
  mkdir -p "$root/etc/causeway"
  {
    echo "$MARK; kept as it is when that runs without options."
    echo '# Each flag of the program has a variable, which its --help names.'
    for setting; do [ -z "${setting#*=}" ] || echo "$setting"; done
  } >"$file"
}

configure() {
  if has_role controller; then
    own=$(address)
    [ -z "$etcd" ] || own=''
    write_env controller "CAUSEWAY_ETCD_URLS=$etcd" "CAUSEWAY_ETCD_LISTEN=$own" "CAUSEWAY_LISTEN=$listen" \
      "CAUSEWAY_NETWORK=$network" "CAUSEWAY_NETWORK_IPV6=$network_ipv6" "CAUSEWAY_BACKEND=$backend" \
      "CAUSEWAY_FALLBACK=$fallback"
    [ -n "$etcd$own" ] || [ -z "$given" ] || say 'etcd will listen on 127.0.0.1 only; other hosts need --public-ip or --iface'
  fi
  if has_role agent; then
    write_env agent "CAUSEWAY_ETCD_URLS=$etcd" "CAUSEWAY_PUBLIC_IP=$public_ip" "CAUSEWAY_PUBLIC_IPV6=$public_ipv6" "CAUSEWAY_IFACE=$iface" \
      "CAUSEWAY_DATAPLANE=$dataplane"
  fi
}

start() { # unit
  mkdir -p "$root/etc/systemd/system"
  install -m 0644 "$HERE/systemd/$1.service" "$root/etc/systemd/system/$1.service"
  [ -z "$root" ] || return 0
  systemctl daemon-reload
  systemctl enable --quiet "$1"
  # A restart leaves rules, routes and containers in place, so traffic goes on.
  systemctl restart "$1"
  say "$1 runs; its log: journalctl -u $1"
}

install_all() {
  check
  if [ -z "$root" ]; then
    sh "$HERE/packages.sh"
    load_modules
  fi
  install_programs
  configure
  ! has_role controller || start causeway-controller
  ! has_role agent || start causeway-agent
}

# ---- uninstalling ----

uninstall() {
  if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail 'uninstalling needs root: run it with sudo'
    stop causeway-agent
    if [ -x /usr/local/bin/causeway-agent ]; then
      # The controller is still up: with etcd at hand the host's subnet is given back too.
      /usr/local/bin/causeway-agent cleanup ||
        fail 'the clean-up failed, so the programs are left for another try: causeway-agent cleanup'
    fi
    stop causeway-controller
  fi
  remove_files
  say 'removed. Kept: /var/lib/causeway (etcd data, this host'\''s id) and the Debian packages; remove them by hand if nobody needs them'
}

stop() { # unit
  [ -e "/etc/systemd/system/$1.service" ] || return 0
  systemctl disable --now --quiet "$1" || fail "stopping $1 failed; nothing has been removed"
}

remove_files() {
  for program in $PROGRAMS; do
    rm -f "$root/opt/causeway/bin/$program.cjs"
    command=$root/usr/local/bin/$program
    ! grep -qsF "$MARK" "$command" || rm -f "$command"
  done
  for proto in "$root"/opt/causeway/proto/*.proto; do rm -f "$proto"; done
  rm -f "$root/etc/systemd/system/causeway-agent.service" "$root/etc/systemd/system/causeway-controller.service" \
    "$root/etc/causeway/agent.env" "$root/etc/causeway/controller.env" "$root/etc/modules-load.d/causeway.conf"
  for folder in opt/causeway/bin opt/causeway/proto opt/causeway etc/causeway; do
    [ ! -d "$root/$folder" ] || rmdir --ignore-fail-on-non-empty "$root/$folder"
  done
  [ -n "$root" ] || {
    rmdir --ignore-fail-on-non-empty /run/causeway 2>/dev/null || true
    systemctl daemon-reload
  }
}

parse "$@"
if [ "$role" = uninstall ]; then uninstall; else install_all; fi
