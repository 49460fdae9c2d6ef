import type { FirewallIntent, ServiceIntent } from '../desired/intent.ts';

/** Services of two intents, by what becomes of them. */
export interface ServiceDiff {
  /** Those of the first intent that are gone or different. */
  readonly before: readonly ServiceIntent[];
  /** Those of the second intent that are new or different. */
  readonly after: readonly ServiceIntent[];
  readonly unchanged: readonly ServiceIntent[];
}

export function diffServices(from: readonly ServiceIntent[], to: readonly ServiceIntent[]): ServiceDiff {
  const rest = new Map(from.map((service) => [service.id, service]));
  const before: ServiceIntent[] = [];
  const after: ServiceIntent[] = [];
  const unchanged: ServiceIntent[] = [];
  for (const service of to) {
    const old = rest.get(service.id);
    rest.delete(service.id);
    if (old !== undefined && isSame(old, service)) {
      unchanged.push(service);
      continue;
    }
    if (old !== undefined) before.push(old);
    after.push(service);
  }
  return { before: [...before, ...rest.values()], after, unchanged };
}

/** Whether everything but the services is equal: then the base rules are. */
export function sameSettings(a: FirewallIntent, b: FirewallIntent): boolean {
  return (
    a.network === b.network &&
    a.subnet === b.subnet &&
    a.bridge === b.bridge &&
    a.mark === b.mark &&
    a.serviceRange === b.serviceRange
  );
}

/** Compared field by field, since the order of an object's keys is no difference. */
function isSame(a: ServiceIntent, b: ServiceIntent): boolean {
  if (a === b) return true;
  return (
    a.vip === b.vip &&
    a.protocol === b.protocol &&
    a.port === b.port &&
    a.nodePort === b.nodePort &&
    a.endpoints.length === b.endpoints.length &&
    a.endpoints.every((e, i) => e.address === b.endpoints[i]?.address && e.port === b.endpoints[i]?.port)
  );
}
