import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { describe, expect, it } from 'vitest';
import { hostsBySubnet } from './hosts-by-subnet.ts';
import { parseEndpointRef } from './ref.ts';
import { type Places, resolve } from './resolve.ts';

const containers: Record<string, { spec: ContainerSpec; status?: ContainerStatus }> = {
  'web-1': {
    spec: { name: 'web-1', host: 'host-1', command: ['httpd'], files: {} },
    status: { name: 'web-1', host: 'host-1', state: 'running', address: '10.10.1.2' },
  },
  'web-2': {
    spec: { name: 'web-2', host: 'host-2', command: ['httpd'], files: {} },
    status: { name: 'web-2', host: 'host-2', state: 'failed', reason: 'no such program' },
  },
  'web-3': { spec: { name: 'web-3', host: 'host-2', command: ['httpd'], files: {} } },
  moved: {
    spec: { name: 'moved', host: 'host-2', command: ['httpd'], files: {} },
    status: { name: 'moved', host: 'host-1', state: 'running', address: '10.10.1.9' },
  },
};

const places: Places = {
  container: (name) => containers[name]?.spec,
  status: (name) => containers[name]?.status,
  hostAt: hostsBySubnet([
    {
      ipv4: { subnet: '10.10.1.0/24', publicIp: '192.168.122.11' },
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
};

function service(endpoints: readonly string[], ports?: ServiceSpec['ports']): ServiceSpec {
  return {
    name: 's',
    vip: '2.2.2.2',
    ports: ports ?? [{ name: '', protocol: 'tcp', port: 88, targetPort: 8088 }],
    endpoints,
    createdAt: '2026-01-01T00:00:00.000Z',
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
    const { endpoints } = resolve(service(['web-1'], ports), places);
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
      'there is no container "web-4"',
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

describe('parseEndpointRef', () => {
  it.each([
    ['10.10.1.2:12345', { address: '10.10.1.2', port: 12345, portText: '12345' }],
    ['10.10.1.2', { address: '10.10.1.2', port: undefined, portText: undefined }],
    ['web-1', { container: 'web-1', port: undefined, portText: undefined }],
    ['web-1:80', { container: 'web-1', port: 80, portText: '80' }],
    ['web-1:65536', { container: 'web-1', port: undefined, portText: '65536' }],
    ['web-1:0', { container: 'web-1', port: undefined, portText: '0' }],
    ['web-1:', { container: 'web-1', port: undefined, portText: '' }],
    ['a:b:c', undefined],
    [':80', undefined],
    ['', undefined],
  ])('%j', (text, parsed) => {
    expect(parseEndpointRef(text)).toEqual(parsed);
  });
});
