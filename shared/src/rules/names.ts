import { createHash } from 'node:crypto';
import type { EndpointIntent, ServiceIntent } from '../desired/intent.ts';
import { CHAIN_PREFIX } from '../names.ts';

/**
 * The iptables chains. As in `shared/src/names.ts`: a renamed chain is not recognised on a running host.
 * A service's id never is part of a name, only its hash, so that names fit into the kernel's 28 characters.
 */
export const chains = {
  /** mangle: one rule per VIP and port of restricted clients; last, the host's own addresses → `nodeSources`. */
  sources: `${CHAIN_PREFIX}SOURCES`,
  nodeSources: `${CHAIN_PREFIX}NODESOURCES`,
  /** One per service port with source ranges: drops who is in none of them. */
  sourcesOf: (service: ServiceIntent) => `${CHAIN_PREFIX}SRC-${hash(service.id)}`,
  /** nat: one rule per VIP and port; last, the host's own addresses → `nodePorts`. */
  services: `${CHAIN_PREFIX}SERVICES`,
  nodePorts: `${CHAIN_PREFIX}NODEPORTS`,
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
  /** raw */
  prerouting: `${CHAIN_PREFIX}PREROUTING`,
  /** One per service port: picks an endpoint. */
  service: (service: ServiceIntent) => `${CHAIN_PREFIX}SVC-${hash(service.id)}`,
  /** Picks one of this host's endpoints. */
  here: (service: ServiceIntent) => `${CHAIN_PREFIX}SVL-${hash(service.id)}`,
  /** A VIP of internal policy `local` → `here`. */
  internal: (service: ServiceIntent) => `${CHAIN_PREFIX}INT-${hash(service.id)}`,
  /** A NodePort of external policy `local` → `service` or `here`. */
  external: (service: ServiceIntent) => `${CHAIN_PREFIX}EXT-${hash(service.id)}`,
  /** One per service port and endpoint: translates. */
  endpoint: (service: ServiceIntent, endpoint: EndpointIntent) =>
    `${CHAIN_PREFIX}SEP-${hash(`${service.id} ${service.protocol} ${endpoint.address}:${endpoint.port}`)}`,
} as const;

/** 16 characters of A-Z and 2-7 (80 bits). */
function hash(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const digest = createHash('sha256').update(text).digest();
  let found = '';
  for (let i = 0; i < 16; i++) found += alphabet[(digest[i] ?? 0) & 31];
  return found;
}
