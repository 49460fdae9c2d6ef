import { CausewayError, invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ByFamily } from '@causeway/shared/net/family';
import { macOf } from '../addresses.ts';
import { modeOf } from './targets.ts';

/**
 * PURE. Link-layer addresses that were chosen for a port of the bridge and are another's: neither of the two would get its own
 * packets. What runs keeps its own, and else the first by name.
 *
 * @param addresses of all that are to have some, by name
 * @param gateways the bridge's
 * @returns by name, of those that cannot be started so
 */
export function macFaults(
  specs: readonly ContainerSpec[],
  addresses: ReadonlyMap<string, ByFamily<string> | CausewayError>,
  gateways: ByFamily<string>,
  running: { has(name: string): boolean },
): ReadonlyMap<string, CausewayError> {
  const ports = specs.flatMap((spec) => {
    const own = addresses.get(spec.name) ?? {};
    const isPort = modeOf(spec).kind === 'bridge' && !(own instanceof CausewayError);
    return isPort ? [{ name: spec.name, chosen: chosenIn(spec), made: macOf(own) }] : [];
  });
  if (ports.every(({ chosen }) => chosen === undefined)) return new Map();
  const owners = new Map([[macOf(gateways), 'the gateway, the host’s bridge']]);
  for (const { name, chosen, made } of ports) if (chosen === undefined) owners.set(made, `container ${name}`);
  const faults = new Map<string, CausewayError>();
  const rank = (name: string) => `${running.has(name) ? 0 : 1} ${name}`;
  for (const { name, chosen } of ports.sort((a, b) => (rank(a.name) < rank(b.name) ? -1 : 1))) {
    if (chosen === undefined) continue;
    const owner = owners.get(chosen);
    if (owner === undefined) owners.set(chosen, `container ${name}`);
    else if (!running.has(name)) faults.set(name, taken(name, chosen, owner));
  }
  return faults;
}

function chosenIn({ network }: ContainerSpec): string | undefined {
  return network?.kind === 'bridge' ? network.mac : undefined;
}

function taken(name: string, mac: string, owner: string): CausewayError {
  const { message } = invalid('network.mac', mac, `is taken: it is that of ${owner}`);
  return new CausewayError('conflict', `container ${name}: ${message}`, { field: 'network.mac', value: mac });
}
