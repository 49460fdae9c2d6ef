import type { ContainerSpec } from '@causeway/shared/model/container';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import type { ContainerNetwork } from './host-network.ts';
import { leftovers } from './leftovers.ts';
import type { Observed } from './observe.ts';
import { hostLinkOf, layoutOf } from './places.ts';
import { specHash } from './spec.ts';

const network: ContainerNetwork = {
  ...{ subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' }, bridge: 'cwy0', mtu: 1500 },
};
const elsewhere: ContainerNetwork = {
  ...network,
  subnets: { ipv4: '10.10.2.0/24' },
  gateways: { ipv4: '10.10.2.1' },
};
const dual: ContainerNetwork = {
  ...network,
  subnets: { ...network.subnets, ipv6: 'fd00:10:0:1::/64' },
  gateways: { ...network.gateways, ipv6: 'fd00:10:0:1::1' },
};
const web = (name: string, text = ''): ContainerSpec => ({
  name,
  host: 'h',
  command: ['httpd'],
  files: { '/x': text },
});
const link = { master: 'cwy0', up: true, mtu: 1500 };

/** A host on which these containers run and all is well, with parts replaced. */
function host(names: string[], changes: Partial<Observed> = {}): Observed {
  const process = { pid: 7, startTime: '1', bootId: 'b' };
  return {
    running: new Map(names.map((name) => [name, { pid: 7, netns: 4026 }])),
    runc: new Set(names),
    records: new Map(
      names.map((name, index) => [
        name,
        { name, address: `10.10.1.${index + 2}`, specHash: specHash(web(name)), process },
      ]),
    ),
    netns: new Map(names.map((name) => [name, 4026])),
    attached: new Map(),
    links: new Map([['eth0', link], ...names.map((name) => [hostLinkOf(name), link] as const)]),
    files: new Set(names),
    exits: new Map(),
    outOfMemory: new Set(),
    mounted: new Set(names),
    bootId: 'b',
    ...changes,
  };
}

const layout = layoutOf({ stateDir: '/lib', runDir: '/run' });

function decideAll(
  specs: readonly ContainerSpec[],
  observed: Observed,
  where = network,
  stuck: ReadonlySet<string> = new Set(),
): readonly Decision[] {
  return decide(specs, { observed, network: where, layout }, stuck).all;
}

function decideOne(observed: Observed, spec = web('a'), where = network): Decision | undefined {
  return decideAll([spec], observed, where)[0];
}

describe('deciding', () => {
  it('keeps what is well', () => {
    expect(decideOne(host(['a']))).toEqual({
      ...{ kind: 'keep', name: 'a', addresses: { ipv4: '10.10.1.2' }, pid: 7, spec: web('a') },
    });
  });

  it('starts what is missing, has ended, or is another now', () => {
    expect(decideOne(host([]))).toMatchObject({
      ...{ kind: 'start', addresses: { ipv4: '10.10.1.2' }, fresh: true },
    });
    const dead = decideOne(host(['a'], { running: new Map() }));
    expect(dead).toMatchObject({ kind: 'start', fresh: false, why: 'it has ended' });
    const changed = decideOne(host(['a']), web('a', 'other'));
    expect(changed).toMatchObject({ kind: 'start', fresh: true, why: 'its definition has changed' });
    expect(decideOne(host(['a'], { records: new Map() }))).toMatchObject({ kind: 'start' });
  });

  it('moves a running one, and says what it loses', () => {
    const moved = decideOne(host(['a']), web('a'), elsewhere);
    expect(moved).toMatchObject({
      ...{ kind: 'repair', addresses: { ipv4: '10.10.2.2' }, from: { ipv4: '10.10.1.2' }, relink: true },
      why: 'its addresses change from 10.10.1.2 to 10.10.2.2',
    });
    const ended = decideOne(host(['a'], { running: new Map() }), web('a'), elsewhere);
    expect(ended).toMatchObject({ kind: 'start', from: { ipv4: '10.10.1.2' } });
  });

  it('gives a running one an address of a second family without taking anything, and takes it back', () => {
    const given = decideOne(host(['a']), web('a'), dual);
    expect(given).toMatchObject({ kind: 'repair', relink: true, renameNetns: false });
    expect(given).toMatchObject({ addresses: { ipv4: '10.10.1.2', ipv6: 'fd00:10:0:1::2' } });
    expect(given).not.toHaveProperty('from');
    const process = { pid: 7, startTime: '1', bootId: 'b' };
    const record = { name: 'a', specHash: specHash(web('a')), process, address: '10.10.1.2' };
    const both = host(['a'], { records: new Map([['a', { ...record, ipv6Address: 'fd00:10:0:1::2' }]]) });
    expect(decideOne(both, web('a'), dual)).toMatchObject({ kind: 'keep' });
    const taken = decideOne(both);
    expect(taken).toMatchObject({ addresses: { ipv4: '10.10.1.2' }, from: { ipv6: 'fd00:10:0:1::2' } });
  });

  it('ends a move that broke off half-way', () => {
    const process = { pid: 7, startTime: '1', bootId: 'b' };
    const record = { name: 'a', specHash: specHash(web('a')), process, address: '10.10.1.2' };
    const half = host(['a'], { records: new Map([['a', { ...record, movedFrom: { ipv4: '10.10.9.2' } }]]) });
    expect(decideOne(half)).toMatchObject({ kind: 'repair', from: { ipv4: '10.10.9.2' }, relink: true });
    const gaining = host(['a'], { records: new Map([['a', { ...record, movedFrom: {} }]]) });
    expect(decideOne(gaining)).toMatchObject({ kind: 'repair', relink: true });
    expect(decideOne(gaining)).not.toHaveProperty('from');
  });

  it('starts none without a subnet, and leaves what runs alone', () => {
    const nowhere = { ...network, subnets: {}, gateways: {} };
    const [first, second] = decideAll([web('a'), web('b')], host(['a']), nowhere);
    expect(first).toMatchObject({ kind: 'refuse' });
    expect(String(first?.kind === 'refuse' && first.error)).toContain(
      'container a runs without a network: this host has no subnet',
    );
    expect(String(second?.kind === 'refuse' && second.error)).toContain(
      'container b is not started: this host',
    );
  });

  it('stops what can get no network, with the address that it has', () => {
    const nowhere = { ...network, subnets: {}, gateways: {} };
    const unwanted = { ...web('a'), want: 'stopped' } as const;
    const addresses = { ipv4: '10.10.1.2' };
    expect(decideOne(host(['a']), unwanted, nowhere)).toMatchObject({ kind: 'stop', addresses });
    const ended = host(['a'], { running: new Map() });
    expect(decideOne(ended, unwanted, nowhere)).toMatchObject({ kind: 'rest', state: 'stopped', addresses });
    expect(decideOne(host([]), { ...unwanted, name: 'b' }, nowhere)).toMatchObject({ kind: 'rest' });
  });

  it('keeps one that runs without the container that it was joined to, but starts none so', () => {
    const joined = { ...web('a'), network: { kind: 'p2p', peer: 'gone' } } as const;
    const record = { name: 'a', address: '10.10.1.2', specHash: specHash(joined) };
    const records = new Map([['a', record]]);
    const reason = 'network "p2p:gone" of container a: there is no container gone on this host';
    expect(decideOne(host(['a'], { records }), joined)).toMatchObject({
      ...{ kind: 'keep', addresses: { ipv4: '10.10.1.2' }, lack: reason },
    });
    const [, other] = decideAll([joined, web('b')], host(['a'], { records }));
    expect(other).toMatchObject({ kind: 'start', addresses: { ipv4: '10.10.1.3' } });
    for (const observed of [host(['a']), host(['a'], { records, running: new Map() })])
      expect(decideOne(observed, joined)).toMatchObject({ kind: 'refuse' });
  });

  it('keeps one whose namespace was of a container that does not run, without an address', () => {
    const joined = { ...web('b'), network: { kind: 'container', container: 'a' } } as const;
    const stopped = { ...web('a'), want: 'stopped' } as const;
    const record = { name: 'b', address: '10.10.1.2', specHash: specHash(joined) };
    const observed = host(['a', 'b'], { running: new Map([['b', { pid: 7, netns: 1 }]]) });
    for (const written of [record, { name: 'b', specHash: specHash(joined) }]) {
      const records = new Map([...observed.records, ['b', written]]);
      expect(decideAll([stopped, joined], { ...observed, records })[1]).toEqual({
        ...{ kind: 'keep', name: 'b', addresses: {}, spec: joined, pid: 7 },
        lack: 'container a, whose network it uses, does not run',
      });
    }
  });

  it.each([
    ['link is missing', new Map()],
    ['link is not on cwy0', new Map([[hostLinkOf('a'), { up: true, mtu: 1500 }]])],
    ['link is down', new Map([[hostLinkOf('a'), { ...link, up: false }]])],
    ['link is not in hairpin mode', new Map([[hostLinkOf('a'), { ...link, hairpin: false }]])],
    ['MTU is 1400, not 1500', new Map([[hostLinkOf('a'), { ...link, mtu: 1400 }]])],
  ])('repairs a running one: %s', (why, links) => {
    const decision = decideOne(host(['a'], { links }));
    expect(decision).toMatchObject({ kind: 'repair', relink: true, why: expect.stringContaining(why) });
  });

  it('gives a namespace its name back, whatever has taken its place', () => {
    for (const netns of [new Map(), new Map([['a', undefined]]), new Map([['a', 1]])])
      expect(decideOne(host(['a'], { netns }))).toMatchObject({
        kind: 'repair',
        renameNetns: true,
        relink: false,
      });
  });

  it('refuses bad definitions and the second of one name, and decides the rest', () => {
    const kinds = decideAll([web('../x'), web('a'), web('a', '2'), web('b')], host(['a']));
    expect(kinds.map(({ kind }) => kind)).toEqual(['refuse', 'keep', 'refuse', 'start']);
    expect(kinds[3]).toMatchObject({ addresses: { ipv4: '10.10.1.3' } });
  });

  it('gives the address of one that could not be removed to nobody', () => {
    const [decision] = decideAll([web('b')], host(['a']), network, new Set(['a']));
    expect(decision).toMatchObject({ kind: 'start', addresses: { ipv4: '10.10.1.3' } });
    expect(decideAll([web('b')], host(['a']))[0]).toMatchObject({
      addresses: { ipv4: '10.10.1.2' },
    });
  });

  it('does not guess a network', () => {
    expect(() => decideOne(host([]), web('a'), { ...network, gateways: { ipv4: '10.9.1.1' } })).toThrow(
      /10\.9\.1\.1/,
    );
  });
});

describe('leftovers', () => {
  it('are every trace of an unwanted name, and links that belong to no name', () => {
    const observed = host(['a', 'b'], {
      netns: new Map([['c', undefined]]),
      links: new Map([
        ['eth0', link],
        ['cwy0', link],
        ['cwy0123456789', link],
        [hostLinkOf('b'), link],
      ]),
    });
    const links = ['cwy0123456789'];
    expect(leftovers([web('a')], observed, new Set())).toEqual({ names: ['b', 'c'], links });
    expect(leftovers([web('a')], observed, new Set(['b', 'gone']))).toEqual({ names: ['c'], links });
  });
});
