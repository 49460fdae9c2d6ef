import { subnetsOfLease } from '@causeway/shared/model/effective-config';
import type { FamilyNetwork, NetworkConfig } from '@causeway/shared/model/network';
import { isSubnetOf, subnetCount } from '@causeway/shared/model/network.schema';
import { parseBlock } from '@causeway/shared/net/block';
import { FAMILIES, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import type { Tables } from '../view/tables.ts';

/** How many hosts a sentence names; the others are a number. */
const NAMED = 3;

/** Why hosts have no subnet in a family that they and the network have: sentences, by host. */
export function waitingSentences(
  tables: Tables,
  config: NetworkConfig | undefined,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const family of FAMILIES) {
    const network = config?.[family];
    if (network === undefined) continue;
    let reason: string | undefined;
    for (const [name, { value: node }] of tables.node) {
      if (node[family] === undefined || node[family].subnet !== undefined) continue;
      reason ??= reasonOf(family, network, tables);
      found.set(name, [...(found.get(name) ?? []), `waits for an ${FAMILY_NAMES[family]} subnet: ${reason}`]);
    }
  }
  return found;
}

function reasonOf(family: Family, network: FamilyNetwork, tables: Tables): string {
  const count = subnetCount(network);
  const taken = takenSubnets(family, network, tables);
  if (taken.size < count) {
    return `${taken.size} of the ${count} of ${network.network} are taken, and its agent has not taken another`;
  }
  const dead = deadHolders(family, tables);
  const remedy =
    dead.length === 0
      ? 'all by hosts that are alive or reserved: svcctl network set gives more'
      : `${dead.length} by hosts that are not alive (${listed(dead)}): svcctl node release ${dead[0]} --lease gives one back`;
  return `all ${count} of ${network.network} are taken, ${remedy}`;
}

/** Leased or reserved. */
function takenSubnets(family: Family, network: FamilyNetwork, tables: Tables): ReadonlySet<string> {
  const leased = [...tables.lease.values()].map(({ value }) => subnetsOfLease(value)[family]);
  const reserved = [...tables.reservation.values()].map(({ value }) => value.subnet);
  const fits = (text: string | undefined): text is string => {
    const block = parseBlock(text ?? '');
    return block !== undefined && isSubnetOf(block, network);
  };
  return new Set([...leased, ...reserved].filter(fits));
}

function deadHolders(family: Family, tables: Tables): readonly string[] {
  // By id: a host that was renamed lives.
  const alive = new Set([...tables.alive.values()].map(({ value }) => value.id));
  return [...tables.node.values()]
    .filter(({ value }) => value[family]?.subnet !== undefined)
    .filter(({ value }) => !alive.has(value.id))
    .map(({ value }) => value.name)
    .sort();
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}
