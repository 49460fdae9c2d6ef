import { expect, it } from 'vitest';
import { endpoint, intentOf, serviceIntent, testService } from '../../../test/support/intents.ts';
import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../desired/intent.ts';
import { diffServices, type ServiceDiff, sameSettings } from './diff.ts';

/** Each service in two versions, which are always the same two objects. */
const VERSIONS = ['a', 'b', 'c'].map((id) =>
  [80, 81].map((port) => serviceIntent({ id, vip: '2.2.2.2', port, endpoints: [endpoint('10.10.1.2')] })),
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
      expect(new Set(diff.unchanged())).toEqual(new Set(to.filter((one) => from.includes(one))));
      expect(diff.unchanged()).toHaveLength(to.length - diff.after.length);

      const copied = diffServices(from, structuredClone(to));
      expect([copied.before, copied.after]).toEqual([diff.before, diff.after]);
    }
});

/** Another value for each field of which rules speak; one that is forgotten does not compile. */
const OTHER_SERVICE: Required<Omit<ServiceIntent, 'keeping' | 'drained'>> = {
  ...{ id: 'b', vip: '2.2.2.3', protocol: 'udp', port: 89, nodePort: 30002 },
  ...{ internalPolicy: 'local', externalPolicy: 'local', affinity: true, sourceRanges: [] },
  endpoints: [endpoint('10.10.1.2')],
  localEndpoints: [endpoint('10.10.1.2')],
};

const OTHER_ENDPOINT: EndpointIntent = { address: '10.10.9.9', port: 9, weight: 2 };

const OTHER_SETTINGS: Required<Omit<FirewallIntent, 'services' | 'published' | 'policies'>> = {
  ...{ family: 'ipv6', network: '10.11.0.0/16', subnet: '10.10.2.0/24', bridge: 'cwy1', mark: 1 },
  ...{ masquerade: false, nonMasqueradeCidrs: ['192.0.2.0/24'], serviceRange: '10.97.0.0/16' },
  nodePortCidrs: ['192.168.122.0/24'],
};

it.each(entries(OTHER_SERVICE))('sees that a service has another %s', (field, value) => {
  const service = testService('ipv4');
  const other = { ...service, [field]: value };
  expect(whole(diffServices([service], [other]))).toEqual({
    before: [service],
    after: [other],
    unchanged: [],
  });
});

it.each(
  (['endpoints', 'localEndpoints'] as const).flatMap((list) =>
    entries(OTHER_ENDPOINT).map(([field, value]) => [list, field, value] as const),
  ),
)('sees that one of the %s has another %s', (list, field, value) => {
  const service = { ...testService('ipv4'), [list]: [endpoint('10.10.1.2'), endpoint('10.10.1.3')] };
  const other = { ...service, [list]: [endpoint('10.10.1.2'), { ...endpoint('10.10.1.3'), [field]: value }] };
  expect(diffServices([service], [other]).after).toEqual([other]);
});

it('sees no difference in what no rule speaks of', () => {
  const service = testService('ipv4');
  const other = { ...service, keeping: [endpoint('10.10.1.2')], drained: [endpoint('10.10.1.3')] };
  expect(whole(diffServices([service], [other]))).toEqual({ before: [], after: [], unchanged: [other] });
});

it('tells no range from any, and one list of ranges from another', () => {
  const lists = [undefined, [], ['10.0.0.0/8'], ['10.0.0.0/8', '192.0.2.1/32']];
  const services = lists.map((sourceRanges) =>
    serviceIntent({ id: 'a', ...(sourceRanges === undefined ? {} : { sourceRanges }) }),
  );
  for (const a of services)
    for (const b of services) expect(diffServices([a], [b]).after).toEqual(a === b ? [] : [b]);
});

it.each(entries(OTHER_SETTINGS))('sees that the settings have another %s', (field, value) => {
  const intent = intentOf([]);
  expect(sameSettings(intent, structuredClone(intent))).toBe(true);
  expect(sameSettings(intent, { ...intent, [field]: value })).toBe(false);
});

function entries(object: object): [string, unknown][] {
  return Object.entries(object);
}

function whole(diff: ServiceDiff) {
  return { ...diff, unchanged: diff.unchanged() };
}
