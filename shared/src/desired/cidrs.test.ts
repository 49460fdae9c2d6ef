import { describe, expect, it } from 'vitest';
import { formatBlocks, isEverything, readCidrs } from './cidrs.ts';

describe('readCidrs', () => {
  it('sorts them by family and address, in canonical form, without those inside of others', () => {
    const { byFamily, problems } = readCidrs([
      ...['192.0.2.7/24', '10.1.2.3/32', 'FD00:0:0::9/16', '10.0.0.0/8', '10.1.0.0/16', '192.0.2.0/24'],
      ...['11.0.0.0/8', '9.0.0.0/8', 'fd00:1::/32', 'fe00::/16'],
    ]);
    expect(formatBlocks(byFamily.ipv4)).toEqual(['9.0.0.0/8', '10.0.0.0/8', '11.0.0.0/8', '192.0.2.0/24']);
    expect(formatBlocks(byFamily.ipv6)).toEqual(['fd00::/16', 'fe00::/16']);
    expect(problems).toEqual([]);
  });

  it('leaves out what is none, and what no rule can hold', () => {
    const { byFamily, problems } = readCidrs(['10.0.0.0', '10.0.0.0/33', '::ffff:10.0.0.0/104', '::1/128']);
    expect(byFamily.ipv4).toEqual([]);
    expect(formatBlocks(byFamily.ipv6)).toEqual(['::1/128']);
    expect(problems).toEqual([
      '"10.0.0.0" is left out: it is no CIDR',
      '"10.0.0.0/33" is left out: it is no CIDR',
      '"::ffff:10.0.0.0/104" is left out: it is no CIDR',
    ]);
  });

  it('knows all addresses of a family', () => {
    const { byFamily } = readCidrs(['10.0.0.0/8', '0.0.0.0/0', '8000::/1']);
    expect([isEverything(byFamily.ipv4), isEverything(byFamily.ipv6), isEverything([])]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
