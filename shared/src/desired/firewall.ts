import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { Settings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { canonicalBlock, compareBlocks, formatBlock, parseBlock } from '../net/block.ts';
import { entriesOf, FAMILY_NAMES, type Family } from '../net/family.ts';
import { type Cidrs, formatBlocks, isEverything, readCidrs } from './cidrs.ts';
import type { OwnSubnets } from './host.ts';
import type { FirewallIntent, ServiceIntent } from './intent.ts';
import { type Occupied, occupied, overlapped, vipConflict } from './occupied.ts';
import { type Candidate, readService } from './service.ts';

export interface Firewalls {
  /** One per family of the network. */
  readonly intents: readonly FirewallIntent[];
  readonly problems: readonly string[];
}

/** What the packet filter does in each family of the network: sorted, without doubles, everything checked again. */
export function firewallIntents(snapshot: Snapshot, facts: HostFacts, own: OwnSubnets): Firewalls {
  const { config, settings } = snapshot;
  const claimed = occupied(config, facts);
  const nodePorts = readCidrs(settings.nodePortCidrs ?? []);
  const services = servicesOf(snapshot, facts.name, claimed, nodePorts);
  const exempt = config.nonMasqueradeCidrs.map((text) => ({ text, block: parseBlock(text) }));
  const problems = [...services.problems];
  const intents = entriesOf(config).map(([family, { network }]): FirewallIntent => {
    const subnet = own[family];
    const blocks = exempt.flatMap(({ block }) => (block?.family === family ? block : []));
    const range = serviceRange(settings, family, claimed);
    problems.push(...range.problems);
    return {
      family,
      network: normal(network),
      ...(subnet === undefined ? {} : { subnet: normal(subnet) }),
      bridge: BRIDGE,
      mark: DEFAULT_MARK,
      masquerade: config.masquerade,
      nonMasqueradeCidrs: [...new Set(blocks.sort(compareBlocks).map(formatBlock))],
      ...(range.text === undefined ? {} : { serviceRange: range.text }),
      nodePortCidrs: nodePortCidrs(nodePorts, family),
      services: services.byFamily[family],
    };
  });
  const wrong = exempt.flatMap(({ text, block }) =>
    block === undefined ? `nonMasqueradeCIDRs: ${show(text)} is left out: it is no CIDR` : [],
  );
  const unknown = nodePorts.problems.map((problem) => `nodePortCidrs: ${problem}`);
  return { intents, problems: [...problems, ...wrong, ...unknown] };
}

interface Services {
  readonly byFamily: Readonly<Record<Family, readonly ServiceIntent[]>>;
  readonly problems: readonly string[];
}

function servicesOf(
  { services, endpoints, config, settings }: Snapshot,
  host: string,
  claimed: readonly Occupied[],
  nodePorts: Cidrs,
): Services {
  const readings = services.map((spec) => readService(spec, endpoints.get(spec.name), host));
  const problems = readings.flatMap((reading) => reading.problems);
  const candidates = readings.flatMap((reading) => reading.candidates).sort(byId);
  const claims: Record<Family, Map<string, string>> = { ipv4: new Map(), ipv6: new Map() };
  const byFamily: Record<Family, ServiceIntent[]> = { ipv4: [], ipv6: [] };
  const isOpen = (family: Family) => servesNodePorts(settings, nodePorts, family);
  const open: Record<Family, boolean> = { ipv4: isOpen('ipv4'), ipv6: isOpen('ipv6') };
  for (const candidate of candidates) {
    const { family, intent } = candidate;
    const unused = config[family] === undefined ? `the network has no ${FAMILY_NAMES[family]}` : undefined;
    const reason =
      candidate.fault ?? unused ?? vipConflict(candidate, claimed) ?? claim(candidate, claims[family]);
    if (reason === undefined) byFamily[family].push(open[family] ? intent : withoutNodePort(intent));
    else problems.push(`service ${show(intent.id)} is left out: ${reason}`);
  }
  return { byFamily, problems };
}

/** Where CIDRs are given, and none of them is of the family, no address of the host is inside of one. */
function servesNodePorts({ nodePortCidrs: asked = [] }: Settings, nodePorts: Cidrs, family: Family): boolean {
  return asked.length === 0 || nodePorts.byFamily[family].length > 0;
}

function nodePortCidrs({ byFamily }: Cidrs, family: Family): readonly string[] {
  return isEverything(byFamily[family]) ? [] : formatBlocks(byFamily[family]);
}

/** By intent, so that what did not change is the same object again. */
const withoutNodePorts = new WeakMap<ServiceIntent, ServiceIntent>();

function withoutNodePort(intent: ServiceIntent): ServiceIntent {
  const known = withoutNodePorts.get(intent);
  if (known !== undefined) return known;
  const { nodePort: _, ...rest } = intent;
  withoutNodePorts.set(intent, rest);
  return rest;
}

/** The range that is dropped where no service is; nothing of it when others are inside. */
function serviceRange(
  { serviceRange: ipv4, serviceRangeIpv6: ipv6 }: Settings,
  family: Family,
  claimed: readonly Occupied[],
): { readonly text?: string; readonly problems: readonly string[] } {
  const block = parseBlock({ ipv4, ipv6 }[family] ?? '');
  if (block?.family !== family) return { problems: [] };
  const text = formatBlock(block);
  const inTheWay = overlapped(block, claimed);
  if (inTheWay === undefined) return { text, problems: [] };
  const reason = `it overlaps ${inTheWay}`;
  return { problems: [`unused addresses of the service range ${text} are not dropped: ${reason}`] };
}

function byId({ intent: a }: Candidate, { intent: b }: Candidate): number {
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** With its host bits zero; a text that is no CIDR is left for the renderer to refuse. */
function normal(cidr: string): string {
  return canonicalBlock(cidr) ?? cidr;
}

/** One service per VIP, protocol and port, and one per NodePort; the first by id keeps it. */
function claim(candidate: Candidate, claims: Map<string, string>): string | undefined {
  for (const one of candidate.claims) {
    const owner = claims.get(one);
    if (owner !== undefined) return `${one} is taken by ${show(owner)}`;
  }
  for (const one of candidate.claims) claims.set(one, candidate.intent.id);
  return undefined;
}
