import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keys } from '../../shared/src/store/keys.ts';
import { useBundle } from '../support/bundle.ts';
import { etcdProgram } from '../support/etcd.ts';
import { type Netns, openNetns } from '../support/netns.ts';

/** One host with the agent's program and a real etcd, in throw-away namespaces; its peers are keys in etcd. */
const ETCD_URL = 'http://127.0.0.1:2379';
const HEALTH = '127.0.0.1:7481';
const patient = { timeout: 60_000, interval: 100 };
const SETUP = `
ip link add eth0 type veth peer name far
for link in eth0 far; do echo 0 > /proc/sys/net/ipv6/conf/$link/accept_dad; done
ip link set far up
ip address add 192.168.122.11/24 dev eth0
ip address add fd00:122::b/64 dev eth0
ip link set eth0 up
ip route add default via 192.168.122.1
`;
/** All that an agent may change, as text. */
const STATE = `
ip -o address | sed 's/ *valid_lft.*//'
ip -4 route show table all | sort
ip -6 route show table all | sed 's/ expires [0-9]*sec//' | sort
nft list ruleset
sysctl -a 2>/dev/null | grep '^net\\.\\(ipv4\\|ipv6\\|bridge\\)' | grep -v 'nf_conntrack\\|_mem\\|\\.neigh\\.\\|stable_secret'
ls /run
`;

