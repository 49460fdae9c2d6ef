import type { LabContainer } from '@causeway/lab/lab';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf, readyz, svcctl, told } from '../support/faults.ts';
import { type Flows, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { carries, fragments, seenBy, transfer } from '../support/packets.ts';

/**
 * Both families, two networks of hosts with a router between them, and every backend: containers of host-1 and host-2
 * (near each other), host-3 and host-4 (further away).
 */
const up = useLab({ name: 'paths', hosts: 4, far: 2, networkIpv6: 'fd00:10::/48', backend: 'vxlan' });
const PATIENT = { timeout: 60_000, interval: 50 };
const WELL = { code: 200, exitCode: 0, stderr: '' };
const FIFTY_MIB = 50 * 2 ** 20;

type Way = 'direct' | 'tunnel' | 'none';
interface Case {
  readonly name: string;
  /** For `svcctl network set`. */
  readonly flags: readonly string[];
  readonly near: Way;
  readonly far: Way;
  /** The largest packet between containers, bytes: 1500 less what the tunnels need. */
  readonly mtu: number;
}

// The first is what the lab starts with; each of the others is changed to while traffic flows.
const CASES: readonly Case[] = [
  { name: 'vxlan', flags: [], near: 'tunnel', far: 'tunnel', mtu: 1_430 },
  {
    name: 'vxlan with direct routes',
    ...{ flags: ['--direct-routing', 'true'], near: 'direct', far: 'tunnel', mtu: 1_430 },
  },
  {
    name: 'host-gw that falls back to vxlan',
    ...{ flags: ['--backend', 'host-gw', '--fallback', 'vxlan'], near: 'direct', far: 'tunnel', mtu: 1_430 },
  },
  { name: 'host-gw', flags: ['--fallback', 'none'], near: 'direct', far: 'none', mtu: 1_500 },
];

let web: readonly LabContainer[];
const on = (host: number): LabContainer => {
  const found = web.find((each) => each.name === `web-${host}`);
  if (found === undefined) throw new Error(`no container runs on host-${host}`);
  return found;
};
const addresses = ({ address, ipv6Address = '' }: LabContainer) => [address, ipv6Address];

beforeAll(async () => {
  web = await up.lab.containers();
});

describe.each(CASES)('$name', ({ flags, near, far, mtu }) => {
  let flows: Flows | undefined;
  afterAll(() => flows?.stop());

  it('comes into force while traffic flows, and loses none of it', async () => {
    const { lab } = up;
    const pairs = [[1, 2], [2, 1], ...(far === 'none' ? [] : [[1, 3] as const, [3, 2] as const])].flatMap(
      ([from = 0, to = 0]) => addresses(on(to)).map((address) => ({ from: on(from), to: address })),
    );
    flows = startFlows(lab, pairs);
    await flows.goOn();
    if (flags.length > 0) await svcctl(lab, 'network', 'set', ...flags);
    for (const host of lab.hosts) {
      for (const family of ['-4', '-6']) {
        const ways = async () =>
          waysOf(await output(lab, host, 'ip', family, '-j', 'route', 'show', 'proto', '88'));
        await expect.poll(ways, PATIENT).toEqual(expectedWays(near, far));
      }
      await expect.poll(() => linkMtus(host), PATIENT).toEqual([mtu, mtu]);
    }
    await flows.goOn();
    flows.stop();
    expect(await lab.containers()).toEqual(web);
  });

  it('carries packets of the right size whole, and not one byte more', async () => {
    const { lab } = up;
    const before = await Promise.all(lab.members.map((member) => fragments(lab, member)));
    await carries(lab, on(1), on(2), mtu);
    if (far !== 'none') await carries(lab, on(1), on(3), mtu);
    expect(await Promise.all(lab.members.map((member) => fragments(lab, member)))).toEqual(before);
  });

  it('carries 50 MiB over one connection, unharmed, in both families', async () => {
    const { lab } = up;
    const other = far === 'none' ? on(2) : on(3);
    await transfer(lab, on(1), on(2), on(2).address, FIFTY_MIB);
    await transfer(lab, on(1), other, other.ipv6Address ?? '', FIFTY_MIB);
  });

  it('shows a container who calls, and the internet only the host', async () => {
    const { lab } = up;
    for (const address of addresses(on(2)))
      expect(addresses(on(1))).toContain(await seenBy(lab, on(1), address));
    expect(await seenBy(lab, on(1), lab.addressOf('internet'))).toBe(lab.addressOf('host-1'));
    expect(await seenBy(lab, on(1), lab.ipv6AddressOf('internet'))).toBe(lab.ipv6AddressOf('host-1'));
    expect(await seenBy(lab, on(3), lab.ipv6AddressOf('internet'))).toBe(lab.ipv6AddressOf('host-3'));
  });

  it('is told per peer, and nothing is left to do', async () => {
    const { lab } = up;
    const peers = far === 'none' ? { well: 2, ill: 4 } : { well: 6, ill: 0 };
    for (const host of ['host-1', 'host-4']) {
      expect(await planOf(lab, host)).toMatch(/^nothing to do(\nproblem: no route to subnet .*)*$/);
      const { text } = await readyz(lab, host);
      expect(text.match(/^\[\+\]peer /gm) ?? []).toHaveLength(peers.well);
      expect(text.match(/^\[-\]peer \S+ of host-\d \(\S+\) failed: .+/gm) ?? []).toHaveLength(peers.ill);
    }
    const status = far === 'none' ? { exitCode: 7, stderr: expect.stringMatching(/host-1: .*host-3/) } : WELL;
    await expect.poll(() => told(lab, 'host-1'), PATIENT).toMatchObject(status);
  });

  /** How many routes lead to other hosts' containers by each way. */
  function waysOf(listing: string): Record<string, number> {
    const routes = JSON.parse(listing) as { dst: string; dev: string }[];
    const counts: Record<string, number> = {};
    for (const { dst, dev } of routes) {
      if (!/^(10\.10\.|fd00:10:)/.test(dst) || dev === 'cwy0') continue;
      const way = dev.startsWith('cwyx') ? 'tunnel' : 'direct';
      counts[way] = (counts[way] ?? 0) + 1;
    }
    return counts;
  }

  /** Each host has one peer near it and two further away. */
  function expectedWays(one: Way, two: Way): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const way of [one, two, two]) if (way !== 'none') counts[way] = (counts[way] ?? 0) + 1;
    return counts;
  }
});

