import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { describe, expect, it } from 'vitest';
import { endpoint, intentOf, serviceIntent } from '../../../test/support/intents.ts';
import { type Flow, leavingStale, needsFlows, staleFlows } from './flows.ts';

const [A, B] = [endpoint('10.10.1.2', 53), endpoint('10.10.2.2', 53)];
const dns = (more: Partial<ServiceIntent> = {}) =>
  serviceIntent({
    ...{ id: 'dns', vip: '2.2.2.2', protocol: 'udp', port: 53, nodePort: 30053, endpoints: [A, B] },
    ...more,
  });
const without = (...left: readonly ('vip' | 'nodePort')[]): ServiceIntent => {
  const { vip, nodePort, ...rest } = dns();
  return {
    ...rest,
    ...(left.includes('vip') || vip === undefined ? {} : { vip }),
    ...(left.includes('nodePort') || nodePort === undefined ? {} : { nodePort }),
  };
};
const intent = (...services: readonly ServiceIntent[]) => intentOf(services);

const LOCAL = ['127.0.0.0/8', '192.168.122.11/32', '10.10.1.1/32'];
const CLIENT = { source: '192.168.122.200', sourcePort: 40000 };

/** @param via what the client asks, `ADDRESS:PORT`  @param at who is asked in truth; the same: it is not translated */
function flow(via: string, at: string, replied = true): Flow {
  const [destination = '', to = ''] = via.split('|');
  const [source = '', from = ''] = at.split('|');
  return {
    protocol: 'udp',
    original: { ...CLIENT, destination, destinationPort: Number(to) },
    reply: { source, sourcePort: Number(from), destination: '10.10.1.1', destinationPort: 1024 },
    replied,
  };
}

const VIP = '2.2.2.2|53';
const NODE_PORT = '192.168.122.11|30053';
const FRONTENDS = [VIP, NODE_PORT, '10.10.1.1|30053'];
const isStale = (one: Flow, from: FirewallIntent | undefined, to: FirewallIntent) =>
  staleFlows({ flows: [one], local: LOCAL, linkLocal: [] }, { from, to }).length === 1;

describe.each(FRONTENDS)('a flow through %s', (via) => {
  it.each([
    ['stays with its endpoint', flow(via, '10.10.1.2|53'), dns(), dns({ endpoints: [A] }), false],
    ['is stale when its endpoint is gone', flow(via, '10.10.2.2|53'), dns(), dns({ endpoints: [A] }), true],
    ['is stale when only its port is', flow(via, '10.10.1.2|54'), dns(), dns(), true],
    [
      'is stale when the last endpoint is gone',
      flow(via, '10.10.1.2|53'),
      dns(),
      dns({ endpoints: [] }),
      true,
    ],
    ['is stale when the service is gone', flow(via, '10.10.1.2|53'), dns(), undefined, true],
    [
      'is stale when the service speaks TCP',
      flow(via, '10.10.1.2|53'),
      dns(),
      dns({ protocol: 'tcp' }),
      true,
    ],
    ['that leads nowhere is stale', flow(via, via, false), undefined, dns(), true],
    [
      'that leads nowhere stays where nothing serves',
      flow(via, via, false),
      dns(),
      dns({ endpoints: [] }),
      false,
    ],
    ['that leads nowhere stays without a service', flow(via, via, false), dns(), undefined, false],
    ['that somebody else answers is his', flow(via, via), undefined, dns(), false],
    [
      'stays with an endpoint that drains',
      flow(via, '10.10.2.2|53'),
      dns(),
      dns({ endpoints: [A], keeping: [B] }),
      false,
    ],
    [
      'is stale when the drain of its endpoint is over',
      flow(via, '10.10.2.2|53'),
      dns(),
      dns({ endpoints: [A], drained: [B] }),
      true,
    ],
    [
      'stays with an endpoint on another host, when new ones may not go there',
      flow(via, '10.10.2.2|53'),
      dns(),
      dns({ internalPolicy: 'local', externalPolicy: 'local', localEndpoints: [A] }),
      false,
    ],
    [
      'stays with a local endpoint that drains',
      flow(via, '10.10.2.2|53'),
      dns(),
      dns({ endpoints: [A], externalPolicy: 'local', localEndpoints: [B] }),
      false,
    ],
  ])('%s', (_, one, from, to, expected) => {
    const [before, after] = [from, to].map((service) => intent(...(service === undefined ? [] : [service])));
    expect(isStale(one, before, after ?? intent())).toBe(expected);
    // After a restart the same is known of what is served; of what is not served any more, nothing.
    if (to?.protocol === 'udp') expect(isStale(one, undefined, intent(to))).toBe(expected);
  });
});

