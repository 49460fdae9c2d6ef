import { keys } from '@causeway/shared/store/keys';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compact, put, remove } from '../support/etcd-keys.ts';
import { clockOf, cut, leaseFaults, readyz, subnetsOf, svcctl, told } from '../support/faults.ts';
import { type Flows, ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { comesBack, isSoon } from '../support/soon.ts';

/** What happens to etcd, and to a host's way to it, while containers of all hosts talk to each other. */
const ALIVE_SECONDS = 5;
const up = useLab({
  ...{ name: 'net-etcd', hosts: 3, etcd: 'cluster' },
  agentFlags: { all: ['--alive-seconds', String(ALIVE_SECONDS)] },
});
const ETCD = ['etcd-1', 'etcd-2', 'etcd-3'];
const PATIENT = { timeout: 60_000, interval: 100 };
const WELL = { code: 200, exitCode: 0, stderr: '' };

let flows: Flows;
let subnets: string;

beforeAll(async () => {
  flows = startFlows(up.lab, ringOf(await up.lab.containers()));
  subnets = await subnetsOf(up.lab);
  await flows.goOn();
});
afterAll(() => flows.stop());
afterEach(async () => {
  await flows.goOn();
  expect(await leaseFaults(up.lab)).toEqual([]);
  expect(await subnetsOf(up.lab)).toBe(subnets);
  for (const host of up.lab.hosts) await expect.poll(() => told(up.lab, host), PATIENT).toMatchObject(WELL);
});

describe('one member of three', () => {
  it('is killed: everything goes on, changes too', async () => {
    const { lab } = up;
    for (const member of ETCD) {
      await lab.stopEtcd('SIGKILL', member);
      const to = ['--to', 'web-1:12345', '--to', 'web-3:12345'];
      const change = ['expose', '2.2.2.2:88', '--name', member, ...to, '--wait'];
      await expect.poll(() => lab.svcctl(change), PATIENT).toMatchObject({ exitCode: 0 });
      await svcctl(lab, 'unexpose', member, '--wait');
      for (const host of lab.hosts) await expect.poll(() => told(lab, host), PATIENT).toMatchObject(WELL);
      await flows.goOn();
      await lab.startEtcd(member);
    }
  });
});

describe('all of etcd', () => {
  it('is stopped for a minute: traffic flows, the kernel is kept, and everybody is told the truth', async () => {
    const { lab } = up;
    const stopped = performance.now();
    await lab.stopEtcd();
    const peer = (await lab.containers().catch(() => [])).length;
    expect(peer).toBe(0);
    for (const host of lab.hosts) {
      const page = { code: 503, text: expect.stringMatching(/^\[-\]etcd failed: last word .* ago: .+$/m) };
      await expect.poll(() => readyz(lab, host), PATIENT).toMatchObject(page);
      // Two peers, each of them there.
      expect((await readyz(lab, host)).text.match(/^\[\+\]peer /gm)).toHaveLength(2);
    }
    const status = await lab.svcctl(['status']);
    expect(status.exitCode).not.toBe(0);
    expect(status.stdout + status.stderr).toMatch(/etcd/);
    const routes = () => output(lab, 'host-1', 'sh', '-c', 'ip route show proto 88 | wc -l');
    const before = await routes();
    await isSoon(1_000, async () => {
      await output(lab, 'host-1', 'ip', 'route', 'append', 'blackhole', '10.99.0.0/24', 'proto', '88');
      return comesBack(routes, before);
    });
    while (performance.now() - stopped < 60_000) await flows.goOn();
    expect((await readyz(lab, 'host-1')).text).toMatch(/^\[-\]etcd failed: last word 1 min/m);
    await lab.startEtcd();
    await lab.ready(60_000);
  });
});

describe('a host', () => {
  it('is cut off from etcd but not from its peers: it goes on, and is known not to be heard of', async () => {
    const { lab } = up;
    const mend = await cut(lab, ['host-2'], ETCD);
    await expect
      .poll(() => told(lab, 'host-2'), PATIENT)
      .toMatchObject({
        code: 503,
        text: expect.stringMatching(/^\[-\]etcd failed: /m),
        stderr: expect.stringContaining('host-2 is not alive'),
      });
    await flows.goOn();
    // The others are well, and still lead to it.
    const { code, text } = await readyz(lab, 'host-1');
    expect(code).toBe(200);
    expect(text).toMatch(/^\[\+\]peer \S+ of host-2 /m);
    await mend();
    await lab.ready(60_000);
  });

  it('misses changes, and their history is compacted away: it finds out what is and what is no longer', async () => {
    const { lab } = up;
    const lease = JSON.stringify({ PublicIP: lab.addressOf('client'), BackendType: 'host-gw' });
    const key = (subnet: string) => keys.subnet({ ipv4: subnet });
    const route = (host: string, subnet: string) => () => output(lab, host, 'ip', 'route', 'show', subnet);
    await put(lab, key('10.10.0.0/25'), lease);
    await expect.poll(route('host-2', '10.10.0.0/25'), PATIENT).toContain('proto 88');
    const mend = await cut(lab, ['host-2'], ETCD);
    await remove(lab, key('10.10.0.0/25'));
    await put(lab, key('10.10.0.128/25'), lease);
    await expect.poll(route('host-1', '10.10.0.128/25'), PATIENT).toContain('proto 88');
    for (let i = 0; i < 100; i++) await put(lab, `${keys.settings}/noise`, String(i));
    await compact(lab);
    await expect.poll(() => readyz(lab, 'host-2'), PATIENT).toMatchObject({ code: 503 });
    expect(await route('host-2', '10.10.0.0/25')()).toContain('proto 88');
    await mend();
    await expect.poll(route('host-2', '10.10.0.128/25'), PATIENT).toContain('proto 88');
    await expect.poll(route('host-2', '10.10.0.0/25'), PATIENT).toBe('');
    await remove(lab, key('10.10.0.128/25'));
    await remove(lab, `${keys.settings}/noise`);
    for (const host of lab.hosts) await expect.poll(route(host, '10.10.0.128/25'), PATIENT).toBe('');
  });
});

describe('a lease key that is none', () => {
  it.each([
    ['its name', `${keys.subnetPrefix}garbage`, '{}', 'subnets/garbage'],
    [
      'half of its name',
      `${keys.subnetPrefix}10.10.0.0-24&nonsense`,
      '{"PublicIP":"192.168.122.200"}',
      'nonsense',
    ],
    ['its value', keys.subnet({ ipv4: '10.10.0.0/24' }), 'not json', 'subnets/10.10.0.0-24'],
  ])('is told by %s, and takes nobody away', async (_, key, value, says) => {
    const { lab } = up;
    await put(lab, key, value);
    for (const host of lab.hosts)
      await expect
        .poll(() => told(lab, host), PATIENT)
        .toMatchObject({
          text: expect.stringContaining(says),
          exitCode: 7,
          stderr: expect.stringContaining(says),
        });
    await flows.goOn();
    // Neither does it hinder a host that joins.
    await lab.stopAgent('host-3', 'SIGKILL');
    await lab.startAgent('host-3');
    await lab.ready();
    expect(await subnetsOf(lab)).toBe(subnets);
    await remove(lab, key);
  });
});

describe('the clock', () => {
  const HOUR = 3_600_000;

  it('of a host is set forward and back while its agent runs: nothing runs out, nothing moves', async () => {
    const { lab } = up;
    const clock = clockOf(lab, 'host-2');
    clock.set(0);
    await lab.stopAgent('host-2');
    await lab.startAgent('host-2', { env: clock.env });
    await lab.ready();
    for (const hours of [1, -1, 49, 0]) {
      clock.set(hours * HOUR);
      expect(await shownTime()).toBeCloseTo(hours, 1);
      // Longer than a host that says nothing is taken for alive.
      const until = performance.now() + ALIVE_SECONDS * 1_000;
      while (performance.now() < until) await flows.more(3);
      await expect.poll(() => told(lab, 'host-2'), PATIENT).toMatchObject(WELL);
      expect(await subnetsOf(lab)).toBe(subnets);
    }
    await lab.stopAgent('host-2');
    await lab.startAgent('host-2');
    await lab.ready();
  });

  /** Hours by which a program with this clock is ahead. */
  async function shownTime(): Promise<number> {
    const { env } = clockOf(up.lab, 'host-2');
    const argv = ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const shown = await output(up.lab, 'host-2', ...argv, process.execPath, '-p', 'Date.now()');
    return (Number(shown) - Date.now()) / HOUR;
  }
});

describe('everything', () => {
  /** Numbers from 0 up to 1, the same in each run (mulberry32). */
  let seed = 3;
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const shuffled = <T>(all: readonly T[]) =>
    all
      .map((each) => [random(), each] as const)
      .sort(([a], [b]) => a - b)
      .map(([, each]) => each);

  it.each([1, 2])('is killed and started again in random order, time %i: all is as it was', async () => {
    const { lab } = up;
    const containers = await lab.containers();
    const kill: Record<string, () => Promise<void>> = { controller: () => lab.stopController('SIGKILL') };
    const start: Record<string, () => Promise<void>> = { controller: () => lab.startController() };
    for (const host of lab.hosts) {
      kill[host] = () => lab.stopAgent(host, 'SIGKILL');
      start[host] = () => lab.startAgent(host);
    }
    for (const member of ETCD) {
      kill[member] = () => lab.stopEtcd('SIGKILL', member);
      start[member] = () => lab.startEtcd(member);
    }
    for (const name of shuffled(Object.keys(kill))) await kill[name]?.();
    await flows.goOn();
    for (const name of shuffled(Object.keys(start))) {
      await start[name]?.();
      await flows.more(3);
    }
    await lab.ready(60_000);
    expect(await lab.containers()).toEqual(containers);
  });
});
