import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue } from '@causeway/shared/store/store';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { host } from '../../../test/support/controller.ts';
import { selects } from '../endpoints/places.ts';
import { LookUps } from './look-ups.ts';
import type { Multimap } from './multimap.ts';
import { TableSet } from './table-set.ts';

const NAMES = ['a', 'b', 'c'];
const ADDRESSES = ['10.10.1.2', '10.10.1.3', '10.10.2.2'];
const HOSTS = ['host-1', 'host-2'];

const some = <T>(values: readonly T[]) => fc.subarray([...values]);
const labels = fc.dictionary(fc.constantFrom('app', 'env'), fc.constantFrom('x', 'y'), { maxKeys: 2 });
const name = fc.constantFrom(...NAMES);

const service = fc.record({
  name,
  vips: fc.constant([]),
  families: fc.constant(['ipv4'] as const),
  ports: fc.constant([{ name: '', protocol: 'tcp', port: 80, targetPort: 80 }] as const),
  endpoints: some([...NAMES, ...ADDRESSES.map((one) => `${one}:80`)]).map((all) => all.map((to) => ({ to }))),
  createdAt: fc.constant('2026-01-01T00:00:00Z'),
});
const endpoints = fc.record({
  service: name,
  endpoints: fc.array(
    fc.record({
      portName: fc.constant(''),
      address: fc.constantFrom(...ADDRESSES),
      port: fc.constant(80),
      ref: name,
      node: fc.constantFrom(...HOSTS),
    }),
    { maxLength: 3 },
  ),
  unresolved: fc.constant([]),
});
const container = fc.record({
  name,
  host: fc.constantFrom(...HOSTS),
  command: fc.constant(['httpd']),
  files: fc.constant({}),
  labels,
});
const workload = fc.record({ name, addresses: some(ADDRESSES).filter((all) => all.length === 1), labels });
const node = fc
  .constantFrom(1, 2)
  .chain((number) => some(ADDRESSES).map((addresses) => ({ ...host(number), addresses })));

/** A key and its value: `undefined` when it goes, and now and then one that nobody can read. */
const write = fc
  .oneof(
    service.map((one) => [keys.serviceSpec(one.name), encode(one)] as const),
    endpoints.map((one) => [keys.serviceEndpoints(one.service), encode(one)] as const),
    container.map((one) => [keys.container(one.name), encode(one)] as const),
    workload.map((one) => [keys.workload(one.name), encode(one)] as const),
    node.map((one) => [keys.node(one.name), encode(one)] as const),
  )
  .chain(([key, value]) =>
    fc.constantFrom(value, value, value, undefined, '}{').map((text) => [key, text] as const),
  );

const of = (map: Multimap, all: readonly string[]) => all.map((key) => [key, [...map.of(key)].sort()]);
const having = <T>(
  rows: Iterable<readonly [string, T]>,
  all: readonly string[],
  has: (row: T, key: string) => boolean,
) => all.map((key) => [key, [...rows].flatMap(([id, row]) => (has(row, key) ? [id] : [])).sort()]);

it('say what a walk through all rows would say, whatever came and went', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 12 }),
      (deliveries) => {
        const tables = new TableSet();
        const lookUps = new LookUps();
        const items = new Map<string, KeyValue>();
        let revision = 0;
        for (const delivery of deliveries) {
          revision += 1;
          for (const [key, value] of delivery) {
            if (value === undefined) items.delete(key);
            else items.set(key, { key, value, modRevision: revision, createRevision: 1, leaseId: '0' });
          }
          const changed = [...new Set(delivery.map(([key]) => key))];
          lookUps.note(tables.apply('/causeway/v1/', { items, revision, changed }));
        }
        const { rows } = tables;
        const specs = [...rows.service].map(([id, { value }]) => [id, value] as const);
        const sets = [...rows.endpoints].map(([id, { value }]) => [id, value.endpoints] as const);
        const workloads = [...rows.workload].map(([id, { value }]) => [id, value] as const);
        const nodes = [...rows.node].map(([id, { value }]) => [id, value] as const);
        const labelled = [...rows.container, ...rows.workload].map(
          ([id, { value }]) => [id, value.labels] as const,
        );
        expect(of(lookUps.endpointsAt, ADDRESSES)).toEqual(
          having(sets, ADDRESSES, (set, key) => set.some(({ address }) => address === key)),
        );
        expect(of(lookUps.endpointsOn, HOSTS)).toEqual(
          having(sets, HOSTS, (set, key) => set.some((one) => one.node === key)),
        );
        expect(of(lookUps.endpointsFrom, NAMES)).toEqual(
          having(sets, NAMES, (set, key) => set.some(({ ref }) => ref === key)),
        );
        expect(of(lookUps.naming, NAMES)).toEqual(
          having(specs, NAMES, (spec, key) => spec.endpoints.some(({ to }) => to === key)),
        );
        expect(of(lookUps.pointingAt, ADDRESSES)).toEqual(
          having(specs, ADDRESSES, (spec, key) => spec.endpoints.some(({ to }) => to === `${key}:80`)),
        );
        expect(of(lookUps.workloadsAt, ADDRESSES)).toEqual(
          having(workloads, ADDRESSES, (one, key) => one.addresses.includes(key)),
        );
        expect(of(lookUps.hostsAt, ADDRESSES)).toEqual(
          having(nodes, ADDRESSES, (one, key) => one.addresses.includes(key)),
        );
        for (const selector of [{}, { app: 'x' }, { app: 'y', env: 'x' }]) {
          const names = labelled.flatMap(([id, own]) => (selects(selector, own) ? [id] : []));
          expect(lookUps.selected(selector)).toEqual([...new Set(names)].sort());
        }
      },
    ),
    { numRuns: 400 },
  );
});
