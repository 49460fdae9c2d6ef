import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import type { FirewallTool, Observed } from '../plan/observed.ts';
import type { Remains } from '../plan/removal.ts';
import type { Fate, Step } from '../plan/step.ts';

/** What to look at; a part that is absent is not looked at. */
export interface Look {
  readonly network?: NetworkLook;
  readonly firewall?: FirewallLook;
}

export interface NetworkLook {
  /** Name of the bridge. */
  readonly bridge: string;
  /** The container network, CIDR: routes inside it are listed whoever made them. */
  readonly network: string;
  /** Paths below /proc/sys. */
  readonly sysctls: readonly string[];
}

export interface FirewallLook {
  readonly tool: FirewallTool;
  /** Also ask the tools that are not used whether they hold anything of ours. */
  readonly leftovers: boolean;
}

/** How a host's address on the hosts' network is chosen. */
export interface FactsRequest {
  readonly name: string;
  readonly id: string;
  /** Link to use; the one of the default route when absent. */
  readonly iface?: string;
  /** Address to use; the link's first when absent. */
  readonly publicIp?: string;
}

export interface HostInfo {
  readonly facts: HostFacts;
  /** Every IPv4 address of the host's own links, without 127.0.0.0/8 and our bridge's. */
  readonly addresses: readonly string[];
}

/** A hint that somebody, perhaps ourselves, changed something: time to look, no more. */
export type Signal = 'network' | 'firewall' | 'containers';

export interface WatchRequest {
  readonly tool: FirewallTool;
  readonly iface: string;
  readonly bridge: string;
  readonly onSignal: (signal: Signal, reason: string) => void;
}

/**
 * The only door to a host's network. There is a real one (`linux.ts`) and a fake one for tests; one suite of cases
 * holds for both.
 */
export interface Kernel {
  /** @throws CausewayError `invalid` when the link or the address does not exist, `not-found` without a default route. */
  host(request: FactsRequest): Promise<HostInfo>;
  /** The program that serves a dataplane on this host. @throws CausewayError `not-found` when it is not installed. */
  toolFor(dataplane: Dataplane): Promise<FirewallTool>;
  observe(look: Look): Promise<Observed>;
  /** Applies the steps in their order and tells the fate of each; never rejects for a step's fault. */
  apply(steps: readonly Step[]): Promise<readonly Fate[]>;
  remains(): Promise<Remains>;
  /** Puts back the sysctls that `apply` changed. @returns a sentence for each. */
  restoreSysctls(): Promise<readonly string[]>;
  /** Removes what a firewall tool made beside our rules when it first ran. @returns a sentence for each. */
  removeEmptyTables(): Promise<readonly string[]>;
  watch(request: WatchRequest): { close(): void };
}
