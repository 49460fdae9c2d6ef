import type { Step, StepKind } from './step.ts';

interface Phase {
  readonly kinds: readonly StepKind[];
  readonly reason: string;
}

/** The order of all steps: make before break. */
export const PHASES: readonly Phase[] = [
  { kinds: ['link-rename'], reason: 'everything else calls the link by its new name' },
  { kinds: ['tunnel-delete'], reason: 'a device that cannot be changed is made anew under its name' },
  { kinds: ['link-add', 'tunnel-add'], reason: 'everything below hangs on the links' },
  {
    kinds: ['tunnel-set', 'tunnel-mac'],
    reason: 'a change of its address takes the neighbours of a device along',
  },
  { kinds: ['link-set'], reason: 'a route through a link that is down is refused' },
  {
    kinds: ['sysctl-set'],
    reason:
      'those of a link exist once it exists; without some it takes no IPv6 address, and no packet is forwarded',
  },
  {
    kinds: ['address-clear'],
    reason: 'with the first address of a network the kernel removes the others of it',
  },
  { kinds: ['address-add'], reason: 'the address brings its own connected route' },
  { kinds: ['address-delete'], reason: 'no route leads by way of an address that is still this host’s' },
  { kinds: ['connected-add'], reason: 'only of use where the address is there already and brings none' },
  {
    kinds: ['forwarding-replace'],
    reason: 'a tunnel knows where a peer’s frames go before a route leads there',
  },
  { kinds: ['neighbour-replace'], reason: 'a gateway is known before a route by it' },
  {
    kinds: ['route-clear', 'route-add', 'route-replace'],
    reason: 'services may choose endpoints behind a new route',
  },
  { kinds: ['firewall-apply'], reason: 'the new rules hold before anything old goes away' },
  {
    kinds: ['firewall-beside', 'firewall-clean'],
    reason: 'the other dataplane serves until the chosen one does',
  },
  {
    kinds: ['route-delete'],
    reason: 'what nobody uses any more goes last, and a route before what it leads through',
  },
  {
    kinds: ['neighbour-delete', 'forwarding-delete', 'link-delete'],
    reason: 'no route leads through these any more',
  },
];

/** Steps that make no sense when one of these kinds has failed before them, for the same link, in the same plan. */
const NEEDS: Readonly<Partial<Record<StepKind, readonly StepKind[]>>> = {
  'tunnel-add': ['tunnel-delete'],
  'link-set': ['link-rename', 'link-add', 'tunnel-add'],
  'address-add': ['link-rename', 'link-add', 'tunnel-add'],
  'address-delete': ['address-add'],
  'connected-add': ['link-rename', 'link-add', 'link-set', 'address-add'],
  'neighbour-replace': ['tunnel-add', 'link-set'],
  'forwarding-replace': ['tunnel-add'],
  'route-clear': ['tunnel-add', 'link-set'],
  'route-add': ['tunnel-add', 'link-set'],
  'route-replace': ['tunnel-add', 'link-set'],
  'firewall-beside': ['firewall-apply'],
  'firewall-clean': ['firewall-apply'],
};

const NEEDED: ReadonlySet<StepKind> = new Set(Object.values(NEEDS).flat());

/** Steps of one phase keep the order that they are given in. */
export function inOrder(steps: readonly Step[]): readonly Step[] {
  const groups = PHASES.map((): Step[] => []);
  for (const step of steps) groups[PHASE_OF.get(step.kind) ?? 0]?.push(step);
  return groups.flat();
}

const PHASE_OF: ReadonlyMap<StepKind, number> = new Map(
  PHASES.flatMap(({ kinds }, i) => kinds.map((kind) => [kind, i] as const)),
);

/** Steps that have failed, or were not executed. */
export interface Failures {
  add(step: Step): void;
  /** @returns the failed kind that keeps `step` from being executed, if there is one. */
  blocking(step: Step): StepKind | undefined;
}

export function createFailures(): Failures {
  const failed = new Set<string>();
  return {
    add: (step) => {
      if (NEEDED.has(step.kind)) failed.add(`${step.kind} ${linkOf(step)}`);
    },
    blocking: (step) => {
      const needs = failed.size === 0 ? undefined : NEEDS[step.kind];
      return needs?.find((kind) => failed.has(`${kind} ${linkOf(step)}`));
    },
  };
}

/** The link that a step is about; empty where it is about none. */
function linkOf(step: Step): string {
  if ('link' in step) return step.link;
  if ('tunnel' in step) return step.tunnel.name;
  if ('route' in step) return step.route.device ?? '';
  return 'device' in step ? step.device : '';
}
