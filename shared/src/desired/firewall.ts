import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { type Cidr, containsAddress, formatCidr, overlaps, parseCidr } from '../net/cidr.ts';
import type { FirewallIntent, ServiceIntent } from './intent.ts';
import { type Candidate, readService } from './service.ts';

export interface Firewall {
  readonly intent: FirewallIntent;
  readonly problems: readonly string[];
}

/** Services and their endpoints as the packet filter sees them: sorted, without doubles, everything checked again. */
export function firewallIntent(snapshot: Snapshot, facts: HostFacts, ownSubnet: string): Firewall {
  const readings = snapshot.services.map((spec) => readService(spec, snapshot.endpoints.get(spec.name)));
  const problems = readings.flatMap((reading) => reading.problems);
  const candidates = readings.flatMap((reading) => reading.candidates).sort(byId);
  const claimed = occupied(snapshot.config.network, facts);
  const claims = new Map<string, string>();
  const services: ServiceIntent[] = [];
  for (const candidate of candidates) {
    const reason = candidate.fault ?? conflict(candidate, claimed, facts) ?? claim(candidate, claims);
    if (reason === undefined) services.push(candidate.intent);
    else problems.push(`service ${show(candidate.intent.id)} is left out: ${reason}`);
  }
  const { serviceRange } = snapshot.settings;
  const inTheWay = overlapped(serviceRange, claimed);
  if (inTheWay !== undefined)
    problems.push(
      `unused addresses of the service range ${normal(serviceRange)} are not dropped: it overlaps ${inTheWay}`,
    );
  const intent = {
    network: normal(snapshot.config.network),
    subnet: normal(ownSubnet),
    bridge: BRIDGE,
    mark: DEFAULT_MARK,
    ...(inTheWay === undefined ? { serviceRange: normal(serviceRange) } : {}),
    services,
  };
  return { intent, problems };
}

function byId({ intent: a }: Candidate, { intent: b }: Candidate): number {
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** With its host bits zero; a text that is no CIDR is left for the renderer to refuse. */
function normal(cidr: string): string {
  const parsed = parseCidr(cidr);
  return parsed === undefined ? cidr : formatCidr(parsed);
}

/** Addresses that others have, and in words whose they are. */
interface Occupied {
  readonly block: Cidr;
  readonly what: string;
}

function occupied(network: string, { iface, ifaceSubnet, publicIp }: HostFacts): readonly Occupied[] {
  const all: readonly (readonly [cidr: string, what: string])[] = [
    [network, 'the container network'],
    [ifaceSubnet, `the network ${ifaceSubnet} of this host's link ${iface}`],
    [`${publicIp}/32`, "this host's own address"],
  ];
  return all.flatMap(([cidr, what]) => {
    const block = parseCidr(cidr);
    return block === undefined ? [] : [{ block, what }];
  });
}

/** Why the VIP cannot be one on this host: whoever has the address, or gets it one day, could not be reached. */
function conflict(
  { intent, vip }: Candidate,
  all: readonly Occupied[],
  facts: HostFacts,
): string | undefined {
  if (vip === undefined) return undefined;
  if (intent.vip === facts.publicIp) return `its VIP ${intent.vip} is this host's own address`;
  const found = all.find(({ block }) => containsAddress(block, vip));
  return found === undefined ? undefined : `its VIP ${intent.vip} lies in ${found.what}`;
}

/** What the range must not take: a rule that drops it would cut this host off from its neighbours, or etcd. */
function overlapped(range: string, all: readonly Occupied[]): string | undefined {
  const parsed = parseCidr(range);
  return parsed === undefined ? undefined : all.find(({ block }) => overlaps(block, parsed))?.what;
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
