import { fingerprintOf, subnetsOfLease } from '@causeway/shared/model/effective-config';
import type { FamilyNetwork, NetworkConfig } from '@causeway/shared/model/network';
import { isSubnetOf, subnetCount } from '@causeway/shared/model/network.schema';
import { parseBlock } from '@causeway/shared/net/block';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import type { NetworkConfigObject, NetworkObject } from '../objects/network.ts';
import { networkOf } from '../view/facts.ts';
import type { Tables } from '../view/tables.ts';

/**
 * The network as the API shows it: what hosts follow, and what waits for a confirmation.
 *
 * @throws CausewayError `unreachable` while there is no configuration
 */
export function networkObject(tables: Tables): NetworkObject {
  const row = tables.config.get('');
  const { config, refused } = networkOf(tables);
  const waiting = row !== undefined && refused !== undefined;
  return {
    ...configObject(config, tables),
    ...(waiting
      ? {
          refused: {
            reason: refused.reason,
            hosts: refused.hosts,
            config: configObject(row.value, tables),
          },
        }
      : {}),
    warnings: strayReservations(config, tables),
    revision: row?.revision ?? 0,
  };
}

function configObject(config: NetworkConfig, tables: Tables): NetworkConfigObject {
  const { backend } = config;
  const families = FAMILIES.flatMap((family) => {
    const network = config[family];
    return network === undefined ? [] : [[family, { ...network, ...use(family, network, tables) }] as const];
  });
  return {
    ...Object.fromEntries(families),
    backend: {
      type: backend.type,
      directRouting: backend.direct,
      ...(backend.tunnel === undefined ? {} : { tunnel: backend.tunnel }),
    },
    masquerade: config.masquerade,
    nonMasqueradeCidrs: config.nonMasqueradeCidrs,
    fingerprint: fingerprintOf(config),
  };
}

/** How much of a family's subnets is given away. */
function use(family: Family, network: FamilyNetwork, tables: Tables) {
  const fits = (text: string | undefined) => {
    const block = parseBlock(text ?? '');
    return block !== undefined && isSubnetOf(block, network);
  };
  return {
    subnets: subnetCount(network),
    leased: [...tables.lease.values()].filter(({ value }) => fits(subnetsOfLease(value)[family])).length,
    reserved: [...tables.reservation.values()].filter(({ value }) => fits(value.subnet)).length,
  };
}

/** Reservations that nobody can make use of under a configuration, each as a sentence. */
export function strayReservations(config: NetworkConfig, tables: Tables): readonly string[] {
  return [...tables.reservation.values()].flatMap(({ value: { subnet, node } }) => {
    const block = parseBlock(subnet);
    const network = block && config[block.family];
    if (block !== undefined && network !== undefined && isSubnetOf(block, network)) return [];
    return [
      `reservation ${subnet} of host "${node}" is not a subnet of the network: svcctl node release ${node}`,
    ];
  });
}
