import { CHAIN_PREFIX, NFT_TABLE } from '@causeway/shared/names';
import { FAMILIES } from '@causeway/shared/net/family';
import type { FirewallTool } from '../plan/observed.ts';
import { programOf } from './firewall-tools.ts';
import { keepRunning } from './keep-running.ts';
import type { RuleWatch } from './rule-watch.ts';

/** How long the notice of our own change may take, milliseconds, and of a large one for so much of its input: `nft monitor` prints every element. */
const NOTICE_MS = 3_000;
const CHARACTERS_A_MS = 100;
/** A monitor that still speaks is behind, on a busy machine: what it has not told of may come for so much longer. */
const MOST_BEHIND_MS = 60_000;

/**
 * Listens to `nft monitor`, which tells of both families, and also what iptables-nft does. It is read as a hint only:
 * each transaction ends with a line that names the program that made it.
 */
export function watchNft(onForeign: (reason: string) => void): RuleWatch {
  let spokeAt = Number.NEGATIVE_INFINITY;
  const own = ownChanges(onForeign, () => performance.now() - spokeAt);
  let touched: string | undefined;
  const program = keepRunning('nft', ['monitor'], {
    onLine: (line) => {
      spokeAt = performance.now();
      const maker = /^# new generation \d+(?: by process \d+ \((.*)\))?/.exec(line);
      if (line.startsWith('# ERROR')) onForeign(`nft monitor: ${line}`);
      else if (maker === null) touched ??= touchesRules(line) ? line : undefined;
      else {
        if (touched !== undefined && !own.claims(maker[1])) onForeign(`somebody changed rules: ${touched}`);
        touched = undefined;
      }
    },
    onGap: (reason) => {
      if (!UNPRINTABLE.test(reason)) onForeign(reason);
    },
  });
  return { close: program.close, expectOwn: own.expect };
}

/** nft says so of iptables' own extensions, which it cannot always print; nothing is missed. */
const UNPRINTABLE = /complains: XT (target|match) \S+ not found$/;

const OUR_TABLE = new RegExp(`^\\w+ \\w+ ip6? ${NFT_TABLE}\\b`);
/** The chains where ours begin, and where what others put in front of them counts. A deletion names no more than that. */
const KERNEL_CHAINS =
  /^\w+ (chain|rule) ip6? (mangle|nat|filter|raw) (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)\b/;
const IPTABLES_TABLE = /^(delete|flush) table ip6? (mangle|nat|filter|raw)\b/;

/** Whether a line of `nft monitor` is about rules of ours, or about such of others as stand beside them. Pure. */
export function touchesRules(line: string): boolean {
  return (
    OUR_TABLE.test(line) ||
    line.includes(CHAIN_PREFIX) ||
    KERNEL_CHAINS.test(line) ||
    IPTABLES_TABLE.test(line)
  );
}

interface Pending {
  readonly tool: FirewallTool;
  /** Transactions that are not told of yet. */
  left: number;
}

/**
 * Keeps count of our own transactions, so that no more of them pass for ours than we made.
 *
 * @param quietMs since when the monitor has said nothing
 */
function ownChanges(onMissing: (reason: string) => void, quietMs: () => number) {
  const pending = new Set<Pending>();
  /** A notice that never came may have been taken from somebody else's change. */
  const awaitNotice = (change: Pending, waitMs: number, until: number) => {
    setTimeout(() => {
      const leftMs = NOTICE_MS - quietMs();
      if (pending.has(change) && leftMs > 0 && performance.now() < until) awaitNotice(change, leftMs, until);
      else if (pending.delete(change) && change.tool === 'nft') onMissing('no notice of our own change');
    }, waitMs).unref();
  };
  return {
    claims: (maker: string | undefined): boolean => {
      const [found] = [...pending].filter(({ tool }) => maker === undefined || isMaker(tool, maker));
      if (found === undefined) return false;
      found.left -= 1;
      if (found.left === 0) pending.delete(found);
      return true;
    },
    expect: (tool: FirewallTool, input: string) => {
      const change: Pending = { tool, left: transactionsOf(tool, input) };
      // The kernel does not tell of iptables-legacy here.
      if (tool !== 'iptables-legacy') pending.add(change);
      return (made: boolean) => {
        if (!made) pending.delete(change);
        const waitMs = noticeMs(input);
        awaitNotice(change, waitMs, performance.now() + waitMs + MOST_BEHIND_MS);
      };
    },
  };
}

function noticeMs(input: string): number {
  return NOTICE_MS + input.length / CHARACTERS_A_MS;
}

/** nft makes one of its whole input, iptables-restore one of each table. */
function transactionsOf(tool: FirewallTool, input: string): number {
  return tool === 'nft' ? 1 : (input.match(/^COMMIT$/gm)?.length ?? 0);
}

/** The kernel keeps 15 characters of a program's name. */
function isMaker(tool: FirewallTool, maker: string): boolean {
  if (tool === 'nft') return maker === 'nft';
  return FAMILIES.some((family) => `${programOf(tool, family)}-restore`.slice(0, 15) === maker);
}
