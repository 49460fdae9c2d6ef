import { describe, expect, it } from 'vitest';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import type { CausewayError } from '../errors.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { HealthRecord } from '../model/health.ts';
import type { HealthCheck, ServiceSpec } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { decodeEndpointSet, decodeHealth, decodeServiceSpec, decodeWorkload, encode } from './codec.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

const kv = (key: string, value: unknown): KeyValue => ({
  key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
});
const read = (value: unknown) => decodeServiceSpec(kv(keys.serviceSpec('web'), value));

const HEALTH: HealthCheck = {
  ...{ type: 'command', command: ['true'], port: 81, path: '/ready?x=1' },
  ...{ intervalMs: 5_000, timeoutMs: 1_000, rise: 2, fall: 3 },
};
const UNTIL = '2026-11-21T15:00:00Z';
const FULL: ServiceSpec = {
  ...serviceSpec('web', { vips: ['fd00:96::1', '10.96.0.1'], families: ['ipv4', 'ipv6'] }),
  endpoints: [
    { to: 'web-1' },
    { to: '[fd00::2]:80', weight: 0, drain: { until: UNTIL } },
    { to: 'x', drain: {} },
  ],
  selector: { app: 'web' },
  ...{ affinity: 'client', externalPolicy: 'local', internalPolicy: 'cluster' },
  sourceRanges: ['10.0.0.0/8', '::/0'],
  ...{ publishNotReady: true, health: HEALTH, whenUnhealthy: 'open' },
};
const PORT = { name: '', protocol: 'tcp', port: 88, targetPort: 12345, nodePort: 30001 };
/** As it was written when a service had one VIP, of IPv4, and its endpoints were texts. */
const EARLIER = {
  ...{ name: 'web', vip: '2.2.2.2', ports: [PORT], endpoints: ['10.10.1.2:12345', 'web-1'] },
  createdAt: '2026-11-20T00:00:00Z',
};
const SET: EndpointSet = {
  service: 'web',
  endpoints: [
    resolved('10.10.1.2', 80),
    resolved('fd00:10::2', 80, {
      ...{ portName: 'dns', state: 'draining', reason: 'It goes.', weight: 100, drainUntil: UNTIL },
      ...{ container: 'web-1', node: 'host-1', checkedBy: 'host-2', unaskedUntil: UNTIL },
    }),
    resolved('10.10.1.3', 80, { state: 'drained', drainUntil: UNTIL }),
  ],
  unresolved: ['x'],
};
const WORKLOAD: Workload = { name: 'db', addresses: ['192.0.2.7', '2001:db8::7'], labels: { app: 'db' } };
const UNHEALTHY: HealthRecord = {
  node: 'host-1',
  unhealthy: [{ service: 'web', portName: '', address: 'fd00:10::2', port: 80, reason: 'It is silent.' }],
  healthy: ['web  10.10.1.2 80'],
};

