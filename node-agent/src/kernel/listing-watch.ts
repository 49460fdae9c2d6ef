import type { RuleWatch } from './rule-watch.ts';

/** Shortest pause between two listings, milliseconds. */
const PERIOD_MS = 800;
/** A listing may take this part of the time at most. */
const SHARE = 0.005;

/**
 * For iptables-nft on a host without `nft`: nobody tells of a change, so the rules are listed over and over, the
 * less often the longer it takes. A difference to the last listing is somebody's change.
 */
export function watchByListing(list: () => Promise<string>, onForeign: (reason: string) => void): RuleWatch {
  let closed = false;
  let last: string | undefined;
  let changing = 0;
  let timer: NodeJS.Timeout | undefined;

  const look = async () => {
    const startedAt = performance.now();
    const during = changing;
    const listing = await list().then(withoutCounters, () => undefined);
    if (closed) return;
    if (during === changing && last !== undefined && listing !== undefined && listing !== last) {
      onForeign('the rules of iptables differ from a moment ago');
    }
    last = during === changing ? listing : undefined;
    timer = setTimeout(look, Math.max(PERIOD_MS, (performance.now() - startedAt) / SHARE));
    timer.unref();
  };
  void look();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
    expectOwn: () => {
      changing += 1;
      last = undefined;
      return () => {
        changing += 1;
        last = undefined;
      };
    },
  };
}

function withoutCounters(listing: string): string {
  return listing
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\[\d+:\d+\]/g, '');
}
