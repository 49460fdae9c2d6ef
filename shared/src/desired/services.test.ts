import { describe, expect, it } from 'vitest';
import {
  DUAL_STACK,
  HOST_1,
  OWN,
  resolved,
  serviceSpec,
  snapshotOf,
} from '../../../test/support/desired-host.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { FAMILIES } from '../net/family.ts';
import { firewallIntents } from './firewall.ts';

const read = (snapshot: Snapshot, facts = HOST_1) => firewallIntents(snapshot, facts, OWN);
const ids = (snapshot: Snapshot) =>
  read(snapshot).intents.map(({ services }) => services.map(({ id }) => id));

/** `10.96.0.N` and `fd00:96::N`, with a NodePort. */
function dual(name: string, n: number, more: Partial<ServiceSpec> = {}): ServiceSpec {
  const port = { name: '', protocol: 'tcp' as const, port: 80, targetPort: 80, nodePort: 30000 + n };
  const vips = [`10.96.0.${n}`, `fd00:96::${n}`];
  return serviceSpec(name, { vips, families: FAMILIES, ports: [port], ...more });
}

describe('services, from one snapshot to the next', () => {
  it('get what another had claimed when that one goes or changes', () => {
    const [a, b, c] = [dual('a', 1), dual('b', 1), dual('c', 3)];
    const config = structuredClone(DUAL_STACK);
    const told = (...services: readonly ServiceSpec[]) =>
      ids({ ...snapshotOf({ services }), config }).map(String);
    expect(told(a, b, c)).toEqual(['a,c', 'a,c']);
    expect(told(b, c)).toEqual(['b,c', 'b,c']);
    expect(told(a, b, c)).toEqual(['a,c', 'a,c']);
    expect(told(dual('a', 2), b, c)).toEqual(['a,b,c', 'a,b,c']);
    expect(told(dual('a', 3), b, c)).toEqual(['a,b', 'a,b']);
    expect(told(dual('a', 1, { vips: ['10.96.0.9', 'fd00:96::1'] }), b, c)).toEqual(['a,c', 'a,c']);
    expect(told(c, b)).toEqual(['b,c', 'b,c']);
  });

  it('are looked at again only where they changed, however many there are', () => {
    const ports = [{ name: '', protocol: 'tcp' as const, port: 80, targetPort: 80 }];
    const services = Array.from({ length: 300 }, (_, i) => {
      const vips = [`10.96.${i >> 8}.${i & 255}`, `fd00:96::${i.toString(16)}`];
      return dual(`s-${i}`, 1, { vips, ports, internalPolicy: 'local' });
    });
    const before = snapshotOf({ services });
    const first = read(before);
    const second = read({ ...before, services: services.with(7, dual('s-7', 7)) });
    for (const [i, { services: held }] of first.intents.entries()) {
      const kept = new Set(second.intents[i]?.services);
      expect(held.filter((one) => !kept.has(one)).map(({ id }) => id)).toEqual(['s-7']);
    }
    // Another host in between, which reads all of them for itself.
    expect(read(before, { ...HOST_1, name: 'host-2' })).toEqual(first);
    expect(read(before)).toEqual(first);
  });

  it.each(['specification', 'endpoints'])(
    'are read though the snapshot with their new %s was never seen',
    (what) => {
      const config = structuredClone(DUAL_STACK);
      const set = (...hosts: number[]) => ({
        ...{ service: 'a', unresolved: [] },
        endpoints: hosts.map((n) => resolved(`10.10.${n}.2`, 80)),
      });
      const [a, b, endpoints] = [dual('a', 1), dual('b', 2), new Map([['a', set(1)]])];
      const services = [a, b];
      read(snapshotOf({ config, services, endpoints }));
      const unseen = {
        services: what === 'endpoints' ? services : [dual('a', 7), b],
        endpoints: what === 'endpoints' ? new Map([['a', set(1, 2)]]) : endpoints,
      };
      const seen = snapshotOf({ config, ...unseen, services: unseen.services.with(1, dual('b', 3)) });
      expect(read(seen)).toEqual(read(structuredClone(seen)));
    },
  );
});
