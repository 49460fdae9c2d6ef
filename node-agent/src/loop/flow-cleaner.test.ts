import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { beforeEach, describe, expect, it } from 'vitest';
import { endpoint, intentOf, manyServices, serviceIntent } from '../../../test/support/intents.ts';
import type { Flow } from '../plan/flows.ts';
import { isNamed } from '../plan/flows-deletions.ts';
import { createFlowCleaner, type FlowCleaner } from './flow-cleaner.ts';

const to = (address: string): Flow => ({
  protocol: 'udp',
  original: { source: '10.10.1.9', destination: '2.2.2.2', sourcePort: 4000, destinationPort: 53 },
  reply: { source: address, destination: '10.10.1.9', sourcePort: 53, destinationPort: 4000 },
  replied: true,
});
const [OLD, NEW] = [to('10.10.1.2'), to('10.10.1.3')];
const serving = (...addresses: string[]): FirewallIntent =>
  intentOf([
    serviceIntent({
      ...{ id: 'dns', vip: '2.2.2.2', protocol: 'udp', port: 53 },
      endpoints: addresses.map((address) => endpoint(address, 53)),
    }),
  ]);

const LOCAL = ['192.168.122.11/32'];

let flows: readonly Flow[] | undefined;
/** Family and protocols. */
let listings: string[];
let forgotten: Flow[];
/** How many are removed before the time is over. */
let most: number;
let fault: Error | undefined;
let cleaner: FlowCleaner;

beforeEach(() => {
  [flows, listings, forgotten, most, fault] = [[OLD, NEW], [], [], 10, undefined];
  cleaner = createFlowCleaner({
    listFlows: async ({ family, protocols }) => {
      listings.push([family, ...protocols].join(' '));
      if (fault !== undefined) throw fault;
      return (
        flows && { flows: flows.filter((flow) => !forgotten.includes(flow)), local: LOCAL, linkLocal: [] }
      );
    },
    forgetFlows: async ({ deletions }) => {
      const some = deletions.slice(0, most);
      const isMeant = (flow: Flow) => some.some((one) => isNamed(one, flow)) && !forgotten.includes(flow);
      forgotten.push(...(flows ?? []).filter(isMeant));
      return some.length;
    },
  });
});

it('lists once at the start of a life, and again only when a change may have left something', async () => {
  const both = serving('10.10.1.2', '10.10.1.3');
  expect(await cleaner.clean([both])).toEqual({ forgotten: 0, problems: [], done: true });
  expect(await cleaner.clean([structuredClone(both)])).toMatchObject({ forgotten: 0 });
  expect(listings).toEqual(['ipv4 udp']);
  expect(await cleaner.clean([serving('10.10.1.3')])).toMatchObject({ forgotten: 1, done: true });
  expect([listings.length, forgotten]).toEqual([2, [OLD]]);
});

it('removes at the start what an earlier life left, and nothing else', async () => {
  await cleaner.clean([serving('10.10.1.3')]);
  expect(forgotten).toEqual([OLD]);
});

it('goes on in the next round when the time of one is over', async () => {
  most = 1;
  await cleaner.clean([serving('10.10.1.2', '10.10.1.3')]);
  expect(await cleaner.clean([serving()])).toEqual({ forgotten: 1, problems: [], done: false });
  expect(await cleaner.clean([serving()])).toEqual({ forgotten: 1, problems: [], done: true });
  expect(forgotten).toEqual([OLD, NEW]);
});

it('tries again after a failure, and remembers what was served before it', async () => {
  await cleaner.clean([serving('10.10.1.2', '10.10.1.3')]);
  fault = new Error('no memory');
  expect(await cleaner.clean([intentOf([])])).toEqual({ forgotten: 0, problems: ['no memory'], done: false });
  fault = undefined;
  await cleaner.clean([intentOf([])]);
  expect(forgotten).toEqual([OLD, NEW]);
});

