import { describe, expect, it } from 'vitest';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import { endpoint, serviceIntent } from '../../../test/support/intents.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { ServiceIntent } from './intent.ts';
import { type Candidate, readService, type ServiceReading } from './service.ts';

const DUAL: Partial<ServiceSpec> = { vips: ['fd00:96:0::1', '10.96.0.1'], families: ['ipv6', 'ipv4'] };
const WEB = { name: 'web', protocol: 'tcp', port: 80, targetPort: 8080, nodePort: 30001 } as const;
const DNS = { name: 'dns', protocol: 'udp', port: 53, targetPort: 53 } as const;

function read(more: Partial<ServiceSpec>, endpoints: readonly Endpoint[], host = 'host-1'): ServiceReading {
  return readService(serviceSpec('web', more), { service: 'web', endpoints, unresolved: [] }, host);
}

/** The only port of a service in IPv4. */
function intent(...args: Parameters<typeof read>): ServiceIntent {
  const [only, ...others] = read(...args).candidates;
  if (only === undefined || others.length > 0) throw new Error('not one port in one family');
  return only.intent;
}

/** The last numbers of the addresses. */
const last = (all: ServiceIntent['endpoints']) => all.map(({ address }) => Number(address.split('.')[3]));
const taking = (...args: Parameters<typeof read>) => last(intent(...args).endpoints);

/** 10.10.1.N on host-1. */
const at = (n: number, more: Partial<Endpoint> = {}) =>
  resolved(`10.10.1.${n}`, 80, { node: 'host-1', ...more });

