import { CausewayError } from '@causeway/shared/errors';
import { nthOfBlock, parseBlock } from '@causeway/shared/net/block';
import { describe, expect, it } from 'vitest';
import { assignAddresses, macOf } from './addresses.ts';

function assign(cidr: string, held: Record<string, string>, wanted: string[]): Record<string, unknown> {
  const subnet = parseBlock(cidr);
  if (subnet === undefined) throw new Error(cidr);
  const gateway = nthOfBlock(subnet, 1);
  return Object.fromEntries(
    assignAddresses({ subnet, gateway, held: new Map(Object.entries(held)), wanted }),
  );
}

describe('addresses of containers', () => {
  it('start behind the gateway and fill gaps', () => {
    expect(assign('10.10.1.0/24', {}, ['a', 'b'])).toEqual({ a: '10.10.1.2', b: '10.10.1.3' });
    expect(assign('10.10.1.0/24', { a: '10.10.1.2', c: '10.10.1.4' }, ['c', 'b'])).toEqual({
      c: '10.10.1.4',
      b: '10.10.1.3',
    });
  });

  it('stay taken while somebody holds them, wanted or not', () => {
    expect(assign('10.10.1.0/24', { stuck: '10.10.1.2' }, ['a'])).toEqual({ a: '10.10.1.3' });
  });

  it('are exchanged when they lie outside of the subnet, are nobody’s to have, or are no addresses', () => {
    const held = { a: '10.10.9.2', b: '10.10.1.1', c: '10.10.1.255', d: '10.10.1.0', e: 'x' };
    expect(assign('10.10.1.0/24', held, ['a', 'b', 'c', 'd', 'e'])).toEqual({
      a: '10.10.1.2',
      b: '10.10.1.3',
      c: '10.10.1.4',
      d: '10.10.1.5',
      e: '10.10.1.6',
    });
  });

  it('belong to the first by name of two that hold the same', () => {
    expect(assign('10.10.1.0/24', { b: '10.10.1.2', a: '10.10.1.2' }, ['b', 'a'])).toEqual({
      a: '10.10.1.2',
      b: '10.10.1.3',
    });
  });

  it('run out with a sentence, for those only that came last', () => {
    const given = assign('10.10.1.0/29', {}, ['a', 'b', 'c', 'd', 'e', 'f']);
    expect(given.e).toBe('10.10.1.6');
    expect(given.f).toBeInstanceOf(CausewayError);
    expect(String(given.f)).toContain(
      'choosing an IPv4 address for container f: all 5 addresses of 10.10.1.0/29 are taken',
    );
    expect(assign('10.10.1.0/31', {}, ['a']).a).toMatchObject({ code: 'exhausted' });
    expect(assign('10.10.1.4/32', {}, ['a']).a).toMatchObject({ code: 'exhausted' });
  });

  it('are the same in IPv6, where the last one is one like the others', () => {
    const v6 = 'fd00:10:0:1::';
    expect(assign(`${v6}/64`, { b: 'fd00:10:0:1:0::3', c: `${v6}ffff` }, ['a', 'b', 'c', 'd'])).toEqual({
      ...{ a: `${v6}2`, b: `${v6}3`, c: `${v6}ffff`, d: `${v6}4` },
    });
    const held = { a: '10.10.1.2', b: `${v6}1`, c: v6 };
    expect(assign(`${v6}/64`, held, ['a', 'b', 'c'])).toEqual({ a: `${v6}2`, b: `${v6}3`, c: `${v6}4` });
    const small = assign(`${v6}/126`, {}, ['a', 'b', 'c']);
    expect([small.a, small.b]).toEqual([`${v6}2`, `${v6}3`]);
    expect(String(small.c)).toContain(
      'an IPv6 address for container c: all 2 addresses of fd00:10:0:1::/126',
    );
    expect(assign(`${v6}/128`, {}, ['a']).a).toMatchObject({ code: 'exhausted' });
  });

  it('make the link-layer address', () => {
    expect(macOf({ ipv4: '10.10.1.255' })).toBe('0a:58:0a:0a:01:ff');
    expect(macOf({ ipv4: '10.10.1.255', ipv6: 'fd00::2' })).toBe('0a:58:0a:0a:01:ff');
    expect(macOf({ ipv6: 'fd00:10:0:1::1:2ff' })).toBe('0a:5a:00:01:02:ff');
  });
});
