import { describe, expect, it } from 'vitest';
import { serviceSpec } from '../../../test/support/desired-host.ts';
import type { CausewayError } from '../errors.ts';
import type { ContainerStatus } from '../model/container.ts';
import {
  decodeContainer,
  decodeContainerStatus,
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

const spec = serviceSpec('web');
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

  it('reads settings of before IPv6, and of now', () => {
    const before = { serviceRange: '10.96.0.0/16', nodePortMin: 30000, nodePortMax: 32767 };
    const now = { ...before, serviceRangeIpv6: 'fd00:96::/112', nodePortCidrs: ['192.168.122.0/24', '::/0'] };
    for (const settings of [before, now])
      expect(decodeSettings(kv(keys.settings, settings))).toEqual(settings);
  });

  const container = { name: 'a', host: 'h', command: ['x'], files: {} };
  const settings = { serviceRange: '10.96.0.0/16', nodePortMin: 30000, nodePortMax: 32767 };
  it.each([
    ['a container with half a command', decodeContainer, keys.container('a'), { ...container, command: [1] }],
    ['a relative file', decodeContainer, keys.container('a'), { ...container, files: { 'etc/x': '' } }],
    ['labels that are no texts', decodeContainer, keys.container('a'), { ...container, labels: { app: 1 } }],
    [
      'an IPv6 address that is none',
      decodeContainerStatus,
      keys.containerStatus('web-1'),
      { ...status, ipv6Address: '10.10.1.2' },
    ],
    ['settings upside down', decodeSettings, keys.settings, { ...settings, nodePortMin: 40000 }],
    [
      'settings that make every address one of the services',
      decodeSettings,
      keys.settings,
      { ...settings, serviceRange: '0.0.0.0/0' },
    ],
    [
      'settings that make every IPv6 address one of the services',
      decodeSettings,
      keys.settings,
      { ...settings, serviceRangeIpv6: '::/0' },
    ],
    [
      'an IPv4 range for IPv6',
      decodeSettings,
      keys.settings,
      { ...settings, serviceRangeIpv6: '10.97.0.0/16' },
    ],
    [
      'NodePorts on what is no network',
      decodeSettings,
      keys.settings,
      { ...settings, nodePortCidrs: ['192.168.122.11'] },
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
    ['a field', kv(keys.serviceSpec('web'), { ...spec, vips: [hostile] })],
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