describe.each(['tcp', 'sctp'] as const)('a connection by %s', (protocol) => {
  const connection = (via: string, at: string): Flow => ({ ...flow(via, at), protocol });
  const web = dns({ protocol, endpoints: [A], drained: [B] });
  it.each(FRONTENDS)('through %s is cut where the drain is over, and nowhere else', (via) => {
    const over = connection(via, '10.10.2.2|53');
    for (const from of [undefined, intent(), intent(dns({ protocol })), intent(web)]) {
      expect(isStale(over, from, intent(web))).toBe(true);
      for (const at of ['10.10.1.2|53', '10.10.9.9|53', '10.10.2.2|54', via])
        expect(isStale(connection(via, at), from, intent(web))).toBe(false);
    }
    expect(isStale(over, intent(web), intent(dns({ protocol, endpoints: [A], keeping: [B] })))).toBe(false);
    expect(isStale(over, intent(web), intent())).toBe(false);
  });

  it.each([
    ['straight to the endpoint', connection('10.10.2.2|53', '10.10.2.2|53')],
    ['through another service', connection('2.2.2.3|53', '10.10.2.2|53')],
    ['by another protocol', flow(VIP, '10.10.2.2|53')],
    ['to another host', connection('192.168.122.12|30053', '10.10.2.2|53')],
  ])('is never cut: %s', (_, one) => {
    expect(isStale(one, undefined, intent(web))).toBe(false);
    expect(isStale(one, intent(dns({ protocol })), intent(web))).toBe(false);
  });
});

describe('a flow to elsewhere', () => {
  it.each([
    ['another address', '2.2.2.3|53', '2.2.2.3|53'],
    ['another port of the VIP', '2.2.2.2|54', '2.2.2.2|54'],
    ['the same port of another host', '192.168.122.12|30053', '192.168.122.12|30053'],
    ['loopback', '127.0.0.1|30053', '127.0.0.1|30053'],
    ['what somebody else translates', '192.168.122.11|5353', '172.17.0.2|53'],
  ])('is never touched: %s', (_, via, at) => {
    for (const replied of [true, false]) {
      expect(isStale(flow(via, at, replied), undefined, intent(dns()))).toBe(false);
      expect(isStale(flow(via, at, replied), intent(dns()), intent())).toBe(false);
    }
  });

  it('is told by the addresses on which NodePorts are served', () => {
    const only = { ...intent(dns()), nodePortCidrs: ['192.168.122.0/24'] };
    const [served, not] = [
      flow(NODE_PORT, NODE_PORT, false),
      flow('10.10.1.1|30053', '10.10.1.1|30053', false),
    ];
    expect([served, not].map((one) => isStale(one, undefined, only))).toEqual([true, false]);
    const translated = flow('10.10.1.1|30053', '10.10.1.2|53');
    expect(isStale(translated, intent(dns()), only)).toBe(true);
  });
});

it('after a restart, what is translated into nothing of ours is stale in the service range alone', () => {
  expect(isStale(flow('10.96.0.9|53', '10.10.1.2|53'), undefined, intent())).toBe(true);
  expect(isStale(flow('10.96.0.9|53', '10.96.0.9|53', false), undefined, intent())).toBe(false);
  expect(isStale(flow(VIP, '10.10.1.2|53'), undefined, intent())).toBe(false);
  // Somebody else's service, who uses the same range for his own.
  expect(isStale(flow('10.96.0.9|53', '10.244.1.2|53'), undefined, intent())).toBe(false);
});

