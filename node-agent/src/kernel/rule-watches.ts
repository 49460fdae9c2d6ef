import { FAMILIES, type Family } from '@causeway/shared/net/family';
import { isInstalled } from '@causeway/shared/programs/environment';
import type { FirewallTool } from '../plan/observed.ts';
import { watchLegacy } from './canary.ts';
import { listFirewalls, programOf } from './firewall-tools.ts';
import { watchByListing } from './listing-watch.ts';
import { watchNft } from './nft-monitor.ts';
import type { RuleWatch } from './rule-watch.ts';

/**
 * Watches all rule languages, since each may hold rules of others that stop what the chosen one lets pass.
 *
 * @param tool the chosen one
 * @param question what to ask of iptables-legacy in a family for the n-th time; empty: nothing
 */
export function watchRules(
  tool: FirewallTool,
  question: (family: Family, turn: number) => string,
  onForeign: (reason: string) => void,
): RuleWatch {
  const watches = FAMILIES.map((family) => {
    const program = `${programOf('iptables-legacy', family)}-restore`;
    return watchLegacy(program, (turn) => question(family, turn), onForeign);
  });
  if (isInstalled('nft')) watches.push(watchNft(onForeign));
  else if (tool === 'iptables-nft') watches.push(watchByListing(() => listAll(tool), onForeign));
  return {
    close: () => {
      for (const watch of watches) watch.close();
    },
    expectOwn: (changed, input) => {
      const settled = watches.map((watch) => watch.expectOwn(changed, input));
      return (made) => {
        for (const one of settled) one(made);
      };
    },
  };
}

async function listAll(tool: FirewallTool): Promise<string> {
  return (await listFirewalls(tool, FAMILIES)).map(({ listing }) => listing).join('');
}
