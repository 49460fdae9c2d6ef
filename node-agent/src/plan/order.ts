import type { Step, StepKind } from './step.ts';

interface Phase {
  readonly kinds: readonly StepKind[];
  readonly reason: string;
}

/** The order of all steps: make before break. */
export const PHASES: readonly Phase[] = [
  { kinds: ['link-add'], reason: 'everything below hangs on the bridge' },
  { kinds: ['link-set'], reason: 'a route through a link that is down is refused' },
  { kinds: ['address-add'], reason: 'the address brings its own connected route' },
  { kinds: ['connected-add'], reason: 'only of use where the address is there already and brings none' },
  {
    kinds: ['sysctl-set'],
    reason: 'those of the bridge exist once it exists; forwarding is on before routes lead here',
  },
  { kinds: ['route-add', 'route-replace'], reason: 'services may choose endpoints behind a new route' },
  { kinds: ['firewall-apply'], reason: 'the new rules hold before anything old goes away' },
  { kinds: ['firewall-beside', 'firewall-clean'], reason: 'the other dataplane serves until the chosen one does' },
  { kinds: ['route-delete', 'address-delete', 'link-delete'], reason: 'what nobody uses any more goes last' },
];

/** Steps that make no sense when one of these kinds has failed before them in the same plan. */
const NEEDS: Readonly<Partial<Record<StepKind, readonly StepKind[]>>> = {
  'link-set': ['link-add'],
  'address-add': ['link-add'],
  'connected-add': ['link-add', 'link-set', 'address-add'],
  'firewall-beside': ['firewall-apply'],
  'firewall-clean': ['firewall-apply'],
  'address-delete': ['address-add'],
};

export function inOrder(steps: readonly Step[]): readonly Step[] {
  return PHASES.flatMap(({ kinds }) => steps.filter((step) => kinds.includes(step.kind)));
}

/** @returns the failed kind that keeps `step` from being executed, if there is one. */
export function blockedBy(step: Step, failed: ReadonlySet<StepKind>): StepKind | undefined {
  return NEEDS[step.kind]?.find((kind) => failed.has(kind));
}
