import { describe, expect, it } from 'vitest';
import { EVENT_SLOTS, type NodeEvent } from '../model/event.ts';
import type { NodeReport } from '../model/node.ts';
import {
  decodeAlive,
  decodeClaim,
  decodeEvent,
  decodeIdentity,
  decodeNode,
  decodeNodePolicy,
  decodeReport,
  decodeReservation,
  encode,
} from './codec.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

const kv = (key: string, value: unknown): KeyValue => ({
  key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
});

const node = {
  name: 'host-1',
  id: 'a1',
  ipv4: { publicIp: '192.168.122.11', network: '192.168.122.0/24', subnet: '10.10.1.0/24' },
  ipv6: { publicIp: 'fd12::11', network: 'fd12::/64' },
  addresses: ['192.168.122.11', 'fd12::11'],
  dataplane: 'nftables' as const,
  version: '0.1.0',
};

const report: NodeReport = {
  name: 'host-1',
  servicesRevision: 7,
  networkRevision: 8,
  appliedInMs: 1.5,
  at: '2026-11-20T00:00:00Z',
  peersWanted: 3,
  peersInstalled: 1,
  peers: [
    {
      subnet: '10.10.2.0/24',
      publicIp: '10.0.0.2',
      node: 'host-2',
      state: 'failed',
      path: 'tunnel',
      reason: 'r',
    },
    { subnet: 'not-a-subnet', publicIp: '', state: 'unreachable', reason: 'r' },
  ],
  problems: [],
  repairs: 0,
};
const event: NodeEvent = {
  node: 'host-1',
  sequence: EVENT_SLOTS + 1,
  at: '2026-11-20T00:00:00Z',
  kind: 'moved',
  severity: 'info',
  message: 'the host has 10.10.2.0/24',
};
describe('what a host tells of itself', () => {
  it('is given back as it was encoded', () => {
    expect(decodeNode(kv(keys.node('host-1'), encode(node)))).toEqual(node);
    const identity = { name: 'host-1', instance: 'i', addresses: ['192.168.122.11', 'fd12::11'] };
    expect(decodeIdentity(kv(keys.identity('a1'), encode(identity)))).toEqual(identity);
    expect(decodeReport(kv(keys.report('host-1'), encode(report)))).toEqual(report);
    expect(decodeEvent(kv(keys.event('host-1', 1), encode(event)))).toEqual(event);
    for (const subnet of ['10.10.1.0/24', 'fd00:10:0:1::/64']) {
      const reservation = { subnet, node: 'host-1' };
      expect(decodeReservation(kv(keys.reservation(subnet), encode(reservation)))).toEqual(reservation);
      expect(decodeClaim(kv(keys.claim(subnet), 'a1'))).toEqual({ subnet, id: 'a1' });
    }
    const policy = { name: 'host-1', cordoned: true, drained: false };
    expect(decodeNodePolicy(kv(keys.nodePolicy('host-1'), encode(policy)))).toEqual(policy);
  });

  it('may have fields that are not known yet', () => {
    expect(decodeAlive(kv(keys.alive('a'), { id: 'x', instance: 'y', later: 1 }))).toEqual({
      id: 'x',
      instance: 'y',
    });
  });

  it.each([
    ['a node without id', decodeNode, keys.node('host-1'), { ...node, id: '' }],
    ['a node of no family', decodeNode, keys.node('host-1'), { ...node, ipv4: undefined, ipv6: undefined }],
    [
      'a node with the address of another family',
      decodeNode,
      keys.node('host-1'),
      { ...node, ipv4: { ...node.ipv4, publicIp: 'fd12::11' } },
    ],
    [
      'a subnet with host bits',
      decodeNode,
      keys.node('host-1'),
      { ...node, ipv4: { ...node.ipv4, subnet: '10.10.1.1/24' } },
    ],
    ['an address in another form', decodeNode, keys.node('host-1'), { ...node, addresses: ['FD12::11'] }],
    ['an event in another slot', decodeEvent, keys.event('host-1', 2), event],
    ['an event of no kind', decodeEvent, keys.event('host-1', 1), { ...event, kind: 'party' }],
    [
      "a reservation in another subnet's key",
      decodeReservation,
      keys.reservation('10.10.2.0/24'),
      { subnet: '10.10.1.0/24', node: 'host-1' },
    ],
    [
      'a reservation for nobody',
      decodeReservation,
      keys.reservation('10.10.1.0/24'),
      { subnet: '10.10.1.0/24', node: '' },
    ],
    ['a claim of no subnet', decodeClaim, `${keys.claimPrefix}x`, 'a1'],
    ['a claim of several lines', decodeClaim, keys.claim('10.10.1.0/24'), 'a\n1'],
    [
      'a policy that is not decided',
      decodeNodePolicy,
      keys.nodePolicy('h'),
      { name: 'h', cordoned: 'yes', drained: false },
    ],
    ['a report without revisions', decodeReport, keys.report('h'), { name: 'h' }],
    ['an id of several lines', decodeAlive, keys.alive('h'), { id: 'a\n[-]etcd failed', instance: 'i' }],
  ] as const)('is an error: %s', (_what, decoder, key, value) => {
    expect(decoder(kv(key, value))).toMatchObject({ code: 'unreadable' });
  });

  it('is one line that no terminal obeys', () => {
    const hostile = 'a\u001b[31m\n[-]etcd failed\u009b\u2028\u202eb';
    const read = decodeEvent(kv(keys.event('host-1', 1), { ...event, message: hostile }));
    expect(read).toMatchObject({ message: 'a\\u001b[31m\\u000a[-]etcd failed\\u009b\\u2028\\u202eb' });
  });
});
