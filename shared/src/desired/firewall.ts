import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { type Cidr, containsAddress, formatCidr, parseCidr } from '../net/cidr.ts';
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
  const network = parseCidr(snapshot.config.network);
  const claims = new Map<string, string>();
  const services: ServiceIntent[] = [];
  for (const candidate of candidates) {
    const reason = candidate.fault ?? conflict(candidate, network, facts) ?? claim(candidate, claims);
    if (reason === undefined) services.push(candidate.intent);
    else problems.push(`service ${show(candidate.intent.id)} is left out: ${reason}`);
  }
  const intent = {
    network: normal(snapshot.config.network),
    subnet: normal(ownSubnet),
    bridge: BRIDGE,
    mark: DEFAULT_MARK,
    serviceRange: normal(snapshot.settings.serviceRange),
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

/** Why the VIP cannot be one in this network, on this host. */
function conflict(
  { intent, vip }: Candidate,
  network: Cidr | undefined,
  facts: HostFacts,
): string | undefined {
  if (vip === undefined) return undefined;
  if (network !== undefined && containsAddress(network, vip))
    return `its VIP ${intent.vip} lies in the container network`;
  if (intent.vip === facts.publicIp) return `its VIP ${intent.vip} is this host's own address`;
  return undefined;
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
