import { expect, it } from 'vitest';
import type { ServiceIntent } from '../desired/intent.ts';
import { diffServices } from './diff.ts';

/** Each service in two versions, which are always the same two objects. */
const VERSIONS = ['a', 'b', 'c'].map((id) =>
  [80, 81].map((port): ServiceIntent => {
    const endpoints = [{ address: '10.10.1.2', port: 8080 }];
    return { id, vip: '2.2.2.2', protocol: 'tcp', port, endpoints };
  }),
);

/** All lists in which each service is absent or there in one of its versions. */
const LISTS = VERSIONS.reduce<ServiceIntent[][]>(
  (lists, versions) => lists.flatMap((list) => [list, ...versions.map((one) => [...list, one])]),
  [[]],
);

it('tells what becomes of each service, whether the objects are the same or only equal', () => {
  expect(LISTS).toHaveLength(27);
  for (const from of LISTS)
    for (const to of LISTS) {
      const diff = diffServices(from, to);
      expect(new Set(diff.before)).toEqual(new Set(from.filter((one) => !to.includes(one))));
      expect(new Set(diff.after)).toEqual(new Set(to.filter((one) => !from.includes(one))));
      expect(new Set(diff.unchanged)).toEqual(new Set(to.filter((one) => from.includes(one))));
      expect(diff.unchanged).toHaveLength(to.length - diff.after.length);

      const copied = diffServices(from, structuredClone(to));
      expect([copied.before, copied.after]).toEqual([diff.before, diff.after]);
    }
});
