# The virtual machine's second program: a root's usual surroundings, control groups of the kind that is asked for, then the
# program, then the end.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
. /out/settings
# The kernel asks for modules by this name.
if [ ! -e /sbin/modprobe ]; then
  printf '#!/bin/sh\nexec busybox modprobe "$@"\n' >/usr/sbin/modprobe
  chmod 755 /usr/sbin/modprobe
fi
if [ ! -e "/lib/modules/$(uname -r)" ]; then
  mkdir -p /usr/lib/modules
  ln -s "$modules" "/usr/lib/modules/$(uname -r)"
fi
ip link set lo up
# A container's files cannot lie above those of an overlay.
mkdir -p /var/lib/causeway
mount -t tmpfs tmpfs /var/lib/causeway

at=/sys/fs/cgroup
version1() {
  mount -t tmpfs -o mode=755 tmpfs $at
  for one in $(awk 'NR > 1 { print $1 }' /proc/cgroups); do
    mkdir "$at/$one"
    mount -t cgroup -o "$one" cgroup "$at/$one" || rmdir "$at/$one"
  done
  mkdir $at/systemd
  mount -t cgroup -o none,name=systemd cgroup $at/systemd
}
case $cgroups in
v1) version1 ;;
hybrid)
  version1
  mkdir $at/unified
  mount -t cgroup2 cgroup2 $at/unified
  ;;
v2) mount -t cgroup2 cgroup2 $at ;;
esac

"$node" --test-reporter=spec "$program"
echo $? >/out/exit
sync
busybox poweroff -f
