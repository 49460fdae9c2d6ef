import type { ContainerSpec } from '../model/container.ts';
import { isRuled } from '../model/container-network.ts';
import type { ContainerAddresses } from '../model/local-containers.ts';
import type { NetworkConfig } from '../model/network.ts';
import type { PolicySubjects } from '../model/network-policy.ts';
import { blockHasIp, familyOf, parseBlock, parseIp } from '../net/block.ts';
import { entriesOf, FAMILIES, type Family } from '../net/family.ts';

/** A container of this host that policies can hold for. */
export interface Candidate {
  readonly own: Addresses;
  /** Whether a policy is about it. */
  readonly subjectOf: (subjects: PolicySubjects) => boolean;
}

type Addresses = Readonly<Record<Family, readonly string[]>>;

/**
 * The containers with addresses on the bridge; no address is that of two. One that is here and of which nobody can say what
 * it should be, since its key cannot be read and never could in this life of the agent, may have any labels: a policy that
 * goes by labels is about it. Pure.
 */
export function candidates(
  specs: readonly ContainerSpec[],
  addresses: readonly ContainerAddresses[],
  config: NetworkConfig,
): readonly Candidate[] {
  const placed = addressesByName(addresses);
  const found: Candidate[] = [];
  const taken = new Set<string>();
  for (const spec of specs) {
    const own = placed.get(spec.name);
    placed.delete(spec.name);
    if (own === undefined) continue;
    for (const family of FAMILIES) for (const address of own[family]) taken.add(address);
    // What a host remembers of others may be addresses of its own.
    if (isRuled(spec.network)) found.push({ own, subjectOf: (subjects) => means(subjects, spec) });
  }
  for (const [name, all] of placed) {
    const free = (family: Family) =>
      all[family].filter((address) => !taken.has(address) && isInside(config[family]?.network, address));
    const own = { ipv4: free('ipv4'), ipv6: free('ipv6') };
    for (const family of FAMILIES) for (const address of own[family]) taken.add(address);
    found.push({ own, subjectOf: (subjects) => subjects.labels !== undefined || means(subjects, { name }) });
  }
  return found;
}

/** Whether a policy is about a container. */
export function means(
  { containers, labels }: PolicySubjects,
  { name, labels: own = {} }: Pick<ContainerSpec, 'name' | 'labels'>,
): boolean {
  if (containers === undefined && labels === undefined) return true;
  if (containers?.includes(name)) return true;
  return labels !== undefined && Object.entries(labels).every(([key, value]) => own[key] === value);
}

function addressesByName(all: readonly ContainerAddresses[]): Map<string, Addresses> {
  const found = new Map<string, Record<Family, string[]>>();
  for (const { name, addresses, leaving = [] } of all) {
    const own = found.get(name) ?? { ipv4: [], ipv6: [] };
    found.set(name, own);
    for (const [family, address] of entriesOf(addresses)) own[family].push(address);
    for (const address of leaving) own[familyOf(address) ?? 'ipv4'].push(address);
  }
  return found;
}

/** What has the host's own network has its addresses, too. */
function isInside(network: string | undefined, address: string): boolean {
  const [block, ip] = [parseBlock(network ?? ''), parseIp(address)];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
