import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredHost, OwnSubnets } from '../../shared/src/desired/host.ts';
import type { FamilyLease, SubnetLease } from '../../shared/src/model/lease.ts';
import type { Backend, NetworkConfig } from '../../shared/src/model/network.ts';
import { blockHasBlock, blocksOverlap, parseBlock } from '../../shared/src/net/block.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DUAL_STACK, HOST_1, HOST_GW, hostWith, leaseOf, only, VXLAN } from '../support/desired-host.ts';

/** A small world, so that leases meet: twins, parts of each other, our own, nonsense. */
const SUBNETS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['10.10.1.0/24', '10.10.2.0/24', '10.10.2.7/24', '10.10.2.128/25', '10.10.3.0/24', '10.10.0.0/16'],
  ipv6: [
    'fd00:10:0:1::/64',
    'fd00:10:0:2::/64',
    'FD00:10:0:2::5/64',
    'fd00:10:0:2:8000::/65',
    'fd00:10::/48',
  ],
};
const ODD = ['0.0.0.0/0', '::/0', '192.168.122.0/24', 'fd00:122::/64', '10.10.9', 'x; reboot', ''];
const ADDRESSES: Readonly<Record<Family, readonly string[]>> = {
  ipv4: [
    '192.168.122.11',
    '192.168.122.12',
    '192.168.122.13',
    '192.168.9.2',
    '10.10.3.3',
    '224.0.0.1',
    '1.2.3',
  ],
  ipv6: ['fd00:122::11', 'fd00:122::12', 'fd00:122:0::0013', 'fd00:9::2', 'fd00:10::3', 'ff02::1', ':::'],
};
const MACS = ['02:00:00:00:00:02', '02:00:00:00:00:03', '02:00:00:00:00:0A', '01:00:00:00:00:01', 'x'];

const familyLease = (family: Family): fc.Arbitrary<FamilyLease> =>
  fc.record(
    {
      subnet: fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...SUBNETS[family]) },
        { weight: 1, arbitrary: fc.constantFrom(...ODD) },
      ),
      publicIp: fc.constantFrom(...ADDRESSES[family], ...ADDRESSES[family].slice(0, 4)),
      vtep: fc.record({ vni: fc.constantFrom(1, 1, 1, 2), mac: fc.constantFrom(...MACS) }),
    },
    { requiredKeys: ['subnet'] },
  );

const anyLease: fc.Arbitrary<SubnetLease> = fc.record(
  {
    backendType: fc.constantFrom('host-gw', 'vxlan', 'host-gw', 'vxlan', 'udp'),
    node: fc.constantFrom(...[1, 2, 3, 4].map((n) => ({ id: `id-${n}`, name: `host-${n}` }))),
    ipv4: familyLease('ipv4'),
    ipv6: familyLease('ipv6'),
  },
  { requiredKeys: ['backendType'] },
);

const BACKENDS: readonly Backend[] = [
  HOST_GW,
  VXLAN,
  { ...VXLAN, direct: true },
  { ...VXLAN, type: 'host-gw', direct: true },
];
const anyConfig: fc.Arbitrary<NetworkConfig> = fc
  .tuple(fc.constantFrom(...BACKENDS), fc.constantFrom(undefined, ...FAMILIES))
  .map(([backend, family]) => {
    const config = { ...DUAL_STACK, backend };
    return family === undefined ? config : only(family, config);
  });
const anyOwn: fc.Arbitrary<OwnSubnets> = fc.record(
  { ipv4: fc.constant('10.10.1.0/24'), ipv6: fc.constant('fd00:10:0:1::/64') },
  { requiredKeys: [] },
);
const anyLeases = fc.array(anyLease, { maxLength: 12 });

type World = readonly [leases: readonly SubnetLease[], config: NetworkConfig, own: OwnSubnets];

function everywhere(numRuns: number, check: (host: DesiredHost, ...world: World) => void): void {
  fc.assert(
    fc.property(anyLeases, anyConfig, anyOwn, (leases, config, own) => {
      check(hostWith(leases, { config, own }), leases, config, own);
    }),
    { numRuns },
  );
}

const blockOf = (text: string) => {
  const block = parseBlock(text);
  if (block === undefined) throw new Error(`no CIDR: ${text}`);
  return block;
};

