import { type ByFamily, entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { addressText } from './decide.ts';
import type { Repair, Start } from './decision.ts';
import type { Place } from './places.ts';
import { addressFields, type ContainerRecord, writeRecord } from './records.ts';
import { boundTo } from './sockets.ts';

/** Kinds of `NodeEvent` that containers cause. */
export type RuntimeEvent = 'container-moved' | 'restart-needed' | 'container-attached' | 'container-detached';

interface Teller {
  readonly tell: (kind: RuntimeEvent, message: string) => void;
}

/**
 * The first half of a move: the new addresses on disk, and that the container is on its way to them. Whenever this breaks
 * off, the next look goes on with it.
 */
export async function leave(
  place: Place,
  { addresses, from = {} }: Repair,
  { address, ipv6Address, ...record }: ContainerRecord,
): Promise<void> {
  await writeRecord(place.record, { ...record, ...addressFields(addresses), movedFrom: from });
}

/**
 * The second half, once the container has its new addresses: people hear of it. A
 * container's programs go on running; those that are bound to an address which is gone are told of.
 */
export async function arrive(
  { tell }: Teller,
  place: Place,
  { name, pid, addresses, from }: Repair,
  { movedFrom, address, ipv6Address, ...record }: ContainerRecord,
): Promise<void> {
  if (from !== undefined) {
    tell('container-moved', movedText(name, from, addresses));
    const bound = await boundTo(
      pid,
      entriesOf(from).map(([, one]) => one),
    );
    if (bound.length > 0)
      tell(
        'restart-needed',
        `container ${name} must be restarted: its programs still listen on ${bound.join(' and ')}, which is gone`,
      );
  }
  await writeRecord(place.record, { ...record, ...addressFields(addresses) });
}

/** One that did not run was started with other addresses than before. */
export function tellStarted({ tell }: Teller, { name, addresses, from }: Start): void {
  if (from === undefined) return;
  const text = `container ${name} was started with ${addressText(addresses)} instead of ${addressText(from)}`;
  tell('container-moved', text);
}

/** PURE. The addresses that it keeps are told of only when it has got none for those that it has lost. */
export function movedText(name: string, from: ByFamily<string>, addresses: ByFamily<string>): string {
  const to = mapFamilies(from, (_, family) => addresses[family]);
  return entriesOf(to).length === 0
    ? `container ${name} has lost ${addressText(from)} and keeps ${addressText(addresses)}`
    : `container ${name} moved from ${addressText(from)} to ${addressText(to)}`;
}