describe('a service', () => {
  it('is read as it was written, without fields that are not known', () => {
    for (const spec of [FULL, serviceSpec('web'), serviceSpec('web', { vips: [], families: ['ipv6'] })]) {
      expect(read(encode(spec))).toEqual(spec);
      expect(read({ ...spec, later: 1 })).toEqual(spec);
    }
  });

  it('in the form of before is read as one of now, and can be written as such', () => {
    const { vip, ...rest } = EARLIER;
    const endpoints = [{ to: '10.10.1.2:12345' }, { to: 'web-1' }];
    const now = { ...rest, vips: [vip], families: ['ipv4'], endpoints };
    expect(read(EARLIER)).toEqual(now);
    expect(read({ ...rest, later: 1 })).toEqual({ ...now, vips: [] });
    expect(read(encode(read(EARLIER) as ServiceSpec))).toEqual(now);
  });

  it.each([
    ['what is not JSON', '{"name":', 'is not JSON'],
    ['no object', 'null', 'the value null'],
    ['another name', { ...FULL, name: 'other' }, 'belongs to key /causeway/v1/services/other/spec'],
    [
      'another name in the form of before',
      { ...EARLIER, name: 'other' },
      'belongs to key /causeway/v1/services/other',
    ],
    ['a name with a new line', { ...FULL, name: 'a\nb' }, 'name "a\\nb" is not a name'],
    [
      'a rule for a VIP',
      { ...FULL, vips: ['1.1.1.1; flush ruleset'] },
      'vips.0 "1.1.1.1; flush ruleset" is not an IP',
    ],
    [
      'the loopback as VIP',
      { ...FULL, vips: ['127.0.0.1'] },
      'vips.0 "127.0.0.1" is an address that nobody can',
    ],
    ['no address as VIP', { ...FULL, vips: ['::'] }, 'vips.0 "::" is an address that nobody can have'],
    [
      'a link-local VIP',
      { ...FULL, vips: ['fe80::1'] },
      'vips.0 "fe80::1" is an address that nobody can have',
    ],
    [
      'a mapped VIP',
      { ...FULL, vips: ['::ffff:a0a:102'] },
      'vips.0 "::ffff:a0a:102" is an address that nobody',
    ],
    [
      'a VIP in another spelling',
      { ...FULL, vips: ['fd00:96:0::1'] },
      'vips.0 "fd00:96:0::1" is not an IP address',
    ],
    [
      'two VIPs of a family',
      { ...FULL, vips: ['10.96.0.1', '10.96.0.2'] },
      'vips ["10.96.0.1","10.96.0.2"] has two of',
    ],
    ['other families than its VIPs', { ...FULL, families: ['ipv4'] }, 'families'],
    ['no family', { ...FULL, vips: [], families: [] }, 'families []'],
    ['a family twice', { ...FULL, vips: [], families: ['ipv4', 'ipv4'] }, 'names a family twice'],
    ['a port of 0', { ...FULL, ports: [{ ...PORT, port: 0 }] }, 'ports.0.port 0 is not a port'],
    ['a text for a port', { ...FULL, ports: [{ ...PORT, port: '88' }] }, 'ports.0.port "88"'],
    ['an unknown protocol', { ...FULL, ports: [{ ...PORT, protocol: 'icmp' }] }, 'ports.0.protocol'],
    ['no ports', { ...FULL, ports: [] }, 'ports []'],
    ['an endpoint that is a text', { ...FULL, endpoints: ['web-1'] }, 'endpoints.0 "web-1"'],
    ['a weight above 100', { ...FULL, endpoints: [{ to: 'x', weight: 101 }] }, 'endpoints.0.weight 101'],
    ['half a weight', { ...FULL, endpoints: [{ to: 'x', weight: 0.5 }] }, 'endpoints.0.weight 0.5'],
    [
      'no time',
      { ...FULL, endpoints: [{ to: 'x', drain: { until: 'soon' } }] },
      'until "soon" is not a time',
    ],
    ['an unknown policy', { ...FULL, externalPolicy: 'Local' }, 'externalPolicy "Local"'],
    ['an unknown affinity', { ...FULL, affinity: 'cookie' }, 'affinity "cookie"'],
    [
      'a source range that is none',
      { ...FULL, sourceRanges: ['10.0.0.1'] },
      'sourceRanges.0 "10.0.0.1" is not an IP network',
    ],
    [
      'a check more often than time passes',
      { ...FULL, health: { ...HEALTH, intervalMs: 0 } },
      'health.intervalMs 0',
    ],
    [
      'a check that no timer can wait for',
      { ...FULL, health: { ...HEALTH, intervalMs: 2 ** 31 } },
      'health.intervalMs',
    ],
    ['a check of nothing', { ...FULL, health: { ...HEALTH, fall: 0 } }, 'health.fall 0'],
    ['another check', { ...FULL, health: { ...HEALTH, type: 'icmp' } }, 'health.type "icmp"'],
    ['a choice that is none', { ...FULL, whenUnhealthy: 'maybe' }, 'whenUnhealthy "maybe"'],
    [
      'a rule for a VIP, before',
      { ...EARLIER, vip: '2.2.2.9 ; x' },
      'vip "2.2.2.9 ; x" is not an IPv4 address',
    ],
    [
      'the loopback as VIP, before',
      { ...EARLIER, vip: '127.0.0.1' },
      'vip "127.0.0.1" is an address that nobody can',
    ],
    ['an endpoint that is no text, before', { ...EARLIER, endpoints: [7] }, 'endpoints.0 7'],
  ])('is an error with %s', (_what, value, text) => {
    const error = read(value) as CausewayError;
    expect(error).toMatchObject({ code: 'unreadable' });
    expect(error.message).toContain('/causeway/v1/services/web/spec');
    expect(error.message).toContain(text);
  });

  it('is not found in a deeper key that ends with its own', () => {
    expect(decodeServiceSpec(kv(`${keys.servicePrefix}x/web/spec`, FULL))).toMatchObject({
      code: 'unreadable',
    });
  });
});

describe('what services are made of', () => {
  it('is read as it was written', () => {
    expect(decodeEndpointSet(kv(keys.serviceEndpoints('web'), encode(SET)))).toEqual(SET);
    expect(decodeWorkload(kv(keys.workload('db'), encode(WORKLOAD)))).toEqual(WORKLOAD);
    expect(decodeHealth(kv(keys.health('host-1'), encode(UNHEALTHY)))).toEqual(UNHEALTHY);
  });

  const endpoints = (more: object) => ({ ...SET, endpoints: [{ ...SET.endpoints[0], ...more }] });
  it.each([
    ['an endpoint that is no address', endpoints({ address: '$(reboot)' })],
    ['an endpoint on the loopback', endpoints({ address: '127.0.0.1' })],
    ['an endpoint on the loopback of IPv6', endpoints({ address: '::1' })],
    ['an endpoint in an unknown state', endpoints({ state: 'gone' })],
    ['an endpoint of weight 101', endpoints({ weight: 101 })],
    ['an endpoint that drains until no time', endpoints({ drainUntil: 'x' })],
    ['endpoints of another service', { ...SET, service: 'other' }],
  ])('is an error with %s', (_what, value) => {
    expect(decodeEndpointSet(kv(keys.serviceEndpoints('web'), value))).toMatchObject({ code: 'unreadable' });
  });

  it.each([
    ['no address', { ...WORKLOAD, addresses: [] }],
    ['two addresses of a family', { ...WORKLOAD, addresses: ['192.0.2.7', '192.0.2.8'] }],
    ['an address that nobody can have', { ...WORKLOAD, addresses: ['fe80::1'] }],
    ['a label that is no text', { ...WORKLOAD, labels: { app: 1 } }],
    ['another name', { ...WORKLOAD, name: 'web' }],
  ])('is an error with a workload that has %s', (_what, value) => {
    expect(decodeWorkload(kv(keys.workload('db'), value))).toMatchObject({ code: 'unreadable' });
  });

  it('is an error with the health of another host, or of what is no place', () => {
    const [one] = UNHEALTHY.unhealthy;
    for (const value of [
      { ...UNHEALTHY, node: 'host-2' },
      { ...UNHEALTHY, unhealthy: [{ ...one, address: 'x' }] },
      { ...UNHEALTHY, unhealthy: [{ ...one, port: 0 }] },
    ])
      expect(decodeHealth(kv(keys.health('host-1'), value))).toMatchObject({ code: 'unreadable' });
  });
});
