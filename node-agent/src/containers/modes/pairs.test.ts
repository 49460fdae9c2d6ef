import type { ContainerSpec } from '@causeway/shared/model/container';
import type { NetworkMode } from '@causeway/shared/model/container-network';
import { describe, expect, it } from 'vitest';
import { farLinkOf, isWhole, type Pair, pairsOf } from './pairs.ts';

const spec = (name: string, network?: NetworkMode): ContainerSpec => ({
  ...{ name, host: 'host-1', command: [], files: {} },
  ...(network === undefined ? {} : { network }),
});
const to = (name: string, peer: string) => spec(name, { kind: 'p2p', peer });
const addresses = new Map(['a', 'b', 'c'].map((name, i) => [name, { ipv4: `10.0.0.${i + 1}` }]));
const ends = (name: string, ...specs: ContainerSpec[]) =>
  pairsOf(name, { specs, addresses }).map((pair) => pair.map((end) => `${end.name} ${end.link}`));

describe('point-to-point links', () => {
  it('are eth0 where they were asked for, and have a name of their own at the other end', () => {
    const far = `b ${farLinkOf('a')}`;
    expect(ends('a', to('a', 'b'), spec('b'))).toEqual([['a eth0', far]]);
    expect(ends('b', to('a', 'b'), spec('b'))).toEqual([['a eth0', far]]);
    expect(farLinkOf('a').length).toBeLessThan(16);
  });

  it('are one link between two that name each other, however it is asked', () => {
    for (const name of ['a', 'b'])
      expect(ends(name, to('b', 'a'), to('a', 'b'))).toEqual([['a eth0', 'b eth0']]);
  });

  it('may be several at one container, and none where the peer has no network to join', () => {
    const all = [to('a', 'b'), to('c', 'b'), spec('b', { kind: 'none' })];
    expect(ends('b', ...all)).toEqual([
      ['a eth0', `b ${farLinkOf('a')}`],
      ['c eth0', `b ${farLinkOf('c')}`],
    ]);
    expect(ends('a', to('a', 'b'), spec('b', { kind: 'host' }))).toEqual([]);
    expect(ends('a', to('a', 'gone'))).toEqual([]);
  });

  it('are whole when both ends are there with a route to the other', () => {
    const pair: Pair = [
      { name: 'a', link: 'eth0', addresses: { ipv4: '10.0.0.1', ipv6: 'fd00::1' } },
      { name: 'b', link: 'x', addresses: { ipv4: '10.0.0.2', ipv6: 'fd00::2' } },
    ];
    const near = {
      links: new Set(['lo', 'eth0']),
      routes: new Set(['eth0 10.0.0.2/32', 'eth0 fd00::2/128']),
    };
    const far = { links: new Set(['x']), routes: new Set(['x 10.0.0.1/32', 'x fd00::1/128']) };
    expect(isWhole(pair, [near, far])).toBe(true);
    expect(isWhole(pair, [{ ...near, links: new Set() }, far])).toBe(false);
    expect(isWhole(pair, [near, { ...far, routes: new Set(['x 10.0.0.1/32']) }])).toBe(false);
    expect(isWhole(pair, [near, { ...far, routes: new Set(['y 10.0.0.1/32', 'x fd00::1/128']) }])).toBe(
      false,
    );
  });
});