describe('what came and went while no cleaning came to its end', () => {
  const A = serviceIntent({ id: 'a', vip: '2.2.2.1', protocol: 'udp', port: 53 });
  const at = (vip: string, ...addresses: string[]) =>
    serviceIntent({
      ...{ id: 'b', vip, protocol: 'udp', port: 53, nodePort: 30053 },
      endpoints: addresses.map((address) => endpoint(address, 53)),
    });
  const byNodePort: Flow = {
    ...OLD,
    original: { ...OLD.original, destination: '192.168.122.11', destinationPort: 30053 },
  };
  const dark: Flow = { ...OLD, reply: { ...OLD.reply, source: '2.2.2.2' }, replied: false };
  const within = (nodePortCidrs: string[], ...services: ServiceIntent[]) => ({
    ...intentOf(services),
    nodePortCidrs,
  });
  const few = ['10.0.0.0/8'];

  it.each<[string, FirewallIntent, readonly FirewallIntent[], FirewallIntent, readonly Flow[]]>([
    ['a service', intentOf([A]), [intentOf([A, at('2.2.2.2', '10.10.1.2')])], intentOf([A]), [OLD]],
    ['of no service', intentOf([]), [intentOf([at('2.2.2.2', '10.10.1.2')])], intentOf([]), [OLD]],
    [
      'a VIP',
      intentOf([at('2.2.2.3', '10.10.1.2')]),
      [intentOf([at('2.2.2.2', '10.10.1.2')]), intentOf([at('2.2.2.4', '10.10.1.2')])],
      intentOf([at('2.2.2.3', '10.10.1.2')]),
      [OLD],
    ],
    ['an endpoint', serving('10.10.1.3'), [serving('10.10.1.2')], serving('10.10.1.3'), [OLD]],
    ['nobody there', serving('10.10.1.2'), [intentOf([])], serving('10.10.1.2'), [dark]],
    [
      'NodePorts elsewhere',
      within(few, at('2.2.2.3', '10.10.1.2')),
      [within([], at('2.2.2.3', '10.10.1.2'))],
      within(few),
      [byNodePort],
    ],
  ])('is cleaned after: %s', async (_, first, meanwhile, last, stale) => {
    flows = [];
    await cleaner.clean([first]);
    fault = new Error('no memory');
    for (const intent of meanwhile)
      expect(await cleaner.clean([intent])).toMatchObject({ done: false, problems: ['no memory'] });
    expect(await cleaner.clean([last])).toMatchObject({ done: false });
    fault = undefined;
    flows = stale;
    expect(await cleaner.clean([last])).toEqual({ forgotten: stale.length, problems: [], done: true });
    expect(forgotten).toEqual(stale);
    const many = listings.length;
    await cleaner.clean([structuredClone(last)]);
    expect(listings).toHaveLength(many);
  });

  it('is remembered without the program that lists, and for a family that is gone', async () => {
    flows = undefined;
    await cleaner.clean([intentOf([at('2.2.2.2', '10.10.1.2')])]);
    await cleaner.clean([]);
    flows = [OLD];
    await cleaner.clean([]);
    expect(forgotten).toEqual([OLD]);
  });

  it('is looked for as at the start of a life where it was too much', async () => {
    const inRange: Flow = { ...OLD, original: { ...OLD.original, destination: '10.96.0.9' } };
    flows = [];
    await cleaner.clean([intentOf([])]);
    flows = [inRange];
    fault = new Error('no memory');
    const many = manyServices(10_001).map((service) => ({ ...service, protocol: 'udp' as const, port: 99 }));
    await cleaner.clean([intentOf(many)]);
    fault = undefined;
    expect(await cleaner.clean([intentOf([])])).toMatchObject({ forgotten: 1, done: true });
  });
});

it('removes the flows of a family that the network has no more', async () => {
  await cleaner.clean([serving('10.10.1.2', '10.10.1.3')]);
  await cleaner.clean([]);
  expect(forgotten).toEqual([OLD, NEW]);
});

