import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import type { Workload } from '@causeway/shared/model/workload';
import { describe, expect, it } from 'vitest';
import { checkerOf } from './checker.ts';
import { hostsBySubnet } from './hosts-by-subnet.ts';
import { type Places, selects } from './places.ts';
import { parseEndpointRef } from './ref.ts';
import { nextDeadline, resolve } from './resolve.ts';

const containers: Record<string, { spec: ContainerSpec; status?: ContainerStatus }> = {
  'web-1': {
    spec: { name: 'web-1', host: 'host-1', command: ['httpd'], files: {}, labels: { app: 'web', tier: 'a' } },
    status: {
      name: 'web-1',
      host: 'host-1',
      state: 'running',
      address: '10.10.1.2',
      ipv6Address: 'fd00:10:0:1::2',
    },
  },
  'web-2': {
    spec: { name: 'web-2', host: 'host-2', command: ['httpd'], files: {}, labels: { app: 'web' } },
    status: { name: 'web-2', host: 'host-2', state: 'failed', reason: 'no such program' },
  },
  'web-3': { spec: { name: 'web-3', host: 'host-2', command: ['httpd'], files: {} } },
  moved: {
    spec: { name: 'moved', host: 'host-2', command: ['httpd'], files: {} },
    status: { name: 'moved', host: 'host-1', state: 'running', address: '10.10.1.9' },
  },
};

const workloads: Record<string, Workload> = {
  db: { name: 'db', addresses: ['203.0.113.9', '2001:db8::9'], labels: { app: 'db' } },
  old: { name: 'old', addresses: ['10.10.1.40'], labels: { app: 'web', tier: 'b' } },
};

const NOW = Date.parse('2026-01-01T00:00:00Z');

const places: Places = {
  container: (name) => containers[name]?.spec,
  status: (name) => containers[name]?.status,
  workload: (name) => workloads[name],
  selected: (selector) =>
    [...Object.values(containers).map(({ spec }) => spec), ...Object.values(workloads)]
      .filter(({ labels }) => selects(selector, labels))
      .map(({ name }) => name)
      .sort(),
  hostAt: hostsBySubnet([
    {
      ipv4: { subnet: '10.10.1.0/24', publicIp: '192.168.122.11' },
      ipv6: { subnet: 'fd00:10:0:1::/64', publicIp: 'fd00::11' },
      backendType: 'host-gw',
      node: { id: 'a', name: 'host-1' },
    },
    { ipv4: { subnet: '10.10.2.0/24', publicIp: '192.168.122.12' }, backendType: 'host-gw' },
    {
      ipv6: { subnet: 'fd00:10:0:3::/64', publicIp: 'fd00::13' },
      backendType: 'host-gw',
      node: { id: 'c', name: 'host-3' },
    },
  ]),
  isDrained: () => false,
  isHost: (name) => name !== 'host-9',
  isAlive: () => true,
  liveHosts: () => ['host-1', 'host-2', 'host-3'],
  complaint: () => undefined,
  now: NOW,
};

function service(
  endpoints: readonly (string | EndpointRef)[],
  overrides: Partial<ServiceSpec> = {},
): ServiceSpec {
  return {
    name: 's',
    vips: ['2.2.2.2'],
    families: ['ipv4'],
    ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 8088 }],
    endpoints: endpoints.map((to) => (typeof to === 'string' ? { to } : to)),
    createdAt: '2026-01-01T00:00:00.000Z',
    ...overrides,
  };
}

describe('resolve', () => {
  it('takes the port of the reference, else the target port', () => {
    const { endpoints } = resolve(service(['web-1:12345', '10.10.2.9', '10.10.1.7:1']), places);
    expect(endpoints).toEqual([
      {
        portName: '',
        address: '10.10.1.2',
        port: 12345,
        ref: 'web-1:12345',
        container: 'web-1',
        node: 'host-1',
      },
      { portName: '', address: '10.10.1.7', port: 1, ref: '10.10.1.7:1', node: 'host-1' },
      { portName: '', address: '10.10.2.9', port: 8088, ref: '10.10.2.9' },
    ]);
  });

  it('gives each port of a service its own endpoints', () => {
    const ports = [
      { name: 'web', protocol: 'tcp', port: 80, targetPort: 8080 },
      { name: 'dns', protocol: 'udp', port: 53, targetPort: 5353 },
    ] as const;
    const { endpoints } = resolve(service(['web-1'], { ports }), places);
    expect(endpoints.map(({ portName, port }) => [portName, port])).toEqual([
      ['dns', 5353],
      ['web', 8080],
    ]);
  });

  it('says in a sentence why a reference leads nowhere', () => {
    const { endpoints, unresolved } = resolve(service(['web-2', 'web-3', 'web-4', 'moved']), places);
    expect(endpoints).toEqual([]);
    expect(unresolved).toEqual([
      'container "web-2" failed on host-2: no such program',
      'container "web-3" has not started on host-2 yet',
      'there is no container or workload "web-4"',
      'container "moved" has not started on host-2 yet',
    ]);
  });

  it('counts two references to one place once', () => {
    const { endpoints } = resolve(service(['web-1:80', '10.10.1.2:80']), places);
    expect(endpoints.map((endpoint) => endpoint.ref)).toEqual(['web-1:80']);
  });

  it('gives the same set for the same input, sorted by address as a number', () => {
    const spec = service(['10.10.10.2:1', '10.10.9.2:1', '10.10.9.2:12', '10.10.9.2:2']);
    expect(resolve(spec, places)).toEqual(resolve(spec, places));
    expect(resolve(spec, places).endpoints.map((e) => `${e.address}:${e.port}`)).toEqual([
      '10.10.9.2:1',
      '10.10.9.2:2',
      '10.10.9.2:12',
      '10.10.10.2:1',
    ]);
  });
});

