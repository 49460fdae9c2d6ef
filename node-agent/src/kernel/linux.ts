import { join } from 'node:path';
import { LINK_PREFIX, ROUTE_PROTOCOL } from '@causeway/shared/names';
import { dataplaneOf, type FirewallTool, type Observed } from '../plan/observed.ts';
import type { Rulesets } from '../plan/firewall.ts';
import type { Remains } from '../plan/removal.ts';
import type { Step } from '../plan/step.ts';
import { applyAll } from './apply.ts';
import { noteBaseChains, removeBaseChains } from './base-chains.ts';
import { watchLegacy } from './canary.ts';
import { readHost } from './facts.ts';
import { applyFirewall, isInstalled, listFirewall, listLeftovers, toolFor } from './firewall.ts';
import { ipApply, ipShow } from './ip.ts';
import { linksOf, routesOf } from './ip-json.ts';
import { watchIp } from './ip-monitor.ts';
import type { Kernel, Look, WatchRequest } from './kernel.ts';
import { watchByListing } from './listing-watch.ts';
import { type RuleWatch, watchNft } from './nft-monitor.ts';
import { observeNetwork } from './observe-network.ts';
import { restoreSysctls, setSysctl } from './sysctl.ts';

export interface LinuxKernelOptions {
  /** Where the values of before our changes are kept. */
  readonly stateDir: string;
  readonly rulesets: Rulesets;
}

/** The kernel of this host: of this process's network namespace. */
export function linuxKernel(options: LinuxKernelOptions): Kernel {
  const sysctlFile = join(options.stateDir, 'sysctls.json');
  const chainsFile = join(options.stateDir, 'base-chains.json');
  let watched: { readonly tool: FirewallTool; readonly rules: RuleWatch } | undefined;

  async function applyOther(step: Step): Promise<void> {
    if (step.kind === 'sysctl-set') return setSysctl(step.path, step.value, sysctlFile);
    if (step.kind !== 'firewall-apply' && step.kind !== 'firewall-clean') return;
    if (step.tool === 'iptables-nft') await noteBaseChains(chainsFile);
    // What is done to another tool's rules is never noticed as a change of these.
    const settled = watched?.tool === step.tool ? watched.rules.expectOwn() : undefined;
    try {
      await applyFirewall(step.tool, step.input, options.rulesets[dataplaneOf(step.tool)].parts);
      settled?.(true);
    } catch (error) {
      settled?.(false);
      throw error;
    }
  }

  return {
    host: readHost,
    toolFor,
    observe,
    apply: (steps) => applyAll(steps, { ip: ipApply, other: applyOther }),
    remains,
    restoreSysctls: () => restoreSysctls(sysctlFile),
    removeEmptyTables: () => removeBaseChains(chainsFile),
    watch: (request) => {
      const ip = watchIp(request);
      const mine = watchRules(request);
      mine.then((rules) => {
        watched = { tool: request.tool, rules };
      });
      return {
        close: () => {
          ip.close();
          mine.then((watch) => watch.close());
        },
      };
    },
  };
}

async function observe(look: Look): Promise<Observed> {
  const { network, firewall } = look;
  const [seen, listing, leftovers] = await Promise.all([
    network === undefined ? undefined : observeNetwork(network),
    firewall === undefined ? undefined : listFirewall(firewall.tool),
    firewall?.leftovers ? listLeftovers(firewall.tool) : [],
  ]);
  return {
    ...(seen === undefined ? {} : { network: seen }),
    ...(firewall === undefined || listing === undefined
      ? {}
      : { firewall: { tool: firewall.tool, listing, leftovers } }),
  };
}

async function remains(): Promise<Remains> {
  const [[links, routes], firewalls] = await Promise.all([
    ipShow(['link show', `route show table main proto ${ROUTE_PROTOCOL}`]),
    listLeftovers(),
  ]);
  const names = linksOf(links ?? []).map((link) => link.name);
  return {
    links: names.filter((name) => name.startsWith(LINK_PREFIX)),
    routes: routesOf(routes ?? [], ROUTE_PROTOCOL),
    firewalls,
  };
}

async function watchRules({ tool, onSignal }: WatchRequest): Promise<RuleWatch> {
  const onForeign = (reason: string) => onSignal('firewall', reason);
  const list = (of: FirewallTool) => () => listFirewall(of);
  if (tool === 'iptables-legacy') return watchLegacy(list(tool), onForeign);
  if (await isInstalled('nft')) return watchNft(tool, onForeign);
  return watchByListing(list(tool), onForeign);
}
