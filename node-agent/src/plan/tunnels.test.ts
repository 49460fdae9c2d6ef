import type { TunnelIntent } from '@causeway/shared/desired/host';
import { describe, expect, it } from 'vitest';
import type { ObservedTunnel } from './observed.ts';
import { inOrder } from './order.ts';
import { planTunnels } from './tunnels.ts';

const peer = (n: number) => ({
  address: `10.10.${n}.0`,
  mac: `02:00:00:00:00:0${n}`,
  remote: `192.168.122.1${n}`,
});
const tunnel: TunnelIntent = {
  ...{ name: 'cwyx.1', family: 'ipv4', vni: 1, port: 8472, local: '192.168.122.11', device: 'eth0' },
  ...{ mac: '02:00:00:00:00:01', mtu: 1450, learning: false, gbp: false, address: '10.10.1.0/32' },
  neighbours: [peer(2), peer(3)],
};
const { family: _family, address, neighbours, ...device } = tunnel;
const stands: ObservedTunnel = {
  ...device,
  up: true,
  addresses: [address ?? ''],
  neighbours: neighbours.map(({ address: to, mac }) => ({ address: to, mac })),
  forwarding: neighbours.map(({ mac, remote }) => ({ mac, remote })),
};

const texts = (
  desired: readonly TunnelIntent[],
  observed: readonly ObservedTunnel[],
  gateways: string[] = [],
) => inOrder(planTunnels(desired, observed, new Set(gateways)).steps).map((step) => step.text);

const PEERS = [
  'set neighbour 10.10.2.0 at 02:00:00:00:00:02 on cwyx.1',
  'set neighbour 10.10.3.0 at 02:00:00:00:00:03 on cwyx.1',
];
const ENTRIES = [
  'forward frames for 02:00:00:00:00:02 to 192.168.122.12 on cwyx.1',
  'forward frames for 02:00:00:00:00:03 to 192.168.122.13 on cwyx.1',
];
const MADE = [
  'create tunnel cwyx.1: VXLAN 1 from 192.168.122.11 by eth0, port 8472',
  'set cwyx.1 up with MTU 1450',
  'add address 10.10.1.0/32 to cwyx.1',
  ...ENTRIES,
  ...PEERS,
];

describe('a tunnel', () => {
  it.each<[string, readonly ObservedTunnel[], readonly string[]]>([
    ['stands', [stands], []],
    ['is missing', [], MADE],
    [
      'has another VNI',
      [{ ...stands, vni: 2 }],
      ['remove tunnel cwyx.1 to make it anew: its kind cannot be changed', ...MADE],
    ],
    [
      'extends frames by groups',
      [{ ...stands, gbp: true }],
      ['remove tunnel cwyx.1 to make it anew: its kind cannot be changed', ...MADE],
    ],
    [
      'ends elsewhere',
      [{ ...stands, local: '192.168.122.99' }],
      ['set tunnel cwyx.1 to 192.168.122.11 by eth0'],
    ],
    [
      'leaves by another link',
      [{ ...stands, device: 'eth1' }],
      ['set tunnel cwyx.1 to 192.168.122.11 by eth0'],
    ],
    [
      'has another link-layer address, with which the neighbours go',
      [{ ...stands, mac: '02:00:00:00:00:99' }],
      ['set the address of cwyx.1 to 02:00:00:00:00:01', ...PEERS],
    ],
    ['is down', [{ ...stands, up: false }], ['set cwyx.1 up with MTU 1450']],
    [
      'has another address',
      [{ ...stands, addresses: ['10.10.9.0/32'] }],
      ['add address 10.10.1.0/32 to cwyx.1', 'remove address 10.10.9.0/32 from cwyx.1'],
    ],
    ['has a wrong peer', [{ ...stands, neighbours: [{ address: '10.10.2.0', mac: 'x' }] }], PEERS],
    [
      'has one too many',
      [{ ...stands, forwarding: [...stands.forwarding, { mac: 'x', remote: '1.2.3.4' }] }],
      ['stop forwarding frames for x to 1.2.3.4 on cwyx.1'],
    ],
    ['is of an earlier life', [stands, { ...stands, name: 'cwyx.7' }], ['remove tunnel cwyx.7']],
  ])('%s', (_, observed, expected) => expect(texts([tunnel], observed)).toEqual(expected));

  it('that loses its last address loses its neighbours with it', () => {
    const { address: _gone, ...bare } = tunnel;
    expect(texts([bare], [stands])).toEqual(['remove address 10.10.1.0/32 from cwyx.1', ...PEERS]);
    expect(planTunnels([bare], [stands], new Set()).emptied.get('cwyx.1')).toBe('ipv4');
  });

  it('of an earlier life keeps no address that is a gateway of ours', () => {
    expect(texts([], [stands], ['10.10.1.0'])).toEqual([
      'remove address 10.10.1.0/32 from cwyx.1',
      'remove tunnel cwyx.1',
    ]);
  });
});

it('a host with two subnets has one end of the tunnel, which is told once', () => {
  const twice = { ...tunnel, neighbours: [peer(2), { ...peer(2), address: '10.10.4.0' }] };
  const held = {
    ...stands,
    neighbours: twice.neighbours.map(({ address: to, mac }) => ({ address: to, mac })),
    forwarding: [{ mac: peer(2).mac, remote: peer(2).remote }],
  };
  expect(texts([twice], [held])).toEqual([]);
});
