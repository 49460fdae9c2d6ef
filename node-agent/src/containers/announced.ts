import { entriesOf } from '@causeway/shared/net/family';
import type { Decision } from './decision.ts';
import type { ContainerAddresses } from './gate.ts';
import type { Observed } from './observe.ts';
import { addressesOf } from './records.ts';

/**
 * PURE. What the gate is told of: the addresses on the bridge that containers have or are about to have. Also those of
 * containers that nothing is decided about, since nobody can say what they should be, or should not be here and are.
 */
export function announced(
  all: readonly Decision[],
  { records, running, attached }: Pick<Observed, 'records' | 'running' | 'attached'>,
): readonly ContainerAddresses[] {
  const decided = new Map(all.map((one) => [one.name, one]));
  const names = new Set([...decided.keys(), ...running.keys(), ...attached.keys()]);
  return [...names].sort().flatMap((name): ContainerAddresses[] => {
    const decision = decided.get(name);
    const record = records.get(name);
    const isHere = running.has(name) || attached.has(name);
    const held = isHere && record !== undefined ? addressesOf(record) : {};
    if (decision === undefined || decision.kind === 'refuse')
      return entriesOf(held).length === 0 ? [] : [{ name, addresses: held }];
    if (decision.spec.network !== undefined && decision.spec.network.kind !== 'bridge') return [];
    if (decision.kind === 'rest') return [];
    const { addresses } = decision;
    const next = new Set(entriesOf(addresses).map(([, address]) => address));
    const old = [...entriesOf(held), ...entriesOf((isHere ? record?.movedFrom : undefined) ?? {})];
    const leaving = [...new Set(old.map(([, address]) => address))].filter((address) => !next.has(address));
    return [{ name, addresses, ...(leaving.length === 0 ? {} : { leaving }) }];
  });
}