const program = useBundle(new URL('../../node-agent/src/main.ts', import.meta.url));
let directory: string;
let world: Netns;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-program-'));
  world = await openNetns();
  await world.sh(SETUP);
  const flags = `--listen-client-urls ${ETCD_URL} --advertise-client-urls ${ETCD_URL} --listen-peer-urls http://127.0.0.1:0`;
  await world.sh(
    `${etcdProgram()} --data-dir ${directory}/etcd ${flags} >${directory}/etcd.log 2>&1 & echo $! >${directory}/etcd.pid`,
  );
  await vi.waitFor(() => world.sh(`curl -sf ${ETCD_URL}/health | grep -q true`), patient);
});
afterEach(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function put(key: string, value: unknown): Promise<void> {
  const body = JSON.stringify({ key: base64(key), value: base64(JSON.stringify(value)) });
  await world.exec('curl', ['-sf', `${ETCD_URL}/v3/kv/put`, '-d', body]);
}

const command = (words: string) =>
  `node ${program.path} ${words} --name host-1 --state-dir ${directory}/state`;
const startAgent = (flags = '', environment = '') =>
  world.sh(
    `(${environment} ${command(`run ${flags}`)} >>${directory}/agent.log 2>&1 & echo $! >${directory}/agent.pid)`,
  );
/** Nobody in these namespaces collects the dead, which stay as zombies. */
const stopAgent = () =>
  world.sh(`
    pid=$(cat ${directory}/agent.pid)
    kill $pid
    until grep -q '^State:.Z' /proc/$pid/status; do sleep 0.05; done`);
const agentLog = () => readFile(join(directory, 'agent.log'), 'utf8');
const shell = async (script: string) => (await world.sh(script)).stdout;
/** The page's text; its code is in the first line. */
const page = (path: string) =>
  shell(
    `curl -s -w '%{http_code}' -o ${directory}/page 'http://${HEALTH}${path}'; echo; cat ${directory}/page`,
  );

describe('the agent’s program', () => {
  it('tells on its pages how long etcd has been silent, while the kernel stays as it is, and that it is back', async () => {
    await put(keys.networkConfig, { Network: '10.10.0.0/16' });
    await put(keys.subnet({ ipv4: '10.10.12.0/24' }), { PublicIP: '192.168.122.12', BackendType: 'host-gw' });
    await startAgent('--alive-seconds 2');
    await vi.waitFor(async () => expect(await page('/readyz')).toBe('200\nok\n'), patient);
    expect(await page('/readyz?verbose')).toContain(
      '[+]peer 10.10.12.0/24 (192.168.122.12) ok: installed, direct\n',
    );
    expect(await shell('cat /run/flannel/subnet.env')).toMatch(
      /^FLANNEL_NETWORK=10\.10\.0\.0\/16\nFLANNEL_SUBNET=/,
    );
    const routes = await shell('ip route show proto 88');
    await world.sh(`kill -STOP $(cat ${directory}/etcd.pid)`);
    await vi.waitFor(
      async () =>
        expect(await page('/readyz')).toMatch(
          /^503\n\[-\]etcd failed: last word (?:[3-9]|\d\d)(?:\.\d)? s ago/,
        ),
      patient,
    );
    expect(await page('/healthz')).toBe('200\nok\n');
    expect(await page('/metrics')).toMatch(/^causeway_etcd_last_word_seconds (?:[3-9]|\d\d)/m);
    await world.sh('ip route flush proto 88');
    await vi.waitFor(async () => expect(await shell('ip route show proto 88')).toBe(routes), patient);
    await world.sh(`kill -CONT $(cat ${directory}/etcd.pid)`);
    await vi.waitFor(async () => expect(await page('/readyz')).toBe('200\nok\n'), patient);
  });

  it('serves a network of IPv6 alone through a tunnel, and leaves nothing behind', async () => {
    const network = {
      EnableIPv4: false,
      EnableIPv6: true,
      IPv6Network: 'fd00:10::/48',
      Backend: { Type: 'vxlan' },
    };
    await put(keys.networkConfig, network);
    const data = { VNI: 1, VtepMAC: '02:00:00:00:00:0c' };
    await put(keys.subnet({ ipv6: 'fd00:10:0:c::/64' }), {
      ...{ PublicIP: '0.0.0.0', PublicIPv6: 'fd00:122::c', BackendType: 'vxlan', BackendV6Data: data },
    });
    const before = await shell(STATE);
    await startAgent();
    await vi.waitFor(async () => expect(await page('/readyz')).toBe('200\nok\n'), patient);
    expect(await shell('ip -6 route show proto 88')).toMatch(
      /^fd00:10:0:c::\/64 via fd00:10:0:c:: dev cwyx6\.1 .*onlink/,
    );
    expect(await shell('ip link show cwy0')).toContain('mtu 1430');
    expect(await shell('nft list ruleset')).toContain('table ip6 causeway');
    expect(await shell('ip -4 route show proto 88; nft list ruleset | grep "table ip causeway" || :')).toBe(
      '',
    );
    const plan = await world.sh(`exec ${command('plan')}`);
    expect(plan.stdout).toBe('nothing to do\n');
    await stopAgent();
    const cleanup = await world.sh(`exec ${command('cleanup')}`);
    expect(cleanup.stderr).toBe('');
    expect(cleanup.stdout).toMatch(/gave back subnet fd00:10:/);
    // The directory was made for the file, and is another's too.
    await world.sh('test ! -e /run/flannel');
    expect(await shell(STATE)).toBe(before);
  });

  it('goes on when the address of its pages is another’s, and never says a password', async () => {
    await put(keys.networkConfig, { Network: '10.10.0.0/16' });
    await world.start('node', [
      '-e',
      "require('node:http').createServer().listen(7481, '127.0.0.1', () => console.log('x'))",
    ]);
    await startAgent();
    await vi.waitFor(async () => expect(await agentLog()).toMatch(/health pages are not served/), patient);
    await vi.waitFor(() => world.sh('ip link show cwy0'), patient);
    await stopAgent();
    await startAgent('--etcd-username root --log-level trace', 'CAUSEWAY_ETCD_PASSWORD=geheim');
    await vi.waitFor(async () => expect((await agentLog()).match(/"joined with /g)).toHaveLength(2), patient);
    await stopAgent();
    expect(await agentLog()).not.toContain('geheim');
  });

  it('notes that it is ended because its host goes down, until it runs there again', async () => {
    mkdirSync(join(directory, 'bin'));
    const systemctl = '#!/bin/sh\n[ "$1" = is-system-running ] && echo stopping; exit 1\n';
    writeFileSync(join(directory, 'bin/systemctl'), systemctl, { mode: 0o755 });
    await put(keys.networkConfig, { Network: '10.10.0.0/16' });
    const started = async (environment = '') => {
      await startAgent('', environment);
      await vi.waitFor(async () => expect(await page('/readyz')).toBe('200\nok\n'), patient);
    };
    const note = join(directory, 'state/shutdown');
    await started(`PATH=${directory}/bin:$PATH`);
    await stopAgent();
    expect(await readFile(note, 'utf8')).toBe(await readFile('/proc/sys/kernel/random/boot_id', 'utf8'));
    await started();
    expect(existsSync(note)).toBe(false);
    await stopAgent();
  });

  it('refuses a wrong command line with one sentence, the flag and the value', async () => {
    const refused: readonly [string, string][] = [
      ['--iface-regex "("', '--iface-regex "(" is no regular expression: Unterminated group'],
      [
        '--public-ipv6 fe80::1',
        '--public-ipv6 "fe80::1" is a link-local address: it has a meaning on one link only',
      ],
      ['--health-addr 7481', '--health-addr "7481" is neither ADDRESS:PORT, like 127.0.0.1:7481, nor off'],
      ['--etcd-certfile /x', '--etcd-certfile "/x" needs its private key, --etcd-keyfile'],
    ];
    for (const [flags, sentence] of refused) {
      const { exitCode, stderr } = await world.sh(`exec ${command(`run ${flags}`)}`, { okCodes: [1, 2] });
      expect([exitCode, stderr]).toEqual([2, `causeway-agent: ${sentence}\n`]);
    }
    const unreadable = await world.sh(
      `exec ${command('run --etcd https://127.0.0.1 --etcd-cafile /nowhere')}`,
      { okCodes: [1, 2] },
    );
    expect(unreadable.exitCode).toBe(1);
    expect(unreadable.stderr).toMatch(/^causeway-agent: --etcd-cafile "\/nowhere" cannot be read: .*\n$/);
    expect(await shell(`${command('run --help')}`)).toContain('--iface-can-reach <address>');
  });
});