it('lists once more where the rules were gone for a while, until that has been done', async () => {
  const serve = serving('10.10.1.2', '10.10.1.3');
  await cleaner.clean([serve]);
  const dark: Flow = { ...OLD, reply: { ...OLD.reply, source: '2.2.2.2' }, replied: false };
  flows = [OLD, NEW, dark];
  expect(await cleaner.clean([serve])).toMatchObject({ forgotten: 0 });
  fault = new Error('no memory');
  expect(await cleaner.clean([serve], true)).toMatchObject({ done: false });
  fault = undefined;
  expect(await cleaner.clean([serve])).toEqual({ forgotten: 1, problems: [], done: true });
  await cleaner.clean([serve]);
  expect([forgotten, listings.length]).toEqual([[dark], 3]);
});

it('lists connections by TCP only where a drain is over, once', async () => {
  const web = (more: Partial<ServiceIntent>) => [
    intentOf([serviceIntent({ id: 'web', vip: '2.2.2.2', port: 53, ...more })]),
  ];
  flows = [{ ...OLD, protocol: 'tcp' }];
  await cleaner.clean(web({ endpoints: [endpoint('10.10.1.2', 53)] }));
  await cleaner.clean(web({ endpoints: [endpoint('10.10.1.3', 53)] }));
  const over = web({ drained: [endpoint('10.10.1.2', 53)] });
  expect(await cleaner.clean(over)).toEqual({ forgotten: 1, problems: [], done: true });
  await cleaner.clean(structuredClone(over));
  expect(listings).toEqual(['ipv4 udp', 'ipv4 tcp']);
});

it('says that the program is missing for as long as UDP is served, and does all of it when it is there', async () => {
  flows = undefined;
  const missing = { done: true, problems: [expect.stringMatching(/program conntrack is not installed/)] };
  expect(await cleaner.clean([intentOf([])])).toMatchObject({ done: true, problems: [] });
  expect(await cleaner.clean([serving('10.10.1.3')])).toMatchObject(missing);
  expect(await cleaner.clean([serving('10.10.1.3')])).toMatchObject(missing);
  expect(await cleaner.clean([intentOf([])])).toMatchObject({ problems: [] });
  flows = [OLD, NEW];
  expect(await cleaner.clean([serving('10.10.1.3')])).toEqual({ forgotten: 1, problems: [], done: true });
  expect(forgotten).toEqual([OLD]);
});

describe('what a policy refuses', () => {
  const standing: Flow = {
    protocol: 'tcp',
    original: { source: '203.0.113.8', destination: '10.10.1.2', sourcePort: 4000, destinationPort: 80 },
    reply: { source: '10.10.1.2', destination: '203.0.113.8', sourcePort: 80, destinationPort: 4000 },
    replied: true,
  };
  const ruled = (cidr: string): FirewallIntent => ({
    ...intentOf([]),
    policies: [
      {
        ...{ id: 'a1', subjects: ['10.10.1.2'] },
        ingress: { default: 'allow', deny: [{ cidr }], allow: [], limited: [] },
      },
    ],
  });
  beforeEach(() => {
    flows = [standing];
  });

  it('ends when the policies have changed, and is looked for then only', async () => {
    const open = ruled('198.51.100.0/24');
    await cleaner.clean([open]);
    await cleaner.clean([{ ...open }]);
    expect([listings, forgotten]).toEqual([['ipv4 tcp udp sctp icmp'], []]);
    expect(await cleaner.clean([ruled('203.0.113.0/24')])).toMatchObject({ forgotten: 1, done: true });
    expect([listings.length, forgotten]).toEqual([2, [standing]]);
  });

  it('is tried again, and told of where nobody can do it', async () => {
    most = 0;
    expect(await cleaner.clean([ruled('203.0.113.0/24')])).toMatchObject({ done: false });
    flows = undefined;
    expect((await cleaner.clean([ruled('203.0.113.0/24')])).problems).toEqual([
      'connections that stand and that a policy refuses go on: the program conntrack is not installed',
    ]);
    [flows, most] = [[standing], 10];
    expect(await cleaner.clean([ruled('203.0.113.0/24')])).toMatchObject({ forgotten: 1, problems: [] });
  });
});
