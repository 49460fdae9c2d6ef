import { expect, it } from 'vitest';
import type { ContainerSpec, PublishedPort } from '../model/container.ts';
import { publishedOf } from './published.ts';

const port = (hostPort: number, more: Partial<PublishedPort> = {}): PublishedPort => ({
  ...{ hostPort, containerPort: 80, protocol: 'tcp' },
  ...more,
});
const container = (name: string, ...publish: readonly PublishedPort[]): ContainerSpec => ({
  ...{ name, host: 'host-1', command: ['x'], files: {}, publish },
});
const BOTH = [
  { name: 'a', addresses: { ipv4: '10.10.1.2', ipv6: 'fd00:10:0:1::2' } },
  { name: 'b', addresses: { ipv4: '10.10.1.3' } },
];

it('leads to the address of each family, of the one that a port is given an address of, and of none that is not there', () => {
  const ports = [
    port(8080, { address: 'fd00::1' }),
    port(8080),
    port(53, { protocol: 'udp', containerPort: 53 }),
  ];
  const { byFamily, problems } = publishedOf([container('a', ...ports), container('c', port(1))], BOTH);
  const [tcp, udp] = [
    { protocol: 'tcp', hostPort: 8080, port: 80 },
    { protocol: 'udp', hostPort: 53, port: 53 },
  ];
  expect(problems).toEqual([]);
  expect(byFamily.ipv4).toEqual([
    { ...tcp, address: '10.10.1.2' },
    { ...udp, address: '10.10.1.2' },
  ]);
  expect(byFamily.ipv6).toEqual([
    { ...tcp, address: 'fd00:10:0:1::2' },
    { ...tcp, hostAddress: 'fd00::1', address: 'fd00:10:0:1::2' },
    { ...udp, address: 'fd00:10:0:1::2' },
  ]);
});

it('sorts ports as numbers, and gives one that two want to the first', () => {
  const { byFamily, problems } = publishedOf(
    [container('a', port(10_000), port(900)), container('b', port(900))],
    BOTH,
  );
  expect(byFamily.ipv4.map(({ hostPort, address }) => `${hostPort} ${address}`)).toEqual([
    '900 10.10.1.2',
    '10000 10.10.1.2',
  ]);
  expect(problems).toEqual(['port 900/tcp of container b is not published: container a has it']);
});

it('gives the same for the same', () => {
  const specs = [container('a', port(80))];
  expect(publishedOf(specs, BOTH)).toBe(publishedOf(specs, BOTH));
});