describe('families', () => {
  const placesOf = (endpoints: readonly string[], families: ServiceSpec['families']) => {
    const set = resolve(service(endpoints, { families }), places);
    return [set.endpoints.map(({ address, node }) => `${address} ${node}`), set.unresolved];
  };

  it('are served by the addresses that endpoints have in them', () => {
    const refs = ['[fd00:10:0:3::9]:80', 'web-1', '10.10.1.7', 'db'];
    expect(placesOf(refs, ['ipv6', 'ipv4'])).toEqual([
      [
        '10.10.1.2 host-1',
        '10.10.1.7 host-1',
        '203.0.113.9 undefined',
        '2001:db8::9 undefined',
        'fd00:10:0:1::2 host-1',
        'fd00:10:0:3::9 host-3',
      ],
      [],
    ]);
  });

  it('that nothing of an endpoint is in are told', () => {
    expect(placesOf(['10.10.1.7', 'old', 'web-1'], ['ipv6'])).toEqual([
      ['fd00:10:0:1::2 host-1'],
      [
        '"10.10.1.7" has no IPv6 address, and the service is served in no other family',
        'workload "old" has no IPv6 address, and the service is served in no other family',
      ],
    ]);
  });
});

describe('a selector', () => {
  it('finds the containers and workloads with all of its labels', () => {
    const found = (selector: Record<string, string>) =>
      resolve(service([], { selector }), places).endpoints.map(({ ref, address, container }) => [
        ref,
        address,
        container,
      ]);
    expect(found({ app: 'web', tier: 'a' })).toEqual([['web-1', '10.10.1.2', 'web-1']]);
    expect(found({ app: 'web' })).toEqual([
      ['web-1', '10.10.1.2', 'web-1'],
      ['old', '10.10.1.40', undefined],
    ]);
    expect(found({ app: 'web', tier: 'c' })).toEqual([]);
  });

  it('adds nothing to what is named, and says what does not run', () => {
    const spec = service([{ to: 'web-1:81', weight: 5 }], { selector: { app: 'web' } });
    const { endpoints, unresolved } = resolve(spec, places);
    expect(endpoints.map(({ ref, port, weight }) => [ref, port, weight])).toEqual([
      ['web-1:81', 81, 5],
      ['old', 8088, undefined],
    ]);
    expect(unresolved).toEqual(['container "web-2" failed on host-2: no such program']);
  });
});

describe('a drained endpoint', () => {
  const until = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

  it('says so, and leaves when its deadline has passed, however else it is found', () => {
    const spec = service(
      [
        { to: '10.10.1.5:1', drain: {} },
        { to: '10.10.1.6:1', drain: { until: until(60) } },
        { to: '10.10.1.2:8088', drain: { until: until(0) } },
      ],
      { selector: { tier: 'a' } },
    );
    const { endpoints, unresolved } = resolve(spec, places);
    expect(endpoints).toMatchObject([
      { address: '10.10.1.5', state: 'draining', reason: 'it is being drained' },
      { address: '10.10.1.6', state: 'draining', drainUntil: until(60) },
    ]);
    expect(unresolved).toEqual([`"10.10.1.2:8088" was drained until ${until(0)}, and has left`]);
    expect(nextDeadline(spec, NOW)).toBe(NOW + 60_000);
    expect(nextDeadline(spec, NOW + 60_000)).toBeUndefined();
    expect(resolve(spec, { ...places, now: NOW + 60_000 }).endpoints).toHaveLength(1);
  });

  it('that is dead is no last resort', () => {
    const dead = { ...places, isAlive: (host: string) => host !== 'host-1' };
    const { endpoints } = resolve(service([{ to: 'web-1', drain: { until: until(9) } }]), dead);
    expect(endpoints).toMatchObject([{ state: 'unready', drainUntil: until(9) }]);
  });
});

