import type { LabContainer, LabOptions } from '@causeway/lab/lab';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf, told } from '../support/faults.ts';
import { type Flows, ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { carries, fragments, seenBy, transfer } from '../support/packets.ts';

/** Networks of one family alone, on links of several sizes. */
interface Case {
  readonly name: string;
  readonly options: LabOptions;
  /** The largest packet between containers, bytes. */
  readonly mtu: number;
}

const IPV6 = { network: 'none', networkIpv6: 'fd00:10::/48' };
const CASES: readonly Case[] = [
  { name: 'IPv4, host-gw', options: {}, mtu: 1_500 },
  { name: 'IPv4, vxlan', options: { backend: 'vxlan', far: 1 }, mtu: 1_450 },
  { name: 'IPv4, vxlan on large links', options: { backend: 'vxlan', mtu: 9_000 }, mtu: 8_950 },
  { name: 'IPv6, host-gw', options: IPV6, mtu: 1_500 },
  {
    name: 'IPv6, vxlan with direct routes, iptables',
    ...{
      options: { ...IPV6, backend: 'vxlan', directRouting: true, dataplane: 'iptables', far: 1 },
      mtu: 1_430,
    },
  },
  {
    name: 'IPv6, host-gw that falls back to vxlan',
    ...{ options: { ...IPV6, fallback: 'vxlan', far: 1 }, mtu: 1_430 },
  },
];
const FIFTY_MIB = 50 * 2 ** 20;

describe.each(CASES)('$name', ({ options, mtu }) => {
  const up = useLab({ name: 'family', hosts: 3, ...options });
  const isIpv6 = options.network === 'none';
  let web: readonly LabContainer[];
  let flows: Flows;

  const on = (host: number): LabContainer => {
    const found = web.find((each) => each.name === `web-${host}`);
    if (found === undefined) throw new Error(`no container runs on host-${host}`);
    return found;
  };
  beforeAll(async () => {
    web = await up.lab.containers();
    flows = startFlows(up.lab, ringOf(web));
  });
  afterAll(() => flows.stop());

  it('lets containers of all hosts talk, in this family and no other', async () => {
    const { lab } = up;
    expect(web.map(({ address }) => address.includes(':'))).toEqual(web.map(() => isIpv6));
    await flows.goOn();
    for (const host of lab.hosts) {
      expect(await planOf(lab, host)).toBe('nothing to do');
      expect(await told(lab, host)).toMatchObject({ code: 200, exitCode: 0, stderr: '' });
      const other = isIpv6 ? '-4' : '-6';
      expect(await output(lab, host, 'ip', other, 'route', 'show', 'proto', '88')).toBe('');
    }
  });

  it('carries packets of the right size whole, and a large transfer unharmed', async () => {
    const { lab } = up;
    const before = await Promise.all(lab.members.map((member) => fragments(lab, member)));
    for (const other of [on(2), on(3)]) {
      await carries(lab, on(1), other, mtu);
      await transfer(lab, on(1), other, other.address, FIFTY_MIB);
    }
    expect(await Promise.all(lab.members.map((member) => fragments(lab, member)))).toEqual(before);
  });

  it('shows a container who calls, and the internet only the host', async () => {
    const { lab } = up;
    const addressOf = isIpv6 ? lab.ipv6AddressOf : lab.addressOf;
    expect(await seenBy(lab, on(1), on(3).address)).toBe(on(1).address);
    expect(await seenBy(lab, on(1), addressOf('internet'))).toBe(addressOf('host-1'));
    await flows.goOn();
    flows.stop();
  });
});
