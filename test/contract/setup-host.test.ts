import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * deploy/setup-host.sh as on a real machine, from install to uninstall: a machine of its own made of namespaces, the
 * real kernel, etcd and programs. Only systemctl is a stand-in, which starts what the installed units say.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Programs start a dozen times, on a machine that may have other work. */
const SLOW_MS = 120_000;

const SYSTEMCTL = `#!/bin/sh
set -eu
stop() {
  [ -e "/run/$1.pid" ] || return 0
  pid=$(cat "/run/$1.pid")
  kill "$pid" 2>/dev/null || :
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  rm "/run/$1.pid"
}
case $1 in
  is-active) exit 3 ;;
  restart)
    stop "$2"
    unit=/etc/systemd/system/$2.service
    set -a
    . "$(sed -n 's/^EnvironmentFile=-//p' "$unit")"
    sh -c "exec $(sed -n 's/^ExecStart=//p' "$unit")" >>"$MACHINE/$2.log" 2>&1 &
    echo $! >"/run/$2.pid" ;;
  disable) for unit; do [ "\${unit#causeway-}" = "$unit" ] || stop "$unit"; done ;;
esac
`;

/**
 * A machine with its own /etc, /opt, /usr/local, /var/lib, /run and network; $1 is a folder with the project's copy.
 * An ordinary user may not write through an overlay of root's folders, so they are made new, full of links.
 */
const MACHINE = `set -eu
home=$1
export MACHINE="$home/said"
links() { for entry in "$home/layers/$1"/*; do ln -s "$entry" "/$1/"; done; }
mount -t tmpfs none "$home/layers"
for folder in etc opt usr/local; do
  mkdir -p "$home/layers/$folder"
  mount --rbind "/$folder" "$home/layers/$folder"
  mount -t tmpfs none "/$folder"
  links "$folder"
done
rm -f /usr/local/bin /etc/systemd /etc/modules-load.d
mkdir -p /usr/local/bin /etc/systemd/system /etc/modules-load.d
links usr/local/bin
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir -p /run/systemd/system /run/lock
export PATH="$home/fake:$PATH:/usr/local/bin:/usr/sbin"
ip link set lo up
ip link add eth0 type veth peer name far
ip address add 10.0.0.11/24 dev eth0
ip link set far up
ip link set eth0 up
until ip link show eth0 | grep -q 'state UP'; do sleep 0.02; done

state() {
  ip -o link | cut -d: -f2
  ip -4 route
  nft list ruleset
  find /opt /usr/local /var/lib /run /etc/causeway /etc/systemd /etc/modules-load.d ! -path '*/etcd/*' 2>/dev/null | sort
  sysctl -a --pattern '^net\\.(ipv4\\.(ip_forward|conf)|bridge)' 2>/dev/null | sort
}
# Listing the rules creates what it lists once; that is no change.
nft list ruleset >/dev/null
state >"$MACHINE/before"
sh "$home/deploy/setup-host.sh" both --iface eth0 --network 10.20.0.0/16 --listen 127.0.0.1:7480
tries=0
until svcctl get nodes | grep alive; do
  [ $((tries += 1)) -lt 200 ] || exit 1
  sleep 0.1
done
svcctl expose 2.2.2.2:88 --name web --wait
ss -Hltn | grep -F 10.0.0.11:2379
ip -4 address show dev cwy0 | grep 'inet 10.20.'
sh "$home/deploy/setup-host.sh" both
until causeway-agent plan; do
  [ $((tries += 1)) -lt 400 ] || exit 1
  sleep 0.1
done
sh "$home/deploy/setup-host.sh" uninstall
state >"$MACHINE/after"
`;

describe('setup-host.sh on a machine', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'causeway-machine-'));
    for (const folder of ['fake', 'said', 'layers']) mkdirSync(join(home, folder));
    for (const part of ['setup-host.sh', 'packages.sh', 'systemd'])
      cpSync(join(ROOT, 'deploy', part), join(home, 'deploy', part), { recursive: true });
    cpSync(join(ROOT, 'dist'), join(home, 'dist'), { recursive: true });
    writeFileSync(join(home, 'fake/systemctl'), SYSTEMCTL);
    chmodSync(join(home, 'fake/systemctl'), 0o755);
    writeFileSync(join(home, 'machine.sh'), MACHINE);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it(
    'sets a first host up, again, and takes all of it back but the data of etcd',
    () => {
      const flags = '--user --map-root-user --net --mount --pid --fork --kill-child --mount-proc'.split(' ');
      const { status, stdout, stderr } = spawnSync(
        'unshare',
        [...flags, 'sh', join(home, 'machine.sh'), home],
        {
          encoding: 'utf8',
          timeout: SLOW_MS,
        },
      );
      expect(status, `${stdout}\n${stderr}`).toBe(0);
      expect(stdout).toContain('10.0.0.11');
      expect(stdout).toContain('nothing to do');
      expect(stderr).toContain('/etc/causeway/agent.env is kept');
      const lines = (name: string) => readFileSync(join(home, 'said', name), 'utf8').split('\n');
      const [before, after] = [lines('before'), lines('after')];
      expect(before.filter((line) => !after.includes(line))).toEqual([]);
      expect(after.filter((line) => !before.includes(line))).toEqual([
        '/var/lib/causeway',
        '/var/lib/causeway/etcd',
      ]);
    },
    2 * SLOW_MS,
  );
});