describe('whatever is leased', () => {
  it('no route leaves the network, takes from our own subnet or from another route', () => {
    everywhere(1_000, ({ routes }, _, config, own) => {
      const networks = FAMILIES.flatMap((family) => config[family]?.network ?? []).map(blockOf);
      const ours = FAMILIES.flatMap((family) => own[family] ?? []).map(blockOf);
      const blocks = routes.map(({ destination }) => blockOf(destination));
      for (const [i, block] of blocks.entries()) {
        expect(networks.some((network) => blockHasBlock(network, block))).toBe(true);
        expect(ours.filter((one) => blocksOverlap(one, block))).toEqual([]);
        expect(blocks.filter((other, j) => j !== i && blocksOverlap(other, block))).toEqual([]);
      }
    });
  });

  it('every lease of others is a peer, once per family of the network, wanted with a route or told why not', () => {
    everywhere(1_000, ({ peers, routes }, leases, config) => {
      const isFlannels = ({ node }: SubnetLease) => node === undefined;
      for (const family of FAMILIES) {
        const here = peers.filter((peer) => peer.family === family);
        const theirs = leases.filter(
          (lease) => lease[family] !== undefined && config[family] !== undefined && lease.node?.id !== 'id-1',
        );
        // One without an id may be this host's own, left by a flannel daemon.
        expect(here.length).toBeGreaterThanOrEqual(theirs.filter((lease) => !isFlannels(lease)).length);
        expect(here.length).toBeLessThanOrEqual(theirs.length);
        for (const name of ['host-2', 'host-3', 'host-4'])
          expect(here.filter(({ node }) => node === name)).toHaveLength(
            theirs.filter(({ node }) => node?.name === name).length,
          );
      }
      const wanted = peers.filter(({ state }) => state === 'wanted');
      expect(routes.map(({ destination }) => destination)).toEqual(wanted.map(({ subnet }) => subnet));
      for (const { state, path, reason } of peers)
        expect(state === 'wanted' ? [typeof path, reason] : [path, typeof reason]).toEqual(
          state === 'wanted' ? ['string', undefined] : [undefined, 'string'],
        );
    });
  });

  it('every route through a tunnel has the tunnel and one neighbour, and each address leads to one host', () => {
    everywhere(1_000, ({ routes, tunnels }) => {
      for (const { destination, gateway, device } of routes.filter(({ onlink }) => onlink)) {
        const tunnel = tunnels.find(({ name }) => name === device);
        expect(tunnel?.neighbours.filter(({ address }) => address === gateway)).toHaveLength(1);
        expect(destination.startsWith(`${gateway}/`)).toBe(true);
      }
      for (const { neighbours, mac, local } of tunnels) {
        const remotes = new Map(neighbours.map((one) => [one.mac, one.remote]));
        for (const one of neighbours) {
          expect(one.mac).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
          expect(one.remote).toBe(remotes.get(one.mac));
          expect([one.mac, one.remote]).not.toContain(mac);
          expect(one.remote).not.toBe(local);
        }
      }
    });
  });

  it('the order of leases does not matter, nor what was read before', () => {
    fc.assert(
      fc.property(
        anyLeases,
        fc.infiniteStream(fc.nat()),
        anyConfig,
        anyOwn,
        (leases, numbers, config, own) => {
          const keyed = leases.map((lease) => ({ lease, key: Number(numbers.next().value) }));
          const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ lease }) => lease);
          const host = hostWith(leases, { config, own });
          expect(hostWith(shuffled, { config, own })).toEqual(host);
          expect(hostWith(structuredClone(leases), { config, own })).toEqual(host);
          // Seen from elsewhere in between.
          hostWith(leases, { config, own: {}, facts: { ...HOST_1, id: 'id-3' } });
          expect(hostWith(leases, { config, own })).toEqual(host);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a lease of nonsense or of others’ subnets takes no route of a claimed lease away', () => {
    const claimed = [5, 6, 7].map((n) => leaseOf(n));
    const stranger = anyLease.map(({ node, ...lease }) => lease);
    const node = fc.option(fc.constant({ id: 'id-9', name: 'host-9' }), { nil: undefined });
    const stealing = fc
      .tuple(node, fc.constantFrom('10.10.5.0/24', '10.10.4.0/22', '10.10.6.0/25', '10.10.0.0/16'))
      .map(([owner, subnet]) => ({
        ...{ backendType: 'host-gw', ipv4: { subnet, publicIp: '192.168.122.99' } },
        ...(owner === undefined || subnet.endsWith('/24') ? {} : { node: owner }),
      }));
    fc.assert(
      fc.property(fc.array(fc.oneof(stranger, stealing), { maxLength: 6 }), anyConfig, (others, config) => {
        const { routes } = hostWith([...others, ...claimed], { config });
        for (const route of hostWith(claimed, { config }).routes) expect(routes).toContainEqual(route);
      }),
      { numRuns: 500 },
    );
  });
});
