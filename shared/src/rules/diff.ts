import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../desired/intent.ts';

/** Services of two intents, by what becomes of them. */
export interface ServiceDiff {
  /** Those of the first intent that are gone or different. */
  readonly before: readonly ServiceIntent[];
  /** Those of the second intent that are new or different. */
  readonly after: readonly ServiceIntent[];
  readonly unchanged: () => readonly ServiceIntent[];
}

/**
 * From one change to the next nearly all services are the same objects in the same order (`desired/service.ts`),
 * so both ends are skipped by identity; only what lies between is looked up.
 */
export function diffServices(from: readonly ServiceIntent[], to: readonly ServiceIntent[]): ServiceDiff {
  const start = sameAtStart(from, to);
  const end = sameAtEnd(from, to, start);
  const rest = new Map(from.slice(start, from.length - end).map((service) => [service.id, service]));
  const before: ServiceIntent[] = [];
  const after: ServiceIntent[] = [];
  const between: ServiceIntent[] = [];
  for (const service of to.slice(start, to.length - end)) {
    const old = rest.get(service.id);
    rest.delete(service.id);
    if (old !== undefined && isSame(old, service)) {
      between.push(service);
      continue;
    }
    if (old !== undefined) before.push(old);
    after.push(service);
  }
  return {
    ...{ before: [...before, ...rest.values()], after },
    // Nearly all, and not always asked for.
    unchanged: () => [...to.slice(0, start), ...to.slice(to.length - end), ...between],
  };
}

function sameAtStart(a: readonly ServiceIntent[], b: readonly ServiceIntent[]): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a[n] === b[n]) n++;
  return n;
}

/** @param start how many are the same at the start, which are none of the end's */
function sameAtEnd(a: readonly ServiceIntent[], b: readonly ServiceIntent[], start: number): number {
  const most = Math.min(a.length, b.length) - start;
  let n = 0;
  while (n < most && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}

/**
 * Whether everything but the services, the published ports and the policies is equal: then the rules that all of these
 * share are.
 */
export function sameSettings(a: FirewallIntent, b: FirewallIntent): boolean {
  return (
    a.family === b.family &&
    a.network === b.network &&
    a.subnet === b.subnet &&
    a.bridge === b.bridge &&
    a.mark === b.mark &&
    a.masquerade === b.masquerade &&
    sameTexts(a.nonMasqueradeCidrs, b.nonMasqueradeCidrs) &&
    a.serviceRange === b.serviceRange &&
    sameTexts(a.nodePortCidrs, b.nodePortCidrs)
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
    sameEndpoints(a.endpoints, b.endpoints) &&
    a.internalPolicy === b.internalPolicy &&
    a.externalPolicy === b.externalPolicy &&
    sameEndpoints(a.localEndpoints, b.localEndpoints) &&
    a.affinity === b.affinity &&
    sameTexts(a.sourceRanges, b.sourceRanges)
  );
}

function sameEndpoints(a: readonly EndpointIntent[], b: readonly EndpointIntent[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((one, i) => sameEndpoint(one, b[i]));
}

function sameEndpoint(a: EndpointIntent, b: EndpointIntent | undefined): boolean {
  return a.address === b?.address && a.port === b.port && a.weight === b.weight;
}

/** Absent is another thing than empty. */
function sameTexts(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && a?.join() === b?.join());
}
