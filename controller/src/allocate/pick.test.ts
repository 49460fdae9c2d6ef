import { CausewayError } from '@causeway/shared/errors';
import { describe, expect, it } from 'vitest';
import { block as range } from '../../../test/support/cluster-facts.ts';
import { pickNodePort } from './pick-node-port.ts';
import { pickVip } from './pick-vip.ts';

const never = () => false;
const always = () => true;

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof CausewayError) return error.code;
  }
  return 'none';
}

describe('pickVip', () => {
  it('leaves the first 256 addresses of a /16 to those who choose by hand', () => {
    expect(pickVip(range('10.96.0.0/16'), never, () => 0)).toBe('10.96.1.0');
    expect(pickVip(range('10.96.0.0/16'), never, () => 0.999999999)).toBe('10.96.255.254');
  });

  it('skips what is taken, around the end of the range', () => {
    const taken = new Set(['10.96.255.254', '10.96.1.0']);
    expect(
      pickVip(
        range('10.96.0.0/16'),
        (address) => taken.has(address),
        () => 0.999999999,
      ),
    ).toBe('10.96.1.1');
  });

  it('uses the low band when nothing else is free, and never the first or last address', () => {
    const given = new Set<string>();
    const isTaken = (address: string) => given.has(address);
    for (let n = 0; n < 62; n++) given.add(pickVip(range('10.96.0.0/26'), isTaken, Math.random));
    expect(given.size).toBe(62);
    expect(given.has('10.96.0.0') || given.has('10.96.0.63')).toBe(false);
    expect(codeOf(() => pickVip(range('10.96.0.0/26'), isTaken, Math.random))).toBe('exhausted');
  });

  it('does the same in a range of IPv6, of which it gives out the first 2³² at most', () => {
    expect(pickVip(range('fd00:10:96::/112'), never, () => 0)).toBe('fd00:10:96::100');
    expect(pickVip(range('fd00:10:96::/112'), never, () => 0.999999999)).toBe('fd00:10:96::fffe');
    expect(pickVip(range('fd00::/64'), never, () => 0)).toBe('fd00::100');
    expect(pickVip(range('fd00::/64'), never, () => 1 - 2 ** -53)).toBe('fd00::ffff:ffff');
    expect(pickVip(range('fd00::7/128'), never, () => 0)).toBe('fd00::7');
    expect(codeOf(() => pickVip(range('fd00::/127'), always, () => 0))).toBe('exhausted');
  });

  it('works with ranges of one and two addresses', () => {
    expect(pickVip(range('10.96.0.7/32'), never, () => 0.5)).toBe('10.96.0.7');
    expect(
      pickVip(
        range('10.96.0.6/31'),
        (address) => address === '10.96.0.6',
        () => 0,
      ),
    ).toBe('10.96.0.7');
    expect(codeOf(() => pickVip(range('10.96.0.7/32'), always, () => 0))).toBe('exhausted');
  });
});

describe('pickNodePort', () => {
  const usual = { nodePortMin: 30000, nodePortMax: 32767 };

  it('leaves the first 86 ports to those who choose by hand', () => {
    expect(pickNodePort(usual, never, () => 0)).toBe(30086);
    expect(pickNodePort(usual, never, () => 0.999999999)).toBe(32767);
  });

  it('uses the low band when nothing else is free', () => {
    expect(
      pickNodePort(
        usual,
        (port) => port >= 30086,
        () => 0,
      ),
    ).toBe(30000);
    expect(codeOf(() => pickNodePort(usual, always, () => 0))).toBe('exhausted');
  });

  it('works with a range of one port', () => {
    expect(pickNodePort({ nodePortMin: 30000, nodePortMax: 30000 }, never, () => 0)).toBe(30000);
  });
});
