import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Family } from '@causeway/shared/net/family';
import type { FirewallTool } from './observed.ts';

interface Told {
  /** What the step does, for people: `add route 10.10.2.0/24 via 192.168.122.12 dev eth0`. */
  readonly text: string;
}

export type LinkStep =
  /** A bridge. */
  | ({ readonly kind: 'link-add'; readonly link: string; readonly mtu: number; readonly mac: string } & Told)
  | ({
      readonly kind: 'link-set';
      readonly link: string;
      readonly mtu: number;
      /** By which the link is known as ours, where its name does not say so. */
      readonly alias?: string;
    } & Told)
  | ({ readonly kind: 'link-delete'; readonly link: string } & Told)
  | ({
      /** `clear`: before others are added, which the kernel would remove along with it. */
      readonly kind: 'address-clear' | 'address-add' | 'address-delete';
      readonly link: string;
      /** With prefix length. */
      readonly address: string;
    } & Told);

/** A VXLAN device as it is made; MTU and state come with `link-set`. */
export interface TunnelDevice {
  readonly name: string;
  readonly vni: number;
  /** UDP port. */
  readonly port: number;
  /** This host's end of the outer packets. */
  readonly local: string;
  /** The link that they leave by. */
  readonly device: string;
  readonly mac: string;
  readonly learning: boolean;
  readonly gbp: boolean;
}

export type TunnelStep =
  | ({ readonly kind: 'tunnel-add'; readonly tunnel: TunnelDevice } & Told)
  /** What may be changed of a device that stands: its end, its link, its learning. */
  | ({ readonly kind: 'tunnel-set'; readonly tunnel: TunnelDevice } & Told)
  /** Takes the device's neighbours along. */
  | ({ readonly kind: 'tunnel-mac'; readonly link: string; readonly mac: string } & Told)
  /** Before the device is made anew under its name, since what differs cannot be changed. */
  | ({ readonly kind: 'tunnel-delete'; readonly link: string } & Told);

export type NeighbourStep =
  | ({
      readonly kind: 'neighbour-replace' | 'neighbour-delete';
      readonly link: string;
      readonly address: string;
      readonly mac: string;
    } & Told)
  /** An entry of the tunnel's forwarding table: frames for `mac` go to `remote`. */
  | ({
      readonly kind: 'forwarding-replace' | 'forwarding-delete';
      readonly link: string;
      readonly mac: string;
      readonly remote: string;
    } & Told);

/** A route of ours, complete, so that it is changed or removed as exactly that one. */
export interface RouteKey {
  readonly family: Family;
  readonly destination: string;
  readonly type: string;
  readonly gateway?: string;
  readonly device?: string;
  readonly onlink?: true;
  /** As the kernel lists it: without a wish 0 in IPv4, 1024 in IPv6. */
  readonly metric: number;
}

export type RouteStep =
  | ({
      /** `clear`: right before another one comes that the kernel refuses as long as this one is there. */
      readonly kind: 'route-clear' | 'route-add' | 'route-replace' | 'route-delete';
      readonly route: RouteKey;
    } & Told)
  /** The route that the kernel makes by itself with the bridge's address, put back as the kernel made it. */
  | ({
      readonly kind: 'connected-add';
      readonly destination: string;
      readonly device: string;
      readonly source: string;
    } & Told);

/** A link gets another name; what hangs on it, its addresses and its routes stay. */
export type RenameStep = {
  readonly kind: 'link-rename';
  /** The new name. */
  readonly link: string;
  readonly from: string;
} & Told;

export type SysctlStep = {
  readonly kind: 'sysctl-set';
  /** Below /proc/sys. */
  readonly path: string;
  readonly value: string;
} & Told;

export type FirewallStep = {
  /**
   * `apply`: the chosen tool's rules. `beside`: an iptables that serves nothing of ours, but in which others would drop
   * what is forwarded, lets the container network pass. `clean`: a tool keeps nothing of ours.
   */
  readonly kind: 'firewall-apply' | 'firewall-beside' | 'firewall-clean';
  readonly tool: FirewallTool;
  readonly family: Family;
  /** What the tool serves, or lets pass, once the step is applied; absent with `clean`. */
  readonly intent?: FirewallIntent;
  /** One transaction for `nft -f -` or `iptables-restore --noflush` (`ip6tables-restore` for IPv6). */
  readonly input: string;
  /** Why it is applied: what differs, one sentence each. */
  readonly reasons: readonly string[];
} & Told;

/** The steps that `bridge -batch` carries out. */
export type ForwardingStep = Extract<NeighbourStep, { readonly remote: string }>;
/** The steps that `ip -batch` carries out. */
export type IpStep = LinkStep | TunnelStep | Exclude<NeighbourStep, ForwardingStep> | RouteStep;
/** The steps that are carried out one by one. */
export type SingleStep = RenameStep | SysctlStep | FirewallStep;
export type Step = IpStep | ForwardingStep | SingleStep;
export type StepKind = Step['kind'];

export function isForwardingStep(step: Step): step is ForwardingStep {
  return step.kind === 'forwarding-replace' || step.kind === 'forwarding-delete';
}

export function isSingleStep(step: Step): step is SingleStep {
  return step.kind === 'link-rename' || step.kind === 'sysctl-set' || isFirewallStep(step);
}

export function isIpStep(step: Step): step is IpStep {
  return !isSingleStep(step) && !isForwardingStep(step);
}

export function isFirewallStep(step: Step): step is FirewallStep {
  return step.kind === 'firewall-apply' || step.kind === 'firewall-beside' || step.kind === 'firewall-clean';
}

/** A step's fate. `notExecuted`: a step that it needs has failed before it. */
export type Fate =
  | { readonly step: Step; readonly fate: 'done' }
  /** `refused`: those lines of a firewall step's input that the kernel, or the tool, named. */
  | {
      readonly step: Step;
      readonly fate: 'failed';
      readonly error: Error;
      readonly refused?: readonly string[];
    }
  | { readonly step: Step; readonly fate: 'notExecuted'; readonly because: string };

/** Steps in the order in which they are applied, and what no step of ours may mend. */
export interface Plan {
  /** Empty: the kernel holds what it should. */
  readonly steps: readonly Step[];
  /** Sentences. */
  readonly problems: readonly string[];
  /** Destinations that get no route of ours because somebody else's leads elsewhere; told in `problems` too. */
  readonly blocked: readonly string[];
}
