import { describe, expect, it } from 'vitest';
import { CausewayError } from '../errors.ts';
import type { ContainerStatus } from '../model/container.ts';
import type { ServiceSpec } from '../model/service.ts';
import {
  decodeContainer,
  decodeContainerStatus,
  decodeEndpointSet,
  decodeServiceSpec,
  decodeSettings,
  encode,
} from './codec.ts';
import { decodeLease, decodeNetworkConfig } from './codec-flannel.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

const kv = (key: string, value: unknown): KeyValue => ({
  key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
});

const spec: ServiceSpec = {
  name: 'web',
  vip: '2.2.2.2',
  ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 12345, nodePort: 30001 }],
  endpoints: ['10.10.1.2:12345'],
  createdAt: '2026-11-20T00:00:00Z',
};
const status: ContainerStatus = {
  name: 'web-1',
  host: 'host-1',
  state: 'running',
  address: '10.10.1.2',
  ipv6Address: 'fd00:10:0:1::2',
  pid: 7,
};

describe('decoding', () => {
  it('gives back what was encoded', () => {
    expect(decodeServiceSpec(kv(keys.serviceSpec('web'), encode(spec)))).toEqual(spec);
    expect(decodeContainerStatus(kv(keys.containerStatus('web-1'), encode(status)))).toEqual(status);
  });

  it('leaves out fields that it does not know', () => {
    expect(decodeServiceSpec(kv(keys.serviceSpec('web'), { ...spec, later: 1 }))).toEqual(spec);
  });

  it.each([
    ['not JSON', '{"name":', 'is not JSON'],
    ['no object', 'null', 'the value null'],
    ['another name', { ...spec, name: 'other' }, 'belongs to key /causeway/v1/services/other/spec'],
    ['a name with a new line', { ...spec, name: 'a\nb' }, 'name "a\\nb" is not a name'],
    ['a rule for a VIP', { ...spec, vip: '1.1.1.1; flush ruleset' }, 'vip "1.1.1.1; flush ruleset"'],
    ['the loopback as VIP', { ...spec, vip: '127.0.0.1' }, 'vip "127.0.0.1" is an address that nobody can'],
    ['no address as VIP', { ...spec, vip: '0.0.0.0' }, 'vip "0.0.0.0" is an address that nobody can have'],
    ['a port of 0', { ...spec, ports: [{ ...spec.ports[0], port: 0 }] }, 'ports.0.port 0 is not a port'],
    ['a text for a port', { ...spec, ports: [{ ...spec.ports[0], port: '88' }] }, 'ports.0.port "88"'],
    ['an unknown protocol', { ...spec, ports: [{ ...spec.ports[0], protocol: 'icmp' }] }, 'ports.0.protocol'],
    ['no ports', { ...spec, ports: [] }, 'ports []'],
  ])('returns an error for a service with %s', (_what, value, text) => {
    const error = decodeServiceSpec(kv(keys.serviceSpec('web'), value));
    expect(error).toBeInstanceOf(CausewayError);
    expect(error).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('/causeway/v1/services/web/spec'),
    });
    expect((error as CausewayError).message).toContain(text);
  });

  it('does not take a deeper key for the service that it ends with', () => {
    const error = decodeServiceSpec(kv(`${keys.servicePrefix}x/web/spec`, spec));
    expect(error).toBeInstanceOf(CausewayError);
  });

  it.each([
    [
      'an endpoint that is no address',
      decodeEndpointSet,
      keys.serviceEndpoints('web'),
      {
        service: 'web',
        endpoints: [{ portName: '', address: '$(reboot)', port: 1, ref: '' }],
        unresolved: [],
      },
    ],
    [
      'a container without a command',
      decodeContainer,
      keys.container('a'),
      {
        name: 'a',
        host: 'h',
        command: [],
        files: {},
      },
    ],
    [
      'a container with a relative file',
      decodeContainer,
      keys.container('a'),
      {
        name: 'a',
        host: 'h',
        command: ['x'],
        files: { 'etc/x': '' },
      },
    ],
    [
      'an endpoint that is on the loopback',
      decodeEndpointSet,
      keys.serviceEndpoints('web'),
      {
        service: 'web',
        endpoints: [{ portName: '', address: '127.0.0.1', port: 1, ref: '' }],
        unresolved: [],
      },
    ],
    [
      'an IPv6 address that is none',
      decodeContainerStatus,
      keys.containerStatus('web-1'),
      { ...status, ipv6Address: '10.10.1.2' },
    ],
    [
      'settings upside down',
      decodeSettings,
      keys.settings,
      {
        serviceRange: '10.96.0.0/16',
        nodePortMin: 2,
        nodePortMax: 1,
      },
    ],
    [
      'settings that make every address one of the services',
      decodeSettings,
      keys.settings,
      { serviceRange: '0.0.0.0/0', nodePortMin: 30000, nodePortMax: 32767 },
    ],
  ] as const)('returns an error for %s', (_what, decoder, key, value) => {
    expect(decoder(kv(key, value))).toMatchObject({ code: 'unreadable' });
  });
});

describe('a value that is nested without end', () => {
  const nested = (start: string, end: string) => start.repeat(100_000) + end.repeat(100_000);

  it.each([
    ['objects', nested('{"a":', '}').replace(':}', ':1}')],
    ['a field of objects', `{"PublicIP":${nested('{"a":', '}').replace(':}', ':1}')}}`],
    ['a field of lists', `{"Network":${nested('[', ']')},"name":${nested('[', ']')}}`],
  ])('is an error like any other, for every decoder: %s', (_what, value) => {
    const errors = [
      decodeServiceSpec(kv(keys.serviceSpec('web'), value)),
      decodeNetworkConfig(kv(keys.networkConfig, value)),
      decodeLease(kv(keys.subnet({ ipv4: '10.10.1.0/24' }), value)),
    ];
    for (const error of errors)
      expect(error).toMatchObject({ code: 'unreadable', message: expect.stringContaining('nested') });
  });
});

describe('the sentence about a key that cannot be read', () => {
  /** An escape sequence, a line that looks like one of `/readyz`, and marks that turn the direction of writing. */
  const hostile = 'a\u001b[31m\n[-]etcd failed\u009b\u2028\u202eb';

  it.each([
    ['the key', kv(keys.serviceSpec(hostile), 'x')],
    ['a value that is not JSON', kv(keys.serviceSpec('web'), hostile.slice(1))],
    ['a value that is not JSON further on', kv(keys.serviceSpec('web'), `{"name":${hostile}`)],
    ['a field', kv(keys.serviceSpec('web'), { ...spec, vip: hostile })],
  ])('is one line that no terminal obeys, whatever %s holds', (_what, item) => {
    const { message } = decodeServiceSpec(item) as CausewayError;
    expect(message).toMatch(/^reading etcd key \/causeway\/v1\/services\/.+\/spec: /);
    expect(message).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
  });

  it('names a field of any name on one line', () => {
    const value = { name: 'a', host: 'h', command: ['x'], files: { [`/${hostile}`]: 7 } };
    const { message } = decodeContainer(kv(keys.container('a'), value)) as CausewayError;
    expect(message).toContain('files./a\\u001b[31m\\u000a[-]etcd');
  });

  it('is short, however long the key or the value is', () => {
    const long = 'n'.repeat(100_000);
    const { message } = decodeServiceSpec(kv(keys.serviceSpec(long), long)) as CausewayError;
    expect(message.length).toBeLessThan(800);
    expect(message).toContain('… (100027 characters)');
  });
});
