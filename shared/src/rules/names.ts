import { createHash } from 'node:crypto';
import type { EndpointIntent, PublishedIntent, ServiceIntent } from '../desired/intent.ts';
import { CHAIN_PREFIX, SET_PREFIXES } from '../names.ts';
import type { Family } from '../net/family.ts';
import { safe } from './safe.ts';

/**
 * The iptables chains. As in `shared/src/names.ts`: a renamed chain is not recognised on a running host.
 * A service's id never is part of a name, only its hash, so that names fit into the kernel's 28 characters.
 */
export const chains = {
  /** mangle: one rule per VIP and port of restricted clients; last, the host's own addresses → `nodeSources`. */
  sources: `${CHAIN_PREFIX}SOURCES`,
  nodeSources: `${CHAIN_PREFIX}NODESOURCES`,
  /** One per service port with source ranges: drops who is in none of them. */
  sourcesOf: (service: ServiceIntent) => `${CHAIN_PREFIX}SRC-${hashOf(service)}`,
  /** nat: one rule per VIP and port; last, the host's own addresses → `nodePorts`. */
  services: `${CHAIN_PREFIX}SERVICES`,
  nodePorts: `${CHAIN_PREFIX}NODEPORTS`,
  /** nat: ports that are published on one address; last, the host's own addresses → `publishedAnywhere`. */
  published: `${CHAIN_PREFIX}PUBLISHED`,
  publishedAnywhere: `${CHAIN_PREFIX}PUBLISHED-ANYWHERE`,
  /** One per container's port that is published: translates. */
  publish: ({ protocol, address, port }: PublishedIntent) =>
    `${CHAIN_PREFIX}PUB-${hash(`${protocol} ${address}:${port}`)}`,
  mark: `${CHAIN_PREFIX}MARK`,
  postrouting: `${CHAIN_PREFIX}POSTROUTING`,
  masquerade: `${CHAIN_PREFIX}MASQUERADE`,
  /** filter */
  forward: `${CHAIN_PREFIX}FORWARD`,
  input: `${CHAIN_PREFIX}INPUT`,
  vips: `${CHAIN_PREFIX}VIPS`,
  /** NodePorts that nobody serves here. */
  unserved: `${CHAIN_PREFIX}UNSERVED`,
  reject: `${CHAIN_PREFIX}REJECT`,
  /** filter: one rule per container with policies. mangle: one per container whose destinations are denied. */
  egress: `${CHAIN_PREFIX}EGRESS`,
  ingress: `${CHAIN_PREFIX}INGRESS`,
  asked: `${CHAIN_PREFIX}ASKED`,
  begin: `${CHAIN_PREFIX}BEGIN`,
  /** One per policy and direction. */
  policy: (id: string, direction: 'to' | 'from') =>
    `${CHAIN_PREFIX}${direction === 'to' ? 'PTO' : 'PFR'}-${safe.policy(id)}`,
  policyAsked: (id: string) => `${CHAIN_PREFIX}PAS-${safe.policy(id)}`,
  /** One per limited rule of these. */
  limit: (id: string, direction: 'to' | 'from', index: number) =>
    `${CHAIN_PREFIX}${direction === 'to' ? 'PTO' : 'PFR'}-${safe.policy(id)}-${index}`,
  /** raw */
  prerouting: `${CHAIN_PREFIX}PREROUTING`,
  /** One per service port: picks an endpoint. */
  service: (service: ServiceIntent) => `${CHAIN_PREFIX}SVC-${hashOf(service)}`,
  /** Picks one of this host's endpoints. */
  here: (service: ServiceIntent) => `${CHAIN_PREFIX}SVL-${hashOf(service)}`,
  /** A VIP of internal policy `local` → `here`. */
  internal: (service: ServiceIntent) => `${CHAIN_PREFIX}INT-${hashOf(service)}`,
  /** A NodePort of external policy `local` → `service` or `here`. */
  external: (service: ServiceIntent) => `${CHAIN_PREFIX}EXT-${hashOf(service)}`,
  /** One per service port and endpoint: translates. */
  endpoint: nameOfEndpoint,
} as const;

/** The sets of a list of a policy: `CWY4-5f3a-to-deny` would be too long with some, hence `T`, `F`, `D`, `A` and a number. */
export function setNames(
  family: Family,
  id: string,
  direction: 'to' | 'from',
  what: 'deny' | 'allow' | number,
) {
  const side = direction === 'to' ? 'T' : 'F';
  const list = typeof what === 'number' ? what : what === 'deny' ? 'D' : 'A';
  const name = `${SET_PREFIXES[family]}${safe.policy(id)}-${side}${list}`;
  return {
    peers: name,
    ports: `${name}P`,
    /** @param range protocol and ports: too much for a name, so its hash is */
    range: (range: string) => `${SET_PREFIXES[family]}${hash(`${name} ${range}`)}-R`,
  };
}

/** A hash costs as much as all else of a service's rules, and both are the same objects from one change to the next. */
const hashes = new WeakMap<ServiceIntent, string>();
const endpointNames = new WeakMap<
  EndpointIntent,
  { readonly service: ServiceIntent; readonly name: string }
>();

function hashOf(service: ServiceIntent): string {
  const known = hashes.get(service);
  if (known !== undefined) return known;
  const found = hash(service.id);
  hashes.set(service, found);
  return found;
}

function nameOfEndpoint(service: ServiceIntent, endpoint: EndpointIntent): string {
  const known = endpointNames.get(endpoint);
  if (known?.service === service) return known.name;
  const place = `${service.id} ${service.protocol} ${endpoint.address}:${endpoint.port}`;
  const name = `${CHAIN_PREFIX}SEP-${hash(place)}`;
  endpointNames.set(endpoint, { service, name });
  return name;
}

/** 16 characters of A-Z and 2-7 (80 bits). */
function hash(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  // As text of bytes: a buffer for each costs as much as the hash.
  const digest = createHash('sha256').update(text).digest('binary');
  let found = '';
  for (let i = 0; i < 16; i++) found += alphabet[digest.charCodeAt(i) & 31];
  return found;
}
