import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { messageOf } from '@causeway/shared/errors';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import type { Kernel } from '../kernel/kernel.ts';
import { type FlowProtocol, leavingStale, needsFlows, servedBetween, staleFlows } from '../plan/flows.ts';
import { type Deletion, deletionsOf } from '../plan/flows-deletions.ts';
import { leavingRefused, RULED, refusedFlows } from '../plan/refused-flows.ts';

export interface Cleaning {
  /** Flows that the kernel was made to forget. */
  readonly forgotten: number;
  /** Sentences. */
  readonly problems: readonly string[];
  /** False: it must be tried again; at once, if some were forgotten. */
  readonly done: boolean;
}

/**
 * Rules see the first packet of a flow only, and a UDP flow never ends as long as a client goes on sending: whoever
 * changes the services must make the kernel forget the flows that they ruled before. Of TCP and SCTP, those to an endpoint
 * whose drain is over. Of whatever protocol, those that policies refuse since they changed.
 */
export interface FlowCleaner {
  /**
   * Call it when the kernel holds the rules of `intents`, all of them.
   *
   * @param mended whether they were not there for a while, so that flows have begun which nobody ruled
   */
  clean(intents: readonly FirewallIntent[], mended?: boolean): Promise<Cleaning>;
}

/** One round removes flows of a family for this long at most, milliseconds; what is left is the next round's. */
const ROUND_MS = 1_000;

/** Lists flows once for each change that may have left stale ones, and once at the start of a life. */
export function createFlowCleaner(kernel: Pick<Kernel, 'listFlows' | 'forgetFlows'>): FlowCleaner {
  /** What no stale flow is left of. */
  const cleaned = new Map<Family, FirewallIntent>();
  /** What was served since then, in rounds that came to no end: flows may lead to what came and went meanwhile. */
  const between = new Map<Family, FirewallIntent>();
  /** Families whose rules were gone since then. */
  const doubted = new Set<Family>();
  /** Families of which no flow can be known. */
  const missing = new Set<Family>();

  async function cleanFamily(to: FirewallIntent, withinMs: number): Promise<Cleaning> {
    const { family } = to;
    const since = sinceCleaned(family);
    const before = doubted.has(family) ? undefined : since.from;
    const leaving = leavingStale(before, to);
    const served: readonly FlowProtocol[] =
      since.between === undefined || leaving.includes('udp') ? leaving : [...leaving, 'udp'];
    const isRuled = leavingRefused(before, to);
    if (served.length === 0 && !isRuled) return settled(to, 0);
    const listing = await kernel.listFlows({ family, protocols: isRuled ? RULED : served });
    if (listing === undefined) {
      // Once the program is there, all of it is to be done.
      missing.add(family);
      return { forgotten: 0, problems: [], done: true };
    }
    const flows = isRuled ? listing.flows.filter(({ protocol }) => served.includes(protocol)) : listing.flows;
    const deletions = [
      ...deletionsOf(flows, staleFlows({ ...listing, flows }, { ...since, to })),
      ...(isRuled ? refusedFlows(listing, to) : []),
    ];
    const begun = deletions.length === 0 ? 0 : await kernel.forgetFlows({ family, deletions, withinMs });
    const forgotten = countOf(deletions.slice(0, begun));
    return begun < deletions.length ? { forgotten, problems: [], done: false } : settled(to, forgotten);
  }
  function settled(to: FirewallIntent, forgotten: number): Cleaning {
    cleaned.set(to.family, to);
    between.delete(to.family);
    doubted.delete(to.family);
    missing.delete(to.family);
    return { forgotten, problems: [], done: true };
  }
  function unsettled(to: FirewallIntent): void {
    const { family } = to;
    const since = sinceCleaned(family);
    const served = servedBetween(since, to);
    // Of too many, no more are remembered: then it is looked at as at the start of a life.
    if (served === undefined) cleaned.delete(family);
    between.set(family, served ?? since.between ?? { ...to, services: [] });
  }
  function sinceCleaned(family: Family) {
    return { from: cleaned.get(family), between: between.get(family) };
  }
  /** A family that the network has no more serves nothing. */
  function intentOf(family: Family, intents: readonly FirewallIntent[]): FirewallIntent | undefined {
    const before = cleaned.get(family) ?? between.get(family);
    return (
      intents.find((intent) => intent.family === family) ??
      (before === undefined ? undefined : { ...before, services: [], published: [], policies: [] })
    );
  }

  return {
    clean: async (intents, mended = false) => {
      if (mended) for (const family of FAMILIES) doubted.add(family);
      const cleanings: Cleaning[] = [];
      for (const family of FAMILIES) {
        const to = intentOf(family, intents);
        if (to === undefined) continue;
        cleanings.push(await cleanFamily(to, ROUND_MS).catch(failed));
        if (cleaned.get(family) !== to) unsettled(to);
      }
      return {
        forgotten: cleanings.reduce((sum, { forgotten }) => sum + forgotten, 0),
        problems: [
          ...(missing.size > 0 && intents.some(needsFlows) ? [MISSING] : []),
          ...(missing.size > 0 && intents.some(({ policies }) => policies.length > 0) ? [STANDING] : []),
          ...cleanings.flatMap(({ problems }) => problems),
        ],
        done: cleanings.every(({ done }) => done),
      };
    },
  };
}

const MISSING =
  'stale flows of services and published ports are not removed: the program conntrack is not installed; clients of UDP may go on to endpoints that are gone, and connections to endpoints whose drain is over stand';

const STANDING =
  'connections that stand and that a policy refuses go on: the program conntrack is not installed';

function countOf(deletions: readonly Deletion[]): number {
  return deletions.reduce((sum, { count }) => sum + count, 0);
}

function failed(error: unknown): Cleaning {
  return { forgotten: 0, problems: [messageOf(error)], done: false };
}
