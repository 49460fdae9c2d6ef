import type { DesiredHost, OwnSubnets } from '../../shared/src/desired/host.ts';
import { desiredHost } from '../../shared/src/desired/index.ts';
import type { Endpoint } from '../../shared/src/model/endpoint.ts';
import type { HostFacts } from '../../shared/src/model/host-facts.ts';
import type { FamilyLease, SubnetLease } from '../../shared/src/model/lease.ts';
import type { Backend, NetworkConfig } from '../../shared/src/model/network.ts';
import type { ServiceSpec } from '../../shared/src/model/service.ts';
import type { Snapshot } from '../../shared/src/model/snapshot.ts';

/** A host of an example network, and what else is in etcd, for the tests of desired state. */
export const HOST_GW: Backend = { type: 'host-gw', direct: true };
export const VXLAN: Backend = {
  type: 'vxlan',
  direct: false,
  tunnel: { vni: 1, port: 8472, learning: false, gbp: false },
};

export const DUAL_STACK: NetworkConfig = {
  ipv4: { network: '10.10.0.0/16', subnetLen: 24, subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' },
  ipv6: { network: 'fd00:10::/48', subnetLen: 64, subnetMin: 'fd00:10:0:1::', subnetMax: 'fd00:10:0:ffff::' },
  backend: HOST_GW,
  masquerade: true,
  nonMasqueradeCidrs: [],
};

export const HOST_1: HostFacts = {
  name: 'host-1',
  id: 'id-1',
  iface: 'eth0.5',
  mtu: 1500,
  ipv4: { publicIp: '192.168.122.11', network: '192.168.122.0/24' },
  ipv6: { publicIp: 'fd00:122::11', network: 'fd00:122::/64' },
};

export const OWN: OwnSubnets = { ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' };

/** The configuration with one family only. */
export function only(family: 'ipv4' | 'ipv6', config: NetworkConfig = DUAL_STACK): NetworkConfig {
  const { ipv4, ipv6, ...rest } = config;
  const one = { ipv4, ipv6 }[family];
  return one === undefined ? rest : { ...rest, [family]: one };
}

/** The lease of host-N of ours, on the link of all hosts, with both subnets and both ends of a tunnel. */
export function leaseOf(n: number, more: Partial<SubnetLease> = {}): SubnetLease {
  const hex = n.toString(16);
  const mac = (family: number) => `02:00:00:0${family}:${hex.padStart(4, '0').replace(/^../, '$&:')}`;
  return {
    backendType: 'host-gw',
    node: { id: `id-${n}`, name: `host-${n}` },
    ipv4: {
      subnet: `10.10.${n}.0/24`,
      publicIp: `192.168.122.${10 + n}`,
      vtep: { vni: 1, mac: mac(4) },
    },
    ipv6: { subnet: `fd00:10:0:${hex}::/64`, publicIp: `fd00:122::${10 + n}`, vtep: { vni: 1, mac: mac(6) } },
    ...more,
  };
}

/** The same, somewhere else than on the link of the others. */
export function farLeaseOf(n: number, more: Partial<SubnetLease> = {}): SubnetLease {
  const { ipv4, ipv6, ...lease } = leaseOf(n, more);
  return {
    ...lease,
    ...(ipv4 === undefined ? {} : { ipv4: { ...ipv4, publicIp: `192.168.9.${n}` } }),
    ...(ipv6 === undefined ? {} : { ipv6: { ...ipv6, publicIp: `fd00:9::${n.toString(16)}` } }),
  };
}

type Changes = { readonly [K in keyof FamilyLease]?: FamilyLease[K] | undefined };

/** Host-3's lease, or another, with its IPv4 part changed, and no IPv6; undefined takes a part away. */
export function v4(more: Changes, { ipv6, ...lease }: SubnetLease = leaseOf(3)): SubnetLease {
  const { subnet, publicIp, vtep } = { ...lease.ipv4, ...more };
  return {
    ...lease,
    ipv4: {
      subnet: subnet ?? '10.10.3.0/24',
      ...(publicIp === undefined ? {} : { publicIp }),
      ...(vtep === undefined ? {} : { vtep }),
    },
  };
}

/** The same, of a flannel daemon. */
export function flannel({ node, ...lease }: SubnetLease): SubnetLease {
  return lease;
}

/** A service of IPv4, `10.96.0.1:80`, that leaves everything as it is by default. */
export function serviceSpec(name: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  const port = { name: '', protocol: 'tcp' as const, port: 80, targetPort: 8080 };
  return {
    ...{ name, vips: ['10.96.0.1'], families: ['ipv4'], ports: [port], endpoints: [] },
    createdAt: '2026-01-01T00:00:00Z',
    ...more,
  };
}

/** One that was resolved, ready and of weight 1 unless said otherwise. */
export function resolved(address: string, port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { portName: '', address, port, ref: `${address}:${port}`, ...more };
}

export function snapshotOf(more: Partial<Snapshot> = {}): Snapshot {
  return {
    config: DUAL_STACK,
    settings: {
      ...{ serviceRange: '10.96.0.0/16', serviceRangeIpv6: 'fd00:96::/112' },
      ...{ nodePortMin: 30000, nodePortMax: 32767 },
    },
    ...{ leases: [], services: [], endpoints: new Map(), containers: [] },
    ...{ policies: [], policyPeers: new Map() },
    ...{ networkRevision: 1, servicesRevision: 2, policiesRevision: 3 },
    ...more,
  };
}

export interface Situation {
  readonly config?: NetworkConfig;
  readonly facts?: HostFacts;
  readonly own?: OwnSubnets;
}

/** What host-1 should hold with these leases. */
export function hostWith(leases: readonly SubnetLease[], situation: Situation = {}): DesiredHost {
  const { config = DUAL_STACK, facts = HOST_1, own = OWN } = situation;
  return desiredHost(snapshotOf({ config, leases }), facts, own);
}
