import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { canonicalBlock, compareBlocks, familyOf, formatBlock, parseBlock } from '../net/block.ts';
import { entriesOf, FAMILY_NAMES, type Family } from '../net/family.ts';
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
  const services = servicesOf(snapshot, claimed);
  const range = serviceRange(settings.serviceRange, claimed);
  const exempt = config.nonMasqueradeCidrs.map((text) => ({ text, block: parseBlock(text) }));
  const intents = entriesOf(config).map(([family, { network }]): FirewallIntent => {
    const subnet = own[family];
    const blocks = exempt.flatMap(({ block }) => (block?.family === family ? block : []));
    return {
      family,
      network: normal(network),
      ...(subnet === undefined ? {} : { subnet: normal(subnet) }),
      bridge: BRIDGE,
      mark: DEFAULT_MARK,
      masquerade: config.masquerade,
      nonMasqueradeCidrs: [...new Set(blocks.sort(compareBlocks).map(formatBlock))],
      ...(range.text !== undefined && familyOf(range.text) === family ? { serviceRange: range.text } : {}),
      services: services.byFamily[family],
    };
  });
  const wrong = exempt.flatMap(({ text, block }) =>
    block === undefined ? `nonMasqueradeCIDRs: ${show(text)} is left out: it is no CIDR` : [],
  );
  return { intents, problems: [...services.problems, ...range.problems, ...wrong] };
}

interface Services {
  readonly byFamily: Readonly<Record<Family, readonly ServiceIntent[]>>;
  readonly problems: readonly string[];
}

function servicesOf({ services, endpoints, config }: Snapshot, claimed: readonly Occupied[]): Services {
  const readings = services.map((spec) => readService(spec, endpoints.get(spec.name)));
  const problems = readings.flatMap((reading) => reading.problems);
  const candidates = readings.flatMap((reading) => reading.candidates).sort(byId);
  const claims = new Map<string, string>();
  const byFamily: Record<Family, ServiceIntent[]> = { ipv4: [], ipv6: [] };
  for (const candidate of candidates) {
    const { family, intent } = candidate;
    const unused = config[family] === undefined ? `the network has no ${FAMILY_NAMES[family]}` : undefined;
    const reason = candidate.fault ?? unused ?? vipConflict(candidate, claimed) ?? claim(candidate, claims);
    if (reason === undefined) byFamily[family].push(intent);
    else problems.push(`service ${show(intent.id)} is left out: ${reason}`);
  }
  return { byFamily, problems };
}

/** The range that is dropped where no service is; nothing of it when others are inside. */
function serviceRange(
  text: string,
  claimed: readonly Occupied[],
): { text?: string; problems: readonly string[] } {
  const inTheWay = overlapped(text, claimed);
  if (inTheWay === undefined) return { text: normal(text), problems: [] };
  const reason = `it overlaps ${inTheWay}`;
  return { problems: [`unused addresses of the service range ${normal(text)} are not dropped: ${reason}`] };
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
