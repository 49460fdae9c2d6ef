import { describe, expect, it } from 'vitest';
import { containsAddress, formatAddress, formatCidr, overlaps, parseAddress, parseCidr } from './cidr.ts';

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', 0],
    ['10.10.1.2', 0x0a0a0102],
    ['255.255.255.255', 0xffffffff],
  ])('reads %s', (text, value) => {
    expect(parseAddress(text)).toBe(value);
    expect(formatAddress(value)).toBe(text);
  });

  it.each(['', '1.2.3', '1.2.3.4.', '01.2.3.4', '256.1.1.1', ' 1.2.3.4', '1.2.3.4\n', 'x', '::1'])(
    'refuses %j',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );
});

describe('parseCidr', () => {
  it('masks the host bits', () => {
    const cidr = parseCidr('10.10.77.3/16');
    expect(cidr && formatCidr(cidr)).toBe('10.10.0.0/16');
  });

  it.each(['10.10.0.0', '10.10.0.0/33', '10.10.0.0/x', '10.10.0.0/16/2', '/16', '10.10.0.0/'])(
    'refuses %j',
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );
});

describe('containment', () => {
  const network = { base: 0x0a0a0000, length: 16 };
  it('knows the first and the last address', () => {
    expect(containsAddress(network, 0x0a0a0000)).toBe(true);
    expect(containsAddress(network, 0x0a0affff)).toBe(true);
    expect(containsAddress(network, 0x0a0b0000)).toBe(false);
  });
  it('sees overlap in both directions', () => {
    const part = { base: 0x0a0a0500, length: 24 };
    expect(overlaps(network, part)).toBe(true);
    expect(overlaps(part, network)).toBe(true);
    expect(overlaps(part, { base: 0x0a0a0600, length: 24 })).toBe(false);
  });
});
