import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { placeText } from './fronts.ts';
import type { Known } from './service-changes.ts';

/** What references and selectors may find, by name. */
export type Named = ReadonlyMap<
  string,
  { readonly addresses: readonly string[]; readonly labels: Readonly<Record<string, string>> }
>;

/**
 * The endpoints that a service should have, by the words of docs/services.md; `main 10.10.1.2:80 ×1 ready`, sorted. For
 * services whose references have no ports, without checks, on hosts that are alive.
 */
export function expectedEndpoints(service: Known, named: Named, now: number): readonly string[] {
  const refs = [...service.endpoints, ...selected(service, named).map((to) => ({ to }) as Ref)];
  const found = new Map<string, string>();
  const gone = new Set<string>();
  for (const ref of refs)
    for (const address of named.get(ref.to)?.addresses ?? (isAddress(ref.to) ? [ref.to] : [])) {
      if (!service.families.includes(address.includes(':') ? 'ipv6' : 'ipv4')) continue;
      for (const { name, targetPort } of service.ports) {
        const key = `${name} ${placeText(address, targetPort)}`;
        const state = ref.drain === undefined ? 'ready' : 'draining';
        if (ref.drain?.until !== undefined && Date.parse(ref.drain.until) <= now) gone.add(key);
        else if (!found.has(key)) found.set(key, `${key} ×${ref.weight ?? 1} ${state}`);
      }
    }
  return [...found]
    .filter(([key]) => !gone.has(key))
    .map(([, text]) => text)
    .sort();
}

type Ref = Known['endpoints'][number];

/** Those that serve, or will when their turn comes, in the same words. */
export function endpointsIn(set: EndpointSet | undefined): readonly string[] {
  return (set?.endpoints ?? [])
    .map(({ portName, address, port, weight = 1, state = 'ready' }) => ({
      state,
      text: `${portName} ${placeText(address, port)} ×${weight} ${state}`,
    }))
    .filter(({ state }) => String(state) !== 'drained')
    .map(({ text }) => text)
    .sort();
}

function selected({ selector, endpoints }: Known, named: Named): readonly string[] {
  if (selector === undefined) return [];
  const isNamed = new Set(endpoints.map(({ to }) => to));
  return [...named]
    .filter(([name, { labels }]) => !isNamed.has(name) && carries(labels, selector))
    .map(([name]) => name)
    .sort();
}

function carries(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function isAddress(text: string): boolean {
  return /^[\d.]+$|:/.test(text);
}
