import type { ServiceSpec } from '@causeway/shared/model/service';
import { describe, expect, it } from 'vitest';
import { places, service } from '../../../test/support/places.ts';
import type { Places } from './places.ts';
import { placeKey } from './ref.ts';
import { resolve } from './resolve.ts';

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

describe('what one value in etcd cannot hold', () => {
  const addresses = Array.from({ length: 81 }, (_, n) => `10.10.1.${n + 1}`);
  const portsOf = (prefix: string) =>
    Array.from({ length: 50 }, (_, n) => ({
      name: `${prefix}-${n}`,
      protocol: 'tcp' as const,
      port: n + 1,
      targetPort: n + 1,
    }));

  it('is left out, and told', () => {
    const { endpoints, unresolved } = resolve(service(addresses, { ports: portsOf('p') }), places);
    expect(endpoints).toHaveLength(4_000);
    expect(unresolved).toEqual(['50 endpoints are left out: one service cannot have as many']);
  });

  it('is as much of every port and family, and what is named rather than what is selected', () => {
    const status: Places['status'] = (name) => ({
      ...{ name, host: 'host-1', state: 'running' },
      ...(name === 'web-1'
        ? { address: '10.10.9.9', ipv6Address: 'fd00::ffff' }
        : { address: `10.10.${name.slice(2)}.1`, ipv6Address: `fd00::${name.slice(2)}` }),
    });
    const all: Places = {
      ...{ ...places, status },
      container: (name) => ({ name, host: 'host-1', command: [], files: {} }),
      selected: () => Array.from({ length: 250 }, (_, n) => `c-${n}`),
    };
    const ports = portsOf('p').slice(0, 10);
    const families = ['ipv4', 'ipv6'] as const;
    const { endpoints } = resolve(service(['web-1'], { ports, families, selector: { app: 'web' } }), all);
    expect(endpoints).toHaveLength(4_000);
    for (const { name } of ports)
      for (const address of ['10.10.9.9', 'fd00::ffff']) {
        const isIpv6 = address.includes(':');
        const here = endpoints.filter((one) => one.portName === name && one.address.includes(':') === isIpv6);
        expect(here).toHaveLength(200);
        expect(here.map((one) => one.address)).toContain(address);
      }
    const keys = endpoints.map((one) => `${one.portName} ${placeKey(one)}`);
    expect(keys).toEqual([...keys].sort());
  });

  it('is counted in bytes, too', () => {
    const dead = { ...places, isAlive: () => false };
    const drain = { until: '2027-01-01T00:00:00.000000000+00:00' };
    const refs = addresses.map((to) => ({ to, weight: 100, drain }));
    const set = resolve(service(refs, { ports: portsOf('a'.repeat(60)) }), dead);
    expect(set.endpoints.length).toBeLessThan(4_000);
    expect(set.unresolved).toEqual([
      `${4_050 - set.endpoints.length} endpoints are left out: one service cannot have as many`,
    ]);
    expect(Buffer.byteLength(JSON.stringify(set))).toBeLessThan(1_001_000);
  });

  it('is the same of what leads nowhere', () => {
    const selected = () => Array.from({ length: 1_100 }, (_, n) => `gone-${n}`);
    const { unresolved } = resolve(service([], { selector: { app: 'web' } }), { ...places, selected });
    expect(unresolved).toHaveLength(1_001);
    expect(unresolved.at(-1)).toBe('100 more references lead nowhere');
  });

  it('is cut short of reasons that are long, each and all of them', () => {
    const selected = () => Array.from({ length: 900 }, (_, n) => `gone-${n}`);
    const container: Places['container'] = (name) => ({ name, host: 'host-1', command: [], files: {} });
    const failed: Places['status'] = (name) => ({
      ...{ name, host: 'host-1', state: 'failed', reason: '\u0001€'.repeat(5_000) },
    });
    const all: Places = { ...places, selected, container, status: failed };
    const { unresolved } = resolve(service([], { selector: { app: 'web' } }), all);
    expect(unresolved[0]).toMatch(/^container "gone-0" failed on host-1: /);
    expect(unresolved[0]).toHaveLength(201);
    expect(Buffer.byteLength(JSON.stringify(unresolved))).toBeLessThan(201_000);
    expect(unresolved.at(-1)).toBe(`${901 - unresolved.length} more references lead nowhere`);
  });

  it('is told also where many references lead nowhere', () => {
    const selected = () => Array.from({ length: 1_100 }, (_, n) => `gone-${n}`);
    const spec = service(addresses, { ports: portsOf('p'), selector: { app: 'web' } });
    const { unresolved } = resolve(spec, { ...places, selected });
    expect(unresolved.slice(-2)).toEqual([
      '100 more references lead nowhere',
      '50 endpoints are left out: one service cannot have as many',
    ]);
  });
});
