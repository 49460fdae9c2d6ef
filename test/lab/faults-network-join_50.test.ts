import { keys } from '@causeway/shared/store/keys';
import { beforeAll, describe, expect, it } from 'vitest';
import { list, put } from '../support/etcd-keys.ts';
import { eventsOf, leaseFaults, readyz } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';

/** Fifty agents that join at once, where two of them find no subnet. */
const HOSTS = 50;
const SUBNETS = 48;
const up = useLab({ name: 'net-join-50', hosts: HOSTS, until: 'controller' });
const CONFIG = {
  ...{ Network: '10.10.0.0/16', SubnetMin: '10.10.1.0', SubnetMax: `10.10.${SUBNETS}.0` },
  Backend: { Type: 'host-gw' },
};
const PATIENT = { timeout: 100_000, interval: 500 };

interface Node {
  readonly name: string;
  readonly alive: boolean;
  readonly subnet?: string;
}

describe('fifty agents that join at once with two free subnets too few', () => {
  const nodes = () => up.lab.api.list<Node>('/v1/nodes');
  let waiting: string[];

  beforeAll(async () => {
    const { lab } = up;
    await put(lab, keys.networkConfig, JSON.stringify(CONFIG));
    await Promise.all(lab.hosts.map((host) => lab.startAgent(host)));
  });

  it('are all there, no two of them with one subnet', async () => {
    const joined = async () => (await nodes()).filter(({ alive }) => alive).length;
    await expect.poll(joined, PATIENT).toBe(HOSTS);
    const subnets = async () => (await nodes()).filter(({ subnet }) => subnet !== undefined).length;
    await expect.poll(subnets, PATIENT).toBe(SUBNETS);
    waiting = (await nodes()).filter(({ subnet }) => subnet === undefined).map(({ name }) => name);
    expect(await leaseFaults(up.lab)).toEqual([]);
    expect(await list(up.lab, keys.subnetPrefix)).toHaveLength(SUBNETS);
    expect(waiting).toHaveLength(HOSTS - SUBNETS);
  });

  it('lets the two that wait say so, and what to do', async () => {
    const { lab } = up;
    const says = /10\.10\.0\.0\/16.*48/;
    for (const host of waiting) {
      expect((await readyz(lab, host)).text).toMatch(says);
      const events = (await eventsOf(lab, host)).filter(({ kind }) => kind === 'waiting');
      expect(events).toMatchObject([{ severity: 'warning', message: expect.stringMatching(says) }]);
    }
    const { exitCode, stderr } = await lab.svcctl(['status']);
    expect(exitCode).toBe(7);
    for (const host of waiting) expect(stderr).toMatch(new RegExp(`${host}: .*${says.source}`));
  });

  it('gives a subnet that is given back to one of the two at once', async () => {
    const { lab } = up;
    const leaver = (await nodes()).find(({ name, subnet }) => subnet !== undefined && name !== 'host-1');
    await lab.stopAgent(leaver?.name ?? '');
    await output(lab, leaver?.name ?? '', 'causeway-agent', 'cleanup', '--etcd', lab.etcd);
    const taker = async () => (await nodes()).find(({ subnet }) => subnet === leaver?.subnet)?.name;
    await expect.poll(taker, PATIENT).toBeOneOf(waiting);
    const host = (await taker()) ?? '';
    await expect.poll(() => readyz(lab, host), PATIENT).toMatchObject({ code: 200 });
    expect((await readyz(lab, host)).text.match(/^\[\+\]peer /gm)).toHaveLength(SUBNETS - 1);
    expect(await leaseFaults(lab)).toEqual([]);
  });
});
