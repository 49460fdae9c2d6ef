import { CausewayError } from '@causeway/shared/errors';
import type { ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import type { ParsedServiceInput } from '@causeway/shared/model/service-input';
import { blockHasIp, canonicalIp, familyOf, parseIp } from '@causeway/shared/net/block';
import { entriesOf } from '@causeway/shared/net/family';
import type { ClusterFacts } from '../validate/cluster-facts.ts';
import { publisherOf } from '../validate/node-port-places.ts';
import type { DraftPort, ServiceDraft } from '../validate/service.ts';
import type { VipWish } from '../validate/vips.ts';
import { pickNodePort } from './pick-node-port.ts';
import { pickVip } from './pick-vip.ts';

/** The inputs that are not data. */
export interface Chance {
  readonly random: () => number;
  /** RFC 3339 */
  readonly now: () => string;
}

/**
 * Fills in what a draft leaves open: VIPs, NodePorts, name. What the service has already, it keeps.
 *
 * @param before the service that is replaced
 * @throws CausewayError `exhausted` when no VIP or NodePort is free
 */
export function complete(
  draft: ServiceDraft,
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  chance: Chance,
): ServiceSpec {
  const { name, vips: wishes, families, ports: drafts, ...rest } = draft;
  const vips = wishes.map((wish) => chooseVip(wish, before, facts, chance));
  const ports = chooseNodePorts(drafts, before, facts, chance);
  return {
    name: before?.name ?? name ?? defaultName(vips[0], ports),
    vips,
    families,
    ports,
    ...rest,
    createdAt: before?.createdAt ?? chance.now(),
  };
}

/** @returns the name that a definition will have, undefined when it follows from what is allocated */
export function nameOfInput(input: ParsedServiceInput): string | undefined {
  if (input.name !== undefined) return input.name;
  const first = typeof input.vip === 'string' ? input.vip : input.vip[0];
  if (first === 'auto' || first === undefined) return undefined;
  if (first !== 'none') return defaultName(canonicalIp(first) ?? first, input.ports);
  const port = input.ports.find(({ nodePort }) => nodePort !== undefined);
  return typeof port?.nodePort === 'number' ? defaultName(undefined, input.ports) : undefined;
}

/** Whether two definitions ask for the same; the order of endpoints says nothing. */
export function sameService(a: ServiceSpec, b: ServiceSpec): boolean {
  return fingerprint(a) === fingerprint(b);
}

function chooseVip(
  { family, address }: VipWish,
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  chance: Chance,
): string {
  const kept = address ?? before?.vips.find((vip) => familyOf(vip) === family);
  if (kept !== undefined) return kept;
  const range = facts.serviceRanges[family];
  if (range === undefined) {
    throw new CausewayError(
      'exhausted',
      'allocating a VIP: the cluster has no service range of IPv6; give an address, or make a range with svcctl settings set --service-range-ipv6',
      { field: 'vip', value: 'auto' },
    );
  }
  return pickVip(range, (candidate) => isVipTaken(candidate, facts), chance.random);
}

function isVipTaken(address: string, facts: ClusterFacts): boolean {
  const ip = parseIp(address);
  return (
    ip === undefined ||
    facts.vipOwner(address) !== undefined ||
    facts.hostOf(address) !== undefined ||
    facts.networkAt(ip) !== undefined ||
    entriesOf(facts.networks).some(([, network]) => blockHasIp(network, ip)) ||
    facts.serviceWithEndpointAt(address) !== undefined ||
    facts.workloadAt(address) !== undefined
  );
}

function chooseNodePorts(
  drafts: readonly DraftPort[],
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  chance: Chance,
): readonly ServicePort[] {
  const typed = new Set(
    drafts.flatMap(({ protocol, nodePort }) =>
      typeof nodePort === 'number' ? [`${protocol}/${nodePort}`] : [],
    ),
  );
  // What a port has already it keeps, unless another port asks for that very number now.
  const keeps = (port: DraftPort) => {
    const nodePort = port.nodePort === 'auto' ? kept(port, before) : undefined;
    return typed.has(`${port.protocol}/${nodePort}`) ? undefined : nodePort;
  };
  const own = new Set([...typed, ...drafts.map((port) => `${port.protocol}/${keeps(port)}`)]);
  return drafts.map((draft) => {
    const { nodePort: asked, ...port } = draft;
    if (asked === undefined) return port;
    if (asked !== 'auto') return { ...port, nodePort: asked };
    const isTaken = (value: number) =>
      own.has(`${port.protocol}/${value}`) ||
      facts.nodePortOwner(port.protocol, value) !== undefined ||
      publisherOf(facts, port.protocol, value) !== undefined;
    const nodePort = keeps(draft) ?? pickNodePort(facts, isTaken, chance.random);
    own.add(`${port.protocol}/${nodePort}`);
    return { ...port, nodePort };
  });
}

/** The NodePort that the same port of the service has already. */
function kept(port: DraftPort, before: ServiceSpec | undefined): number | undefined {
  return before?.ports.find((old) => old.protocol === port.protocol && old.port === port.port)?.nodePort;
}

/** `svc-2-2-2-2-88`, `svc-fd00-10-96--5-88`: at most 49 characters. */
function defaultName(
  vip: string | undefined,
  ports: readonly { readonly port: number; readonly nodePort?: number | 'auto' | undefined }[],
): string {
  // With several ports and no VIP, the first that has a NodePort.
  const first = vip === undefined ? ports.find((port) => port.nodePort !== undefined) : ports[0];
  return vip === undefined
    ? `svc-node-port-${first?.nodePort}`
    : `svc-${vip.replaceAll(/[.:]/g, '-')}-${first?.port}`;
}

/** Independent of the order of fields, which a codec may change. */
function fingerprint({ createdAt: _createdAt, ...spec }: ServiceSpec): string {
  const endpoints = [...spec.endpoints].sort((a, b) => (a.to < b.to ? -1 : 1));
  return JSON.stringify({ ...spec, endpoints }, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
