import { CHAIN_PREFIX, NFT_TABLE } from '@causeway/shared/names';
import type { FirewallTool } from '../plan/observed.ts';
import { keepRunning, type Running } from './keep-running.ts';

/** Tells when somebody else changed our rules. */
export interface RuleWatch extends Running {
  /**
   * Announces a change of our own, so that it is not taken for somebody else's.
   *
   * @returns to be called when the change was made, or failed
   */
  expectOwn(): (made: boolean) => void;
}

/** How long the kernel's notice of our own change may take, milliseconds. */
const NOTICE_MS = 3_000;

/**
 * Listens to `nft monitor`, which also tells what iptables-nft does. It is read as a hint only: each transaction
 * ends with a line that names the program that made it.
 */
export function watchNft(tool: FirewallTool, onForeign: (reason: string) => void): RuleWatch {
  const isOurs = tool === 'nft' ? touchesTable : touchesChains;
  const own = ownChanges(tool, onForeign);
  let touched: string | undefined;
  const program = keepRunning('nft', ['monitor'], {
    onLine: (line) => {
      const maker = /^# new generation \d+(?: by process \d+ \((.*)\))?/.exec(line);
      if (line.startsWith('# ERROR')) onForeign(`nft monitor: ${line}`);
      else if (maker === null) touched ??= isOurs(line) ? line : undefined;
      else {
        if (touched !== undefined && !own.claims(maker[1]))
          onForeign(`somebody changed our rules: ${touched}`);
        touched = undefined;
      }
    },
    onGap: onForeign,
  });
  return { close: program.close, expectOwn: own.expect };
}

/** `add element ip causeway …`, `delete table ip causeway`. Pure. */
export function touchesTable(line: string): boolean {
  return new RegExp(`^\\w+ \\w+ ip ${NFT_TABLE}\\b`).test(line);
}

/** Rules of ours by name, and every deletion in the tables that iptables shares, since it names no chain's rule. Pure. */
export function touchesChains(line: string): boolean {
  return line.includes(CHAIN_PREFIX) || /^(delete|flush) \w+ ip (nat|filter|mangle|raw)\b/.test(line);
}

/**
 * Keeps count of our own transactions. nft makes exactly one per run; iptables-restore makes one per table, so
 * everything that it does while ours is running passes for ours.
 */
function ownChanges(tool: FirewallTool, onMissing: (reason: string) => void) {
  const pending = new Set<symbol>();
  const program = tool === 'nft' ? 'nft' : `${tool}-restore`.slice(0, 15);
  return {
    claims: (maker: string | undefined): boolean => {
      const [first] = pending;
      if (first === undefined || (maker !== undefined && maker !== program)) return false;
      if (tool === 'nft') pending.delete(first);
      return true;
    },
    expect: () => {
      const change = Symbol();
      pending.add(change);
      return (made: boolean) => {
        if (!made) pending.delete(change);
        setTimeout(() => {
          // A notice that never came may have been taken from somebody else's change.
          if (pending.delete(change) && tool === 'nft') onMissing('no notice of our own change');
        }, NOTICE_MS).unref();
      };
    },
  };
}
