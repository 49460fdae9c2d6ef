import type { FirewallIntent, PublishedIntent } from '@causeway/shared/desired/intent';
import { describe, expect, it } from 'vitest';
import { publishedIntent } from '../../../test/support/any-published.ts';
import { endpoint, intentOf, serviceIntent } from '../../../test/support/intents.ts';
import { type Flow, leavingStale, needsFlows, servedBetween, staleFlows } from './flows.ts';

/** What becomes of flows through published ports when these change. */
const HOST = '192.168.122.11';
const LOCAL = ['127.0.0.0/8', `${HOST}/32`, '10.10.1.1/32'];

const dns = (more: Partial<PublishedIntent> = {}): PublishedIntent =>
  publishedIntent({ protocol: 'udp', hostPort: 53, address: '10.10.1.2', port: 53, ...more });
const intent = (...published: readonly PublishedIntent[]): FirewallIntent => ({ ...intentOf([]), published });

/** @param at who is asked in truth; the same: it is not translated */
function flow(destination: string, at: string, replied = true): Flow {
  const client = { source: '192.168.122.200', sourcePort: 40000 };
  return {
    protocol: 'udp',
    original: { ...client, destination, destinationPort: 53 },
    reply: { source: at, sourcePort: 53, destination: client.source, destinationPort: client.sourcePort },
    replied,
  };
}
const isStale = (one: Flow, from: FirewallIntent | undefined, to: FirewallIntent) =>
  staleFlows({ flows: [one], local: LOCAL, linkLocal: [] }, { from, to }).length === 1;

describe.each([
  ['all addresses', dns()],
  ['one address', dns({ hostAddress: HOST })],
])('a flow through a port published on %s', (_, port) => {
  const moved = { ...port, address: '10.10.1.3' };

  it('ends when the port leads to another container, or to none', () => {
    const one = flow(HOST, '10.10.1.2');
    expect(isStale(one, intent(port), intent(moved))).toBe(true);
    expect(isStale(one, undefined, intent(moved))).toBe(true);
    expect(isStale(one, intent(port), intent({ ...port, port: 54 }))).toBe(true);
    expect(isStale(one, intent(port), intent())).toBe(true);
    expect(isStale(one, intent(port), intent(port))).toBe(false);
  });

  it('ends when it went to the host before, and nobody answered', () => {
    expect(isStale(flow(HOST, HOST, false), intent(), intent(port))).toBe(true);
    expect(isStale(flow(HOST, HOST, true), intent(), intent(port))).toBe(false);
  });

  it('stays where the port is not published: on loopback, and on other hosts', () => {
    for (const address of ['127.0.0.1', '192.168.122.12'])
      for (const at of [address, '10.10.1.2'])
        expect(isStale(flow(address, at, false), intent(port), intent(moved))).toBe(false);
  });

  it('is looked for when the port comes, goes or leads elsewhere, and not otherwise', () => {
    for (const [from, to] of [
      [[], [port]],
      [[port], []],
      [[port], [moved]],
    ] as const)
      expect(leavingStale(intent(...from), intent(...to))).toEqual(['udp']);
    expect(leavingStale(intent(port), intent({ ...port }, dns({ protocol: 'tcp' })))).toEqual([]);
    expect([intent(port), intent(dns({ protocol: 'tcp' })), intent()].map(needsFlows)).toEqual([
      ...[true, false, false],
    ]);
    const { serviceRange: _, ...bare } = intent(port);
    expect(leavingStale(undefined, bare)).toEqual(['udp']);
  });

  it('is known when the port came and went while others were removed', () => {
    const between = servedBetween({ from: intent(), between: undefined }, intent(port));
    const again = between && servedBetween({ from: intent(), between }, intent(moved));
    expect(again?.published).toEqual([port, moved]);
    const listing = { flows: [flow(HOST, '10.10.1.2')], local: LOCAL, linkLocal: [] };
    expect(staleFlows(listing, { from: intent(), between: again, to: intent() })).toHaveLength(1);
  });
});

it('goes by the port of its address before that of all addresses', () => {
  const both = intent(dns(), dns({ hostAddress: HOST, address: '10.10.1.3' }));
  expect(isStale(flow(HOST, '10.10.1.2'), undefined, both)).toBe(true);
  expect(isStale(flow('10.10.1.1', '10.10.1.2'), undefined, both)).toBe(false);
});

it('goes by a NodePort before a published port, where NodePorts are served', () => {
  const service = serviceIntent({
    ...{ id: 'dns', protocol: 'udp', port: 53, nodePort: 53 },
    endpoints: [endpoint('10.10.2.2', 53)],
  });
  const to = { ...intentOf([service]), published: [dns()] };
  expect(isStale(flow(HOST, '10.10.1.2'), undefined, to)).toBe(true);
  const elsewhere = { ...to, nodePortCidrs: ['10.0.0.0/8'] };
  expect(isStale(flow(HOST, '10.10.1.2'), undefined, elsewhere)).toBe(false);
});
