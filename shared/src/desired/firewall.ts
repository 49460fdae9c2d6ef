import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { LocalContainers } from '../model/local-containers.ts';
import type { Settings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { canonicalBlock, compareBlocks, formatBlock, parseBlock } from '../net/block.ts';
import { entriesOf, type Family } from '../net/family.ts';
import { type Cidrs, formatBlocks, isEverything, readCidrs } from './cidrs.ts';
import type { OwnSubnets } from './host.ts';
import type { FirewallIntent } from './intent.ts';
import { type Occupied, occupied, overlapped } from './occupied.ts';
import { policiesOf } from './policies.ts';
import { publishedOf } from './published.ts';
import { servicesOf } from './services.ts';

export interface Firewalls {
  /** One per family of the network. */
  readonly intents: readonly FirewallIntent[];
  readonly problems: readonly string[];
}

/** What the packet filter does in each family of the network: sorted, without doubles, everything checked again. */
export function firewallIntents(
  snapshot: Snapshot,
  facts: HostFacts,
  own: OwnSubnets,
  local: LocalContainers = NO_CONTAINERS,
): Firewalls {
  const { config, settings } = snapshot;
  const claimed = occupied(config, facts);
  const nodePorts = readCidrs(settings.nodePortCidrs ?? []);
  const isServed = (family: Family) => servesNodePorts(settings, nodePorts, family);
  const services = servicesOf(snapshot, {
    ...{ facts, claimed },
    nodePorts: { ipv4: isServed('ipv4'), ipv6: isServed('ipv6') },
  });
  const exempt = config.nonMasqueradeCidrs.map((text) => ({ text, block: parseBlock(text) }));
  const published = publishedOf(snapshot.containers, local.addresses);
  const policies = policiesOf(snapshot, local);
  const problems = [...services.problems, ...published.problems, ...policies.problems];
  const intents = entriesOf(config).map(([family, { network }]): FirewallIntent => {
    const subnet = own[family];
    const blocks = exempt.flatMap(({ block }) => (block?.family === family ? block : []));
    const range = serviceRange(settings, family, claimed);
    problems.push(...range.problems);
    return {
      family,
      network: normal(network),
      ...(subnet === undefined ? {} : { subnet: normal(subnet) }),
      bridge: facts.bridge ?? BRIDGE,
      mark: DEFAULT_MARK,
      masquerade: config.masquerade,
      nonMasqueradeCidrs: [...new Set(blocks.sort(compareBlocks).map(formatBlock))],
      ...(range.text === undefined ? {} : { serviceRange: range.text }),
      nodePortCidrs: nodePortCidrs(nodePorts, family),
      services: services.byFamily[family],
      published: published.byFamily[family],
      policies: policies.byFamily[family],
    };
  });
  const wrong = exempt.flatMap(({ text, block }) =>
    block === undefined ? `nonMasqueradeCIDRs: ${show(text)} is left out: it is no CIDR` : [],
  );
  const unknown = nodePorts.problems.map((problem) => `nodePortCidrs: ${problem}`);
  return { intents, problems: [...problems, ...wrong, ...unknown] };
}

const NO_CONTAINERS: LocalContainers = { specs: [], addresses: [] };

/** Where CIDRs are given, and none of them is of the family, no address of the host is inside of one. */
function servesNodePorts({ nodePortCidrs: asked = [] }: Settings, nodePorts: Cidrs, family: Family): boolean {
  return asked.length === 0 || nodePorts.byFamily[family].length > 0;
}

function nodePortCidrs({ byFamily }: Cidrs, family: Family): readonly string[] {
  return isEverything(byFamily[family]) ? [] : formatBlocks(byFamily[family]);
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

/** With its host bits zero; a text that is no CIDR is left for the renderer to refuse. */
function normal(cidr: string): string {
  return canonicalBlock(cidr) ?? cidr;
}