describe('an endpoint is unready', () => {
  const states = (spec: ServiceSpec, changed: Partial<Places>) =>
    resolve(spec, { ...places, ...changed }).endpoints.map(({ state = 'ready', reason }) => [state, reason]);

  it('when its host is dead, if that is one of ours', () => {
    const isAlive = () => false;
    const spec = service(['web-1', '10.10.1.7', '10.10.2.7', '203.0.113.7']);
    expect(states(spec, { isAlive })).toEqual([
      ['unready', 'its host "host-1" is not alive'],
      ['unready', 'its host "host-1" is not alive'],
      ['ready', undefined],
      ['ready', undefined],
    ]);
    expect(states(service(['10.10.1.7']), { isAlive, isHost: () => false })).toEqual([['ready', undefined]]);
  });

  it('when the host that asks for its health says so, and health is asked for', () => {
    const complaint: Places['complaint'] = (host, name, { address }) =>
      host === 'host-1' && name === 's' && address === '10.10.1.2' ? `${'x'.repeat(200)}` : undefined;
    const health = { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
    expect(states(service(['web-1', '10.10.1.7'], { health }), { complaint })).toEqual([
      ['unready', `${'x'.repeat(120)}…`],
      ['ready', undefined],
    ]);
    expect(states(service(['web-1']), { complaint })).toEqual([['ready', undefined]]);
  });
});

describe('the host that asks', () => {
  const health = { type: 'http', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
  const askers = (spec: ServiceSpec, changed: Partial<Places> = {}) =>
    resolve(spec, { ...places, ...changed }).endpoints.map(({ checkedBy }) => checkedBy);
  const outside = Array.from({ length: 90 }, (_, n) => `203.0.113.${n + 1}`);

  it("is the endpoint's own, and nobody where no health is asked for", () => {
    expect(askers(service(['web-1', '10.10.1.7'], { health }))).toEqual(['host-1', 'host-1']);
    expect(askers(service(['web-1', '203.0.113.7']))).toEqual([undefined, undefined]);
  });

  it('is a live one for what is on none of ours; one that comes or goes moves its own alone', () => {
    const before = askers(service(outside, { health }));
    for (const host of ['host-1', 'host-2', 'host-3'])
      expect(before.filter((one) => one === host).length).toBeGreaterThan(15);
    const after = askers(service(outside, { health }), { liveHosts: () => ['host-3', 'host-1'] });
    expect(after).not.toContain('host-2');
    for (const [n, host] of before.entries()) if (host !== 'host-2') expect(after[n]).toBe(host);
    expect(checkerOf('203.0.113.1:80', ['c', 'b', 'a'])).toBe(checkerOf('203.0.113.1:80', ['a', 'b', 'c']));
    expect(askers(service(['203.0.113.7'], { health }), { liveHosts: () => [] })).toEqual([undefined]);
  });

  it('is nobody for a command where there is no container', () => {
    const command = { ...health, type: 'command', command: ['true'] } as const;
    expect(askers(service(['web-1', '10.10.1.7', '203.0.113.7'], { health: command }))).toEqual([
      'host-1',
      undefined,
      undefined,
    ]);
  });
});

it('leaves out what one value in etcd cannot hold, and says so', () => {
  const ports = Array.from({ length: 50 }, (_, n) => ({
    name: `p-${n}`,
    protocol: 'tcp' as const,
    port: n + 1,
    targetPort: n + 1,
  }));
  const { endpoints, unresolved } = resolve(
    service(
      Array.from({ length: 81 }, (_, n) => `10.10.1.${n + 1}`),
      { ports },
    ),
    places,
  );
  expect(endpoints).toHaveLength(4_000);
  expect(unresolved).toEqual(['50 endpoints are left out: a service has at most 4000']);
});

describe('parseEndpointRef', () => {
  it.each([
    ['10.10.1.2:12345', { address: '10.10.1.2', port: 12345, portText: '12345' }],
    ['10.10.1.2', { address: '10.10.1.2', port: undefined, portText: undefined }],
    ['web-1', { name: 'web-1', port: undefined, portText: undefined }],
    ['web-1:80', { name: 'web-1', port: 80, portText: '80' }],
    ['web-1:65536', { name: 'web-1', port: undefined, portText: '65536' }],
    ['web-1:0', { name: 'web-1', port: undefined, portText: '0' }],
    ['web-1:', { name: 'web-1', port: undefined, portText: '' }],
    ['[fd00::2]:80', { address: 'fd00::2', port: 80, portText: '80' }],
    ['[FD00:0::2]', { address: 'fd00::2', port: undefined, portText: undefined }],
    ['fd00::2', { address: 'fd00::2', port: undefined, portText: undefined }],
    ['fd00::2:80', { address: 'fd00::2:80', port: undefined, portText: undefined }],
    ['[web-1]:80', { address: 'web-1', port: 80, portText: '80' }],
    ['[fd00::2]80', undefined],
    ['[fd00::2', undefined],
    ['[]:80', { name: '[]', port: 80, portText: '80' }],
    ['a:b:c', undefined],
    [':80', undefined],
    ['', undefined],
  ])('%j', (text, parsed) => {
    expect(parseEndpointRef(text)).toEqual(parsed);
  });
});
