import { describe, expect, it } from 'vitest';
import { CausewayError } from '../errors.ts';
import type { ServiceSpec } from '../model/service.ts';
import {
  decodeAlive,
  decodeContainer,
  decodeEndpointSet,
  decodeNode,
  decodeReport,
  decodeServiceSpec,
  decodeSettings,
  encode,
} from './codec.ts';
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
const node = {
  name: 'host-1',
  id: 'a1',
  publicIp: '192.168.122.11',
  addresses: ['192.168.122.11'],
  subnet: '10.10.1.0/24',
  dataplane: 'nftables' as const,
  version: '0.1.0',
};

describe('decoding', () => {
  it('gives back what was encoded', () => {
    expect(decodeServiceSpec(kv(keys.serviceSpec('web'), encode(spec)))).toEqual(spec);
    expect(decodeNode(kv(keys.node('host-1'), encode(node)))).toEqual(node);
  });

  it('leaves out fields that it does not know', () => {
    expect(decodeAlive(kv(keys.alive('a'), { id: 'x', instance: 'y', later: 1 }))).toEqual({
      id: 'x',
      instance: 'y',
    });
  });

  it.each([
    ['not JSON', '{"name":', 'is not JSON'],
    ['no object', 'null', 'the value null'],
    ['another name', { ...spec, name: 'other' }, 'belongs to key /causeway/v1/services/other/spec'],
    ['a name with a new line', { ...spec, name: 'a\nb' }, 'name "a\\nb" is not a name'],
    ['a rule for a VIP', { ...spec, vip: '1.1.1.1; flush ruleset' }, 'vip "1.1.1.1; flush ruleset"'],
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
    ['a node without id', decodeNode, keys.node('host-1'), { ...node, id: '' }],
    ['a report without revisions', decodeReport, keys.report('h'), { name: 'h' }],
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
  ] as const)('returns an error for %s', (_what, decoder, key, value) => {
    expect(decoder(kv(key, value))).toMatchObject({ code: 'unreadable' });
  });
});
