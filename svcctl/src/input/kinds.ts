import { invalid } from '@causeway/shared/errors';

export const KINDS = [
  ...(['nodes', 'subnets', 'services', 'endpoints', 'containers', 'workloads'] as const),
  ...(['policies', 'reservations', 'events'] as const),
] as const;
export type Kind = (typeof KINDS)[number];

/** What the user may call each kind; the first is the singular that the output uses. */
export const CALLED: Readonly<Record<Kind, readonly string[]>> = {
  nodes: ['node', 'nodes', 'no', 'host', 'hosts'],
  subnets: ['subnet', 'subnets', 'sn'],
  services: ['service', 'services', 'svc'],
  endpoints: ['endpoint', 'endpoints', 'ep'],
  containers: ['container', 'containers', 'ct'],
  workloads: ['workload', 'workloads', 'wl'],
  policies: ['policy', 'policies', 'networkpolicy', 'np'],
  reservations: ['reservation', 'reservations', 'rs'],
  events: ['event', 'events', 'ev'],
};

export function singular(kind: Kind): string {
  return CALLED[kind][0] ?? kind;
}

/** What a command is about: `service web`, `svc/web`, or all of a kind. */
export interface Subject {
  readonly kind: Kind;
  readonly name?: string;
}

/** @param allowed the kinds that the command can do something with */
export function parseSubject(
  type: string,
  name: string | undefined,
  allowed: readonly Kind[] = KINDS,
): Subject {
  const slash = type.indexOf('/');
  const called = slash < 0 ? type : type.slice(0, slash);
  const inType = slash < 0 ? undefined : type.slice(slash + 1);
  const kind = allowed.find((one) => CALLED[one].includes(called.toLowerCase()));
  if (kind === undefined) throw invalid('type', type, `is none of ${allowed.join(', ')}`);
  if (inType !== undefined && name !== undefined)
    throw invalid('name', name, `comes after ${type}, which names one already`);
  const wanted = inType ?? name;
  if (wanted === '') throw invalid('name', wanted, 'is empty');
  return wanted === undefined ? { kind } : { kind, name: wanted };
}
