import { bridgeOf } from './topology.ts';

/**
 * Process 1 of the lab, run with the lab's directory as working directory and the machines' names as arguments.
 * It lays the switch, starts every machine, and from then on only waits: that reaps whatever daemons leave behind.
 * On its output it says `up NAME` or `failed NAME` for each machine.
 */
export const INIT_SCRIPT = `set -e
# The machine's cgroups can be seen and not changed: a runtime that is refused them does without, one that finds
# none at all gives up. What was made in them for this lab can be.
own=$(cat cgroup-name)
while read -r id parent device root at rest; do
  case $at in
  /sys/fs/cgroup | /sys/fs/cgroup/*)
    if [ -n "$own" ] && [ -d "$at/$own" ]; then
      mkdir -p "own-cgroup\${at#/sys/fs/cgroup}"
      mount --bind "$at/$own" "own-cgroup\${at#/sys/fs/cgroup}"
    fi
    mount -o remount,bind,ro "$at" || : ;;
  esac
done </proc/self/mountinfo
mkdir cgroup
mount --rbind /sys/fs/cgroup cgroup || :
# Programs find /var/lib/causeway even where this machine has none and its user may make none.
[ -d /var/lib/causeway ] ||
  mount -t overlay -o ro,lowerdir=skeleton:/var/lib lab-lib /var/lib 2>/dev/null ||
  { mount -t tmpfs -o mode=755 lab-lib /var/lib && mkdir /var/lib/causeway; }
for file in hosts resolv.conf; do
  [ ! -e /etc/$file ] || mount --bind etc/$file /etc/$file
done
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
  for file in /proc/sys/net/bridge/bridge-nf-call-*; do echo 0 >"$file"; done
ip -batch switch.ip
for member; do
  ( unshare --net --mount --uts sh member.sh "$member" || echo "failed $member" ) &
done
sleep infinity >/dev/null &
exec >/dev/null
while :; do wait; sleep 1; done
`;

/**
 * The first process of one machine: makes its links, gives it its own /run and /var/lib/causeway, and holds the
 * namespaces for as long as the lab lives.
 */
export const MEMBER_SCRIPT = `set -e
name=$1
echo $$ >"hosts/$name/holder"
busybox hostname "$name"
# A fresh /sys shows this machine's links; where the kernel refuses one, /sys stays that of the lab.
if mount -t sysfs lab-sys /sys 2>/dev/null; then
  [ ! -d /sys/fs/cgroup ] || mount --rbind cgroup /sys/fs/cgroup
fi
# In their places this machine has groups of its own, where the lab has any.
groups='own-cgroup/*/'
[ ! -e own-cgroup/cgroup.procs ] || groups=own-cgroup/
for each in $groups; do
  each=\${each%/}
  [ -e "$each/cgroup.procs" ] || continue
  mkdir "$each/$name"
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$each/$file" ] || cat "$each/$file" >"$each/$name/$file"
  done
  mount --bind "$each/$name" "/sys/fs/cgroup\${each#own-cgroup}"
done
while read -r path value; do
  [ ! -e "/proc/sys/$path" ] || echo "$value" >"/proc/sys/$path"
done <"hosts/$name/sysctls"
ip link set dev lo up
# Nobody else has the addresses of these links: to look for others first would hold everybody up for a second or two.
dad=/proc/sys/net/ipv6/conf/default/accept_dad
[ ! -e "$dad" ] || echo 0 >"$dad"
ip -batch "hosts/$name/links.ip"
[ ! -e "$dad" ] || echo 1 >"$dad"
while read -r port bridge; do
  nsenter --net=/proc/1/ns/net ip link set dev "$port" master "$bridge" up
done <"hosts/$name/ports"
mount --bind "hosts/$name/lib" /var/lib/causeway
mount --bind "hosts/$name/run" /run
mount --make-rshared /run
cd /
echo "up $name"
exec sleep infinity >/dev/null
`;

/** The far ends of a machine's links, and the bridges that they belong to: one pair a line. */
export function portLines(ip: readonly string[]): string[] {
  return ip.flatMap((line) => {
    const port = / peer name (\S+) mtu \d+ netns 1$/.exec(line)?.[1];
    return port === undefined ? [] : [`${port} ${bridgeOf(port)}`];
  });
}
