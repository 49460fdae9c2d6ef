import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import type { ByFamily, Family } from '@causeway/shared/net/family';
import type { FlowListing, FlowProtocol } from '../plan/flows.ts';
import type { Deletion } from '../plan/flows-deletions.ts';
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
  /** The container network of each family in use, CIDR: routes inside it are listed whoever made them. */
  readonly networks: ByFamily<string>;
  /** Paths below /proc/sys. */
  readonly sysctls: readonly string[];
}

/** Every program that holds rules is asked, since a change of others' may stop the containers' packets too. */
export interface FirewallLook {
  /** The one that serves the chosen dataplane. */
  readonly tool: FirewallTool;
  /** What it should hold, one per family; from then on a loss of it is noticed where nobody tells of changes. */
  readonly intents: readonly FirewallIntent[];
}

/** How a host's addresses on the hosts' network are chosen. */
export interface FactsRequest {
  readonly name: string;
  readonly id: string;
  /** Name or address of the link to use. */
  readonly iface?: string;
  /** A regular expression for its name or one of its addresses; the first that fits, when `iface` is absent. */
  readonly ifacePattern?: string;
  /** The link by which the kernel would reach this address, when neither of the two is there; else the default route's. */
  readonly canReach?: string;
  /** Addresses to use; the link's first when absent. */
  readonly publicIp?: string;
  readonly publicIpv6?: string;
  /** The containers' bridge, when it is not called as usual: none of the host's own links. */
  readonly bridge?: string;
  /** What was chosen before: it stays where the rest leaves a choice. */
  readonly known?: HostFacts;
}

export interface HostInfo {
  readonly facts: HostFacts;
  /** Every address of the host's own links, of both families, without loopback, link-local ones and our own links'. */
  readonly addresses: readonly string[];
  /** What is not as it should be though there is a choice, sentences. */
  readonly problems?: readonly string[];
}

/** A hint that somebody, perhaps ourselves, changed something: time to look, no more. */
export type Signal = 'network' | 'firewall' | 'containers';

/** What the monitors look out for, beside everything that bears a name of ours. */
export interface WatchFocus {
  /** The link on the hosts' network. */
  readonly iface: string;
  /** Paths below /proc/sys; no one tells of a change of these, so they are read over and over. */
  readonly sysctls: readonly string[];
}

export interface WatchRequest extends WatchFocus {
  readonly tool: FirewallTool;
  readonly bridge: string;
  readonly onSignal: (signal: Signal, reason: string) => void;
}

export interface Watching {
  /** The link is another one, or other settings are wanted; what was watched before is not any more. */
  focus(focus: WatchFocus): void;
  close(): void;
}

export interface FlowRequest {
  readonly family: Family;
  readonly protocols: readonly FlowProtocol[];
}

export interface Forgetting {
  readonly family: Family;
  readonly deletions: readonly Deletion[];
  /** No more are begun after this time, milliseconds. */
  readonly withinMs: number;
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
  /** @returns undefined when the program that knows flows is not installed. @throws CausewayError when it fails */
  listFlows(request: FlowRequest): Promise<FlowListing | undefined>;
  /** Makes the kernel forget exactly the flows that are named. @returns how many were begun with. @throws CausewayError */
  forgetFlows(forgetting: Forgetting): Promise<number>;
  remains(): Promise<Remains>;
  /** Puts back the sysctls that `apply` changed. @returns a sentence for each. */
  restoreSysctls(): Promise<readonly string[]>;
  /** Removes what a firewall tool made beside our rules when it first ran. @returns a sentence for each. */
  removeEmptyTables(): Promise<readonly string[]>;
  watch(request: WatchRequest): Watching;
}
