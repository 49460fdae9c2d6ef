import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { messageOf } from '@causeway/shared/errors';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import type { Kernel } from '../kernel/kernel.ts';
import { mayLeaveStale, servesUdp, staleFlows } from '../plan/flows.ts';

export interface Cleaning {
  /** Flows that the kernel was made to forget. */
  readonly forgotten: number;
  /** Sentences. */
  readonly problems: readonly string[];
  /** False: it must be tried again. */
  readonly done: boolean;
}

/**
 * Rules see the first packet of a flow only, and a UDP flow never ends as long as a client goes on sending: whoever
 * changes the services must make the kernel forget the flows that they ruled before.
 */
export interface FlowCleaner {
  /** Call it when the kernel holds the rules of `intents`, all of them. */
  clean(intents: readonly FirewallIntent[]): Promise<Cleaning>;
}

/** One round removes flows of a family for this long at most, milliseconds; what is left is the next round's. */
const ROUND_MS = 3_000;

/** Lists flows once for each change that may have left stale ones, and once at the start of a life. */
export function createFlowCleaner(kernel: Pick<Kernel, 'udpFlows' | 'forgetFlows'>): FlowCleaner {
  /** What no stale flow is left of. */
  const cleaned = new Map<Family, FirewallIntent>();

  let isMissing = false;

  async function cleanFamily(to: FirewallIntent, withinMs: number): Promise<Cleaning> {
    const { family } = to;
    const from = cleaned.get(family);
    if (!mayLeaveStale(from, to)) return settled(to, 0);
    const listing = await kernel.udpFlows(family);
    isMissing = listing === undefined;
    if (listing === undefined) return settled(to, 0);
    const stale = staleFlows(listing, { from, to });
    const forgotten = stale.length === 0 ? 0 : await kernel.forgetFlows({ family, flows: stale, withinMs });
    if (forgotten < stale.length) return { forgotten, problems: [], done: false };
    return settled(to, forgotten);
  }
  function settled(to: FirewallIntent, forgotten: number): Cleaning {
    cleaned.set(to.family, to);
    return { forgotten, problems: [], done: true };
  }
  /** A family that the network has no more serves nothing. */
  function intentOf(family: Family, intents: readonly FirewallIntent[]): FirewallIntent | undefined {
    const before = cleaned.get(family);
    return (
      intents.find((intent) => intent.family === family) ??
      (before === undefined ? undefined : { ...before, services: [] })
    );
  }

  return {
    clean: async (intents) => {
      const cleanings: Cleaning[] = [];
      for (const family of FAMILIES) {
        const to = intentOf(family, intents);
        if (to === undefined) continue;
        cleanings.push(await cleanFamily(to, ROUND_MS).catch(failed));
      }
      return {
        forgotten: cleanings.reduce((sum, { forgotten }) => sum + forgotten, 0),
        problems: [
          ...(isMissing && intents.some(servesUdp) ? [MISSING] : []),
          ...cleanings.flatMap(({ problems }) => problems),
        ],
        done: cleanings.every(({ done }) => done),
      };
    },
  };
}

const MISSING =
  'stale flows of UDP services are not removed: the program conntrack is not installed; clients may go on to endpoints that are gone';

function failed(error: unknown): Cleaning {
  return { forgotten: 0, problems: [messageOf(error)], done: false };
}
