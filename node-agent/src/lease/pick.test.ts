import type { FamilyNetwork } from '@causeway/shared/model/network';
import { completeNetworkConfig } from '@causeway/shared/model/network.schema';
import { parseBlock } from '@causeway/shared/net/block';
import { describe, expect, it } from 'vitest';
import { freeSubnets, pickSubnet } from './pick.ts';

function network(text: string): FamilyNetwork {
  const { ipv4, ipv6 } = completeNetworkConfig(
    text.includes(':') ? { ipv6: { network: text } } : { ipv4: { network: text } },
  );
  const found = ipv4 ?? ipv6;
  if (found === undefined) throw new Error(`${text} is no network`);
  return found;
}
const blocks = (...texts: string[]) => texts.flatMap((text) => parseBlock(text) ?? []);
const large = network('10.10.0.0/16');
const small = network('10.10.0.0/28');
const pick = (more: Partial<Parameters<typeof pickSubnet>[0]> = {}) =>
  pickSubnet({ network: large, taken: [], wanted: [], random: 0, ...more });

describe('pickSubnet', () => {
  it('takes the first at 0, the last at almost 1, and the middle one in between', () => {
    expect(pick()).toBe('10.10.1.0/24');
    expect(pick({ random: 0.9999 })).toBe('10.10.255.0/24');
    expect(pick({ random: 0.5 })).toBe('10.10.128.0/24');
  });

  it('chooses in a network of 2^64 subnets too, and never one that is taken', () => {
    const vast = {
      network: 'fd00::/16',
      subnetLen: 80,
      subnetMin: 'fd00::',
      subnetMax: 'fd00:ffff:ffff:ffff:ffff::',
    };
    expect(pick({ network: vast, random: 0.5 })).toBe('fd00:8000::/80');
    const taken = blocks('fd00::/17');
    expect(pick({ network: vast, taken })).toBe('fd00:8000::/80');
    expect(pick({ network: network('fd00:10::/48') })).toBe('fd00:10:0:1::/64');
  });

  it('prefers what the host wants, in its order, when that is free and fits', () => {
    const wanted = ['x', '10.11.9.0/24', '10.10.9.0/25', '10.10.0.0/24', '10.10.8.0/24', '10.10.9.0/24'];
    expect(pick({ wanted })).toBe('10.10.8.0/24');
    expect(pick({ wanted, taken: blocks('10.10.8.0/24') })).toBe('10.10.9.0/24');
    expect(pick({ wanted, taken: blocks('10.10.8.0/22') })).toBe('10.10.1.0/24');
  });

  it.each([
    ['outside the network', '10.11.9.0/24'],
    ['of another length', '10.10.9.0/25'],
    ['below SubnetMin', '10.10.0.0/24'],
    ['with host bits', '10.10.9.1/24'],
    ['of the other family', 'fd00::/64'],
    ['nonsense', 'x'],
  ])('leaves a wanted subnet that is %s', (_why, subnet) => {
    expect(pick({ wanted: [subnet] })).toBe('10.10.1.0/24');
  });

  it('leaves what touches a block of another length', () => {
    expect(pick({ taken: blocks('10.10.0.0/22', '10.10.4.128/25') })).toBe('10.10.5.0/24');
    expect(pick({ taken: blocks('10.0.0.0/8') })).toBeUndefined();
    expect(pick({ taken: blocks('10.11.0.0/16', '10.9.0.0/16', 'fd00::/8') })).toBe('10.10.1.0/24');
  });

  it('answers undefined when all are taken', () => {
    const taken = blocks('10.10.0.4/30', '10.10.0.8/30', '10.10.0.12/30');
    expect(pick({ network: small, taken })).toBeUndefined();
    expect(pick({ network: small, taken: taken.slice(1), random: 0.99 })).toBe('10.10.0.4/30');
  });
});

it('counts the free ones', () => {
  expect(freeSubnets(small, []).count).toBe(3n);
  expect(freeSubnets(small, blocks('10.10.0.8/31', '10.10.0.10/31')).count).toBe(2n);
  expect(freeSubnets(large, blocks('10.10.0.0/24')).count).toBe(255n);
  expect(freeSubnets(small, []).nth(3n)).toBeUndefined();
});
