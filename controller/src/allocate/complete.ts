import type { ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import type { ParsedServiceInput } from '@causeway/shared/model/service-input';
import { containsAddress, parseAddress } from '@causeway/shared/net/cidr';
import type { ClusterFacts } from '../validate/cluster-facts.ts';
import type { DraftPort, ServiceDraft } from '../validate/service.ts';
import { pickNodePort } from './pick-node-port.ts';
import { pickVip } from './pick-vip.ts';

/** The inputs that are not data. */
export interface Chance {
  readonly random: () => number;
  /** RFC 3339 */
  readonly now: () => string;
}

/**
 * Fills in what a draft leaves open: VIP, NodePorts, name. What the service has already, it keeps.
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
  const vip = chooseVip(draft, before, facts, chance);
  const ports = chooseNodePorts(draft, before, facts, chance);
  return {
    name: before?.name ?? draft.name ?? defaultName(vip, ports),
    ...(vip === undefined ? {} : { vip }),
    ports,
    endpoints: draft.endpoints,
    createdAt: before?.createdAt ?? chance.now(),
  };
}

/** @returns the name that a definition will have, undefined when it follows from what is allocated */
export function nameOfInput(input: ParsedServiceInput): string | undefined {
  const first = input.ports.find((port) => port.nodePort !== undefined);
  if (input.name !== undefined) return input.name;
  if (input.vip === 'auto' || (input.vip === 'none' && typeof first?.nodePort !== 'number')) return undefined;
  return defaultName(input.vip === 'none' ? undefined : input.vip, input.ports);
}

/** Whether two definitions ask for the same; the order of endpoints says nothing. */
export function sameService(a: ServiceSpec, b: ServiceSpec): boolean {
  return fingerprint(a) === fingerprint(b);
}

function chooseVip(
  draft: ServiceDraft,
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  chance: Chance,
): string | undefined {
  if (draft.vip === 'none') return undefined;
  if (draft.vip !== 'auto') return draft.vip;
  const isTaken = (address: string) =>
    facts.vipOwner(address) !== undefined ||
    facts.hostOf(address) !== undefined ||
    facts.networkAt(parseAddress(address) ?? 0) !== undefined ||
    (facts.network !== undefined && containsAddress(facts.network, parseAddress(address) ?? 0)) ||
    facts.serviceWithEndpointAt(address) !== undefined;
  return before?.vip ?? pickVip(facts.serviceRange, isTaken, chance.random);
}

function chooseNodePorts(
  draft: ServiceDraft,
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  chance: Chance,
): readonly ServicePort[] {
  const own = new Set<string>();
  for (const port of draft.ports) {
    const nodePort = port.nodePort === 'auto' ? kept(port, before) : port.nodePort;
    if (nodePort !== undefined) own.add(`${port.protocol}/${nodePort}`);
  }
  return draft.ports.map(({ nodePort: asked, ...port }) => {
    if (asked === undefined) return port;
    if (asked !== 'auto') return { ...port, nodePort: asked };
    const isTaken = (value: number) =>
      own.has(`${port.protocol}/${value}`) || facts.nodePortOwner(port.protocol, value) !== undefined;
    const nodePort =
      kept({ ...port, nodePort: asked }, before) ?? pickNodePort(facts, isTaken, chance.random);
    own.add(`${port.protocol}/${nodePort}`);
    return { ...port, nodePort };
  });
}

/** The NodePort that the same port of the service has already. */
function kept(port: DraftPort, before: ServiceSpec | undefined): number | undefined {
  return before?.ports.find((old) => old.protocol === port.protocol && old.port === port.port)?.nodePort;
}

function defaultName(
  vip: string | undefined,
  ports: readonly { readonly port: number; readonly nodePort?: number | 'auto' | undefined }[],
): string {
  // With several ports and no VIP, the first that has a NodePort.
  const first = vip === undefined ? ports.find((port) => port.nodePort !== undefined) : ports[0];
  return vip === undefined
    ? `svc-node-port-${first?.nodePort}`
    : `svc-${vip.replaceAll('.', '-')}-${first?.port}`;
}

function fingerprint(spec: ServiceSpec): string {
  const ports = spec.ports.map((port) => [
    port.name,
    port.protocol,
    port.port,
    port.targetPort,
    port.nodePort,
  ]);
  return JSON.stringify([spec.name, spec.vip, ports, [...spec.endpoints].sort()]);
}