describe('the families of a service', () => {
  it('are those of its VIPs, each with its own endpoints, per port', () => {
    const { candidates, problems } = read({ ...DUAL, ports: [WEB, DNS] }, [
      resolved('10.10.2.2', 8080, { portName: 'web' }),
      resolved('fd00:10:0:2:0::2', 8080, { portName: 'web' }),
      resolved('fd00:10:0:2::2', 53, { portName: 'dns' }),
    ]);
    const web = { ...{ id: 'web:web', port: 80, nodePort: 30001 } };
    const dns = { ...{ id: 'web:dns', port: 53 }, protocol: 'udp' as const };
    const [six, four] = [{ vip: 'fd00:96::1' }, { vip: '10.96.0.1' }];
    expect(candidates.map((one: Candidate) => [one.family, one.intent])).toEqual([
      ['ipv6', serviceIntent({ ...web, ...six, endpoints: [endpoint('fd00:10:0:2::2', 8080)] })],
      ['ipv4', serviceIntent({ ...web, ...four, endpoints: [endpoint('10.10.2.2', 8080)] })],
      ['ipv6', serviceIntent({ ...dns, ...six, endpoints: [endpoint('fd00:10:0:2::2', 53)] })],
      ['ipv4', serviceIntent({ ...dns, ...four })],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([[['ipv4']], [['ipv6']], [['ipv4', 'ipv6']]] as const)('without a VIP are %s', (families) => {
    const { candidates } = read({ vips: [], families, ports: [WEB] }, []);
    expect(candidates.map(({ family }) => family)).toEqual(families);
    for (const one of candidates) {
      expect(one.intent).not.toHaveProperty('vip');
      expect(one.intent.nodePort).toBe(30001);
    }
  });

  it('leave out the endpoints of another one', () => {
    const { candidates, problems } = read({}, [at(2), resolved('fd00:10:0:2::2', 80)]);
    expect(candidates.map(({ intent: { endpoints } }) => endpoints)).toEqual([[endpoint('10.10.1.2', 80)]]);
    expect(problems).toEqual([
      'service "web": endpoint "fd00:10:0:2::2:80" is left out: the service is one of IPv4',
    ]);
  });
});

describe('endpoints', () => {
  it('are sorted as numbers, each place once, the first that names it holding', () => {
    const all = [
      ...[resolved('10.10.10.2', 80), resolved('10.10.2.2', 81), resolved('10.10.2.2', 80, { weight: 3 })],
      resolved('10.10.2.2', 80, { weight: 7, state: 'draining' }),
    ];
    expect(intent({}, all).endpoints).toEqual([
      endpoint('10.10.2.2', 80, 3),
      endpoint('10.10.2.2', 81),
      endpoint('10.10.10.2', 80),
    ]);
  });

  it('that cannot be one are left out and told, and take no other away', () => {
    const { candidates, problems } = read({ ...DUAL }, [
      ...[resolved('10.10.1.2; drop', 80), at(2, { port: 0 }), at(3, { weight: 1.5 }), at(4, { weight: -1 })],
      ...[resolved('10.96.0.1', 80), resolved('fd00:96:0::1', 80), resolved('::ffff:10.10.1.2', 80)],
      at(5),
    ]);
    expect(candidates.map(({ intent: { endpoints } }) => endpoints)).toEqual([
      [],
      [endpoint('10.10.1.5', 80)],
    ]);
    expect(problems).toHaveLength(7);
    expect(problems[2]).toBe('service "web": endpoint "10.10.1.3:80" is left out: its weight is 1.5');
  });

  const draining = { state: 'draining' } as const;
  const unready = { state: 'unready' } as const;
  const drained = { state: 'drained' } as const;
  const mixed = [at(2), at(3, draining), at(4, unready), at(5, { state: 'ready' })];
  it.each([
    ['the ready ones, without those that drain or fail', {}, mixed, [2, 5]],
    ['those that drain, where none is ready', {}, mixed.slice(1, 3), [3]],
    ['none that fails, if the service rather refuses', {}, mixed.slice(2, 3), []],
    ['those that fail, if the service rather tries', { whenUnhealthy: 'open' }, mixed.slice(2, 3), [4]],
    ['those that drain before those that fail', { whenUnhealthy: 'open' }, mixed.slice(1, 3), [3]],
    ['the ready ones before all others', { whenUnhealthy: 'open' }, mixed, [2, 5]],
    ['all of them, if their state does not matter', { publishNotReady: true }, mixed, [2, 3, 4, 5]],
    ['none of weight 0', {}, [at(2, { weight: 0 }), at(3)], [3]],
    [
      'one that drains, where the ready ones are of weight 0',
      {},
      [at(2, { weight: 0 }), at(3, draining)],
      [3],
    ],
    ['none that is drained', {}, [at(2, drained), at(3, draining)], [3]],
    [
      'none that is drained, whatever the service says',
      { publishNotReady: true, whenUnhealthy: 'open' },
      [at(2, drained)],
      [],
    ],
    ['none of weight 0 even alone', { publishNotReady: true }, [at(2, { weight: 0 })], []],
  ] as const)('that take connections are %s', (_, spec, all, expected) => {
    expect(taking(spec, all)).toEqual(expected);
    expect(taking(spec, [...all].reverse())).toEqual(expected);
  });

  it('that take none keep those they have, by UDP, if they drain or are of weight 0', () => {
    const all = [
      ...mixed,
      at(6, { weight: 0 }),
      at(7, { ...draining, weight: 0 }),
      at(8, { ...unready, weight: 0 }),
      at(9, drained),
    ];
    const keeping = (more: Partial<ServiceSpec>, places = all) => {
      const found = intent({ ports: [{ ...DNS, name: '' }], ...more }, places).keeping;
      return found?.map(({ address }) => Number(address.split('.')[3]));
    };
    expect(keeping({})).toEqual([3, 6, 7]);
    expect(keeping({ publishNotReady: true })).toEqual([6, 7, 8]);
    expect(keeping({}, [at(3, draining)])).toBeUndefined();
    expect(keeping({}, [at(4, unready)])).toBeUndefined();
    expect(keeping({ ports: [{ ...WEB, name: '' }] })).toBeUndefined();
  });

  it('that are drained are named, whatever the protocol, the weight or the host', () => {
    const all = [at(2), at(4, { ...drained, weight: 0 }), at(3, { ...drained, node: 'host-2' })];
    for (const protocol of ['tcp', 'udp', 'sctp'] as const) {
      const found = intent({ ports: [{ ...WEB, name: '', protocol }], internalPolicy: 'local' }, all);
      expect(found.drained?.map(({ address }) => address)).toEqual(['10.10.1.3', '10.10.1.4']);
      expect([last(found.endpoints), last(found.localEndpoints), found.keeping]).toEqual([
        [2],
        [2],
        undefined,
      ]);
    }
    expect(intent({}, mixed)).not.toHaveProperty('drained');
  });

  it('are chosen in each family by itself', () => {
    const { candidates } = read(DUAL, [at(2), resolved('fd00:10:0:1::3', 80, draining)]);
    expect(candidates.map(({ intent: { endpoints } }) => endpoints)).toEqual([
      [endpoint('fd00:10:0:1::3', 80)],
      [endpoint('10.10.1.2', 80)],
    ]);
  });
});

describe('endpoints of this host', () => {
  const all = [
    ...[at(2, { state: 'draining' }), at(3, { state: 'unready' }), at(4, { node: 'host-2', weight: 2 })],
    ...[at(5, { node: 'host-3', weight: 0 }), resolved('10.10.1.6', 80)],
  ];
  it.each(['internalPolicy', 'externalPolicy'] as const)(
    'are chosen among themselves where %s is local',
    (policy) => {
      const local = (host: string) => intent({ [policy]: 'local' }, all, host);
      expect(local('host-1')).toMatchObject({
        internalPolicy: 'cluster',
        externalPolicy: 'cluster',
        [policy]: 'local',
      });
      expect(last(local('host-1').endpoints)).toEqual([4, 6]);
      expect(last(local('host-1').localEndpoints)).toEqual([2]);
      expect(local('host-2').localEndpoints).toEqual([endpoint('10.10.1.4', 80, 2)]);
      expect(local('host-3').localEndpoints).toEqual([]);
    },
  );

  it('are none where no policy is local', () => {
    expect(intent({}, all).localEndpoints).toEqual([]);
    expect(intent({ internalPolicy: 'cluster' }, all).localEndpoints).toEqual([]);
  });
});

describe('source ranges', () => {
  it('are split by family, canonical and sorted', () => {
    const { candidates, problems } = read(
      { ...DUAL, sourceRanges: ['192.0.2.9/24', 'FD99::/64', '10.0.0.0/8', '10.2.0.0/16'] },
      [],
    );
    expect(candidates.map(({ intent: { sourceRanges } }) => sourceRanges)).toEqual([
      ['fd99::/64'],
      ['10.0.0.0/8', '192.0.2.0/24'],
    ]);
    expect(problems).toEqual([]);
  });

  it('of the other family only let nobody in', () => {
    expect(intent({ sourceRanges: ['fd99::/64'] }, []).sourceRanges).toEqual([]);
  });

  it('that are none let nobody in, and are told', () => {
    expect(read({ sourceRanges: ['x; accept'] }, [])).toMatchObject({
      candidates: [{ intent: { sourceRanges: [] } }],
      problems: ['service "web": source range "x; accept" is left out: it is no CIDR'],
    });
  });

  it('are absent where everybody may connect', () => {
    for (const sourceRanges of [[], ['10.0.0.0/8', '0.0.0.0/0']])
      expect(intent({ sourceRanges }, [])).not.toHaveProperty('sourceRanges');
    expect(intent({}, [])).not.toHaveProperty('sourceRanges');
  });
});

describe('a reading', () => {
  const set = { service: 'web', endpoints: [at(2), at(3, { node: 'host-2' })], unresolved: [] };

  it('is remembered while specification and endpoints are the same, by all hosts that read alike', () => {
    const spec = serviceSpec('web', { affinity: 'client' });
    const first = readService(spec, set, 'host-1');
    expect(first.candidates[0]?.intent.affinity).toBe(true);
    expect(readService(spec, set, 'host-1')).toBe(first);
    expect(readService(spec, set, 'host-2')).toBe(first);
    expect(readService(spec, { ...set }, 'host-1')).not.toBe(first);
    expect(readService({ ...spec }, set, 'host-1')).not.toBe(first);
  });

  it('is one per host where a policy is local', () => {
    const spec = serviceSpec('web', { externalPolicy: 'local' });
    const local = (host: string) =>
      readService(spec, set, host).candidates.flatMap(({ intent: one }) => last(one.localEndpoints));
    expect(['host-1', 'host-2', 'host-1', 'host-3'].map(local)).toEqual([[2], [3], [2], []]);
    expect(readService(spec, set, 'host-3')).toBe(readService(spec, set, 'host-3'));
  });
});
