import { join } from 'node:path';
import { LINK_PREFIX, ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { Rulesets } from '../plan/firewall.ts';
import type { Observed } from '../plan/observed.ts';
import type { Remains } from '../plan/removal.ts';
import type { Step } from '../plan/step.ts';
import { applyAll } from './apply.ts';
import { forgetFlows, listFlows } from './conntrack.ts';
import { createEchoes, type Echoes } from './echoes.ts';
import { readHost } from './facts.ts';
import { type Firewall, openFirewall } from './firewall.ts';
import { toolFor } from './firewall-tools.ts';
import { bridgeApply, ipApply, ipShow, renameLink } from './ip.ts';
import { isOurBridge, linksOf, routesOf } from './ip-json.ts';
import { watchIp } from './ip-monitor.ts';
import { type IpSession, openIpSession } from './ip-session.ts';
import type { Kernel, Look, Watching, WatchRequest } from './kernel.ts';
import { OUR_ROUTES, observeNetwork } from './observe-network.ts';
import { restoreSysctls, setSysctl } from './sysctl.ts';
import { watchSysctls } from './sysctl-watch.ts';

export interface LinuxKernelOptions {
  /** Where the values of before our changes are kept. */
  readonly stateDir: string;
  readonly rulesets: Rulesets;
  /** Why the rules of iptables do without ipsets, a clause; absent: they do not. */
  readonly withoutSets?: string;
}

/** Where the settings that the agent has changed are noted. */
export function sysctlFileOf(stateDir: string): string {
  return join(stateDir, 'sysctls.json');
}

/** The kernel of this host: of this process's network namespace. */
export function linuxKernel(options: LinuxKernelOptions): Kernel {
  const sysctlFile = sysctlFileOf(options.stateDir);
  const firewall = openFirewall(options);
  const echoes = createEchoes();
  /** While the kernel is watched: only who stays has use for a program that stays. */
  let session: IpSession | undefined;
  return {
    host: readHost,
    toolFor,
    observe: (look) => observe(look, firewall),
    apply: (steps) =>
      applyAll(steps, {
        ip: echoed((ip) => ipApply(ip, session), echoes),
        bridge: echoed(bridgeApply, echoes),
        other: (step) => {
          if (step.kind === 'link-rename') return renameLink(step);
          return step.kind === 'sysctl-set'
            ? setSysctl(step.path, step.value, sysctlFile)
            : firewall.apply(step);
        },
      }),
    listFlows,
    forgetFlows,
    remains: () => remains(firewall),
    restoreSysctls: () => restoreSysctls(sysctlFile),
    removeEmptyTables: () => firewall.removeEmptyTables(),
    watch: (request) => {
      session ??= openIpSession();
      const watching = watch(request, firewall, { echoes, onLink: () => session?.renew() });
      return {
        ...watching,
        close: () => {
          session?.close();
          session = undefined;
          watching.close();
        },
      };
    },
  };
}

type Apply<S> = (steps: readonly S[]) => Promise<readonly (Error | undefined)[]>;

/** What the kernel will tell of these steps is expected. */
function echoed<S extends Step>(apply: Apply<S>, echoes: Echoes): Apply<S> {
  return async (steps) => {
    echoes.expect(steps);
    const errors = await apply(steps);
    echoes.forget(steps.filter((_, i) => errors[i] !== undefined));
    return errors;
  };
}

async function observe(look: Look, firewall: Firewall): Promise<Observed> {
  const [network, rules] = await Promise.all([
    look.network === undefined ? undefined : observeNetwork(look.network),
    look.firewall === undefined ? undefined : firewall.observe(look.firewall),
  ]);
  return {
    ...(network === undefined ? {} : { network }),
    ...(rules === undefined ? {} : { firewall: rules }),
  };
}

async function remains(firewall: Firewall): Promise<Remains> {
  const [[links = [], routes = []], firewalls] = await Promise.all([
    ipShow(['link show', OUR_ROUTES]),
    firewall.remains(),
  ]);
  const ours = linksOf(links.filter(isOurBridge)).map(({ name }) => name);
  const named = linksOf(links).flatMap(({ name }) => (name.startsWith(LINK_PREFIX) ? [name] : []));
  return {
    links: [...new Set([...ours, ...named])],
    routes: routesOf(routes, ROUTE_PROTOCOL),
    firewalls,
  };
}

function watch(
  request: WatchRequest,
  firewall: Firewall,
  { echoes, onLink }: { readonly echoes: Echoes; readonly onLink: () => void },
): Watching {
  const { tool, bridge, onSignal } = request;
  let { iface } = request;
  const ip = watchIp(() => ({ iface, bridge }), echoes, { onSignal, onLink });
  const sysctls = watchSysctls(request.sysctls, (reason) => onSignal('network', reason));
  const rules = firewall.watch(tool, (reason) => onSignal('firewall', reason));
  return {
    focus: (focus) => {
      iface = focus.iface;
      sysctls.focus(focus.sysctls);
    },
    close: () => {
      ip.close();
      sysctls.close();
      rules.close();
    },
  };
}