it('works in IPv6, too', () => {
  const service = serviceIntent({
    ...{ id: 'dns', vip: 'fd00:96::2', protocol: 'udp', port: 53, nodePort: 30053 },
    endpoints: [endpoint('fd00:10:0:1::2', 53)],
  });
  const to = intentOf([service], 'ipv6');
  const listing = {
    flows: [
      flow('fd00:96::2|53', 'fd00:10:0:1::9|53'),
      flow('fd00:122::11|30053', 'fd00:10:0:1::9|53'),
      flow('fd00:96::2|53', 'fd00:10:0:1::2|53'),
      flow('::1|30053', 'fd00:10:0:1::9|53'),
    ],
    local: ['::1/128', 'fd00:122::11/128'],
    linkLocal: [],
  };
  expect(staleFlows(listing, { from: undefined, to })).toEqual(listing.flows.slice(0, 2));
});

describe('flows are looked at', () => {
  const tcp = dns({ id: 'web', protocol: 'tcp' });
  it.each([
    ['when an endpoint is gone', dns(), dns({ endpoints: [A] })],
    ['when the first one comes', dns({ endpoints: [] }), dns({ endpoints: [A] })],
    ['when one that drained is gone', dns({ endpoints: [A], keeping: [B] }), dns({ endpoints: [A] })],
    ['when a service is gone', dns(), tcp],
    ['when one comes', tcp, dns()],
    ['when it has another VIP', dns(), dns({ vip: '2.2.2.3' })],
    ['when it has another NodePort', dns(), dns({ nodePort: 30054 })],
    ['when it has a NodePort no more', dns(), without('nodePort')],
    ['when a drain is over', dns({ endpoints: [A], keeping: [B] }), dns({ endpoints: [A], drained: [B] })],
  ])('%s', (_, from, to) => expect(leavingStale(intent(from), intent(to))).toEqual(['udp']));

  it.each([
    ['when nothing is new', dns(), dns()],
    ['when an endpoint joins others', dns({ endpoints: [A] }), dns()],
    ['when one drains', dns(), dns({ endpoints: [A], keeping: [B] })],
    ['for TCP', tcp, dns({ id: 'web', protocol: 'tcp', endpoints: [] })],
    ['when clients stay with their endpoint', dns(), dns({ affinity: true })],
  ])('not %s', (_, from, to) => expect(leavingStale(intent(from), intent(to))).toEqual([]));

  it.each(['tcp', 'sctp'] as const)('of %s, while a drain is over, once for each', (protocol) => {
    const web = (more: Partial<ServiceIntent>) => intent(dns({ protocol, ...more }));
    const over = web({ endpoints: [A], drained: [B] });
    expect(leavingStale(web({}), over)).toEqual([protocol]);
    expect(leavingStale(undefined, over)).toContain(protocol);
    expect(leavingStale(undefined, web({}))).not.toContain(protocol);
    expect(leavingStale(over, web({ endpoints: [], drained: [B] }))).toEqual([]);
    expect(leavingStale(over, web({ endpoints: [], drained: [A, B] }))).toEqual([protocol]);
    expect(leavingStale(over, web({ endpoints: [A], drained: [B], vip: '2.2.2.3' }))).toEqual([protocol]);
    expect(leavingStale(over, web({ endpoints: [A] }))).toEqual([]);
    expect(leavingStale(over, { ...over, nodePortCidrs: ['192.168.122.0/24'] })).toEqual([protocol]);
    expect([over, web({})].map(needsFlows)).toEqual([true, false]);
  });

  it('once at the start of a life, and when NodePorts are served on other addresses', () => {
    const { serviceRange: _, ...bare } = intent();
    expect([intent(dns()), intent(), bare].map((to) => leavingStale(undefined, to))).toEqual([
      ['udp'],
      ['udp'],
      [],
    ]);
    const other = (one: FirewallIntent) => ({ ...one, nodePortCidrs: ['192.168.122.0/24'] });
    expect(leavingStale(intent(dns()), other(intent(dns())))).toEqual(['udp']);
    expect(leavingStale(intent(tcp), other(intent(tcp)))).toEqual([]);
  });
});