describe('masquerading', () => {
  it('leaves the destinations alone that are named, and can be off', async () => {
    const { lab } = up;
    const internet = [lab.addressOf('internet'), lab.ipv6AddressOf('internet')];
    // Without these the answer to a container's own address would not come back.
    for (const [i, address] of addresses(on(1)).entries()) {
      const via = [lab.addressOf('host-1'), lab.ipv6AddressOf('host-1')][i] ?? '';
      await output(lab, 'router', 'ip', 'route', 'add', address, 'via', via);
    }
    const seen = () => Promise.all(internet.map((each) => seenBy(lab, on(1), each)));
    const asHost = [lab.addressOf('host-1'), lab.ipv6AddressOf('host-1')];
    await svcctl(lab, 'network', 'set', '--non-masquerade', '203.0.113.0/24,2001:db8:113::/64');
    await expect.poll(seen, PATIENT).toEqual(addresses(on(1)));
    await svcctl(lab, 'network', 'set', '--non-masquerade', '203.0.113.0/24');
    await expect.poll(seen, PATIENT).toEqual([on(1).address, asHost[1]]);
    await svcctl(lab, 'network', 'set', '--non-masquerade', '', '--masquerade', 'false');
    await expect.poll(seen, PATIENT).toEqual(addresses(on(1)));
    await svcctl(lab, 'network', 'set', '--masquerade', 'true');
    await expect.poll(seen, PATIENT).toEqual(asHost);
  });
});

/** Of a container's link and of the bridge, which the container's may follow a moment later. */
async function linkMtus(host: string): Promise<readonly number[]> {
  const name = host.replace('host', 'web');
  const mtus = await Promise.all([
    output(up.lab, host, 'ip', 'netns', 'exec', `cwy-${name}`, 'cat', '/sys/class/net/eth0/mtu'),
    output(up.lab, host, 'cat', '/sys/class/net/cwy0/mtu'),
  ]);
  return mtus.map(Number);
}
