import type { FirewallTool } from './observed.ts';

interface Told {
  /** What the step does, for people: `add route 10.10.2.0/24 via 192.168.122.12 dev eth0`. */
  readonly text: string;
}

export type LinkStep =
  | ({ readonly kind: 'link-add'; readonly link: string; readonly mtu: number; readonly mac: string } & Told)
  | ({ readonly kind: 'link-set'; readonly link: string; readonly mtu: number } & Told)
  | ({ readonly kind: 'link-delete'; readonly link: string } & Told)
  | ({ readonly kind: 'address-add'; readonly link: string; readonly address: string } & Told)
  | ({ readonly kind: 'address-delete'; readonly link: string; readonly address: string } & Told);

/** A route of ours, complete, so that it is changed or removed as exactly that one. */
export interface RouteKey {
  readonly destination: string;
  readonly type: string;
  readonly gateway?: string;
  readonly device?: string;
  readonly metric: number;
}

export type RouteStep =
  | ({ readonly kind: 'route-add' | 'route-replace' | 'route-delete'; readonly route: RouteKey } & Told)
  /** The route that the kernel makes by itself with the bridge's address, put back as the kernel made it. */
  | ({
      readonly kind: 'connected-add';
      readonly destination: string;
      readonly device: string;
      readonly source: string;
    } & Told);

export type SysctlStep = {
  readonly kind: 'sysctl-set';
  /** Below /proc/sys. */
  readonly path: string;
  readonly value: string;
} & Told;

export type FirewallStep = {
  readonly kind: 'firewall-apply' | 'firewall-clean';
  readonly tool: FirewallTool;
  /** One transaction for `nft -f -` or `iptables-restore --noflush`. */
  readonly input: string;
  /** Why it is applied: what differs, one sentence each. */
  readonly reasons: readonly string[];
} & Told;

export type Step = LinkStep | RouteStep | SysctlStep | FirewallStep;
export type StepKind = Step['kind'];
/** The steps that `ip -batch` carries out. */
export type IpStep = LinkStep | RouteStep;

export function isIpStep(step: Step): step is IpStep {
  return step.kind !== 'sysctl-set' && step.kind !== 'firewall-apply' && step.kind !== 'firewall-clean';
}

/** A step's fate. `notExecuted`: a step that it needs has failed before it. */
export type Fate =
  | { readonly step: Step; readonly fate: 'done' }
  | { readonly step: Step; readonly fate: 'failed'; readonly error: Error }
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
