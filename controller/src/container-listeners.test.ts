import { CausewayError } from '@causeway/shared/errors';
import type { PublishedPort } from '@causeway/shared/model/container';
import { expect, it } from 'vitest';
import { notListenedTo } from './container-listeners.ts';
import type { View } from './view/view.ts';

const view = (...hosts: readonly string[]) =>
  ({ tables: { agent: new Map(hosts.map((host) => [host, {}])) } }) as unknown as Pick<View, 'tables'>;
const port = (more: Partial<PublishedPort> = {}): PublishedPort => ({
  ...{ hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  ...more,
});

/** @returns what is said of publishing a port; undefined: nothing */
async function said(
  address: string,
  published: PublishedPort,
  more: object = {},
): Promise<string | undefined> {
  const agents = {
    json: async () => ({ listeners: [{ protocol: 'tcp', address, port: 8080, ...more }] }),
  };
  const spec = { host: 'host-1', publish: [port({ hostPort: 1 }), published] };
  return notListenedTo(agents, view('host-1'), spec).then(
    () => undefined,
    (error: CausewayError) => `${error.code}: ${error.message}`,
  );
}

it('refuses a port that a program of the host listens to, where they meet', async () => {
  expect(await said('0.0.0.0', port())).toBe(
    'conflict: publish[1] "8080:80" cannot be: a program of host-1 listens to port 8080/tcp',
  );
  expect(await said('192.168.122.11', port())).toBe(
    'conflict: publish[1] "8080:80" cannot be: a program of host-1 listens to port 8080/tcp at 192.168.122.11',
  );
  const [fourth, sixth] = [port({ address: '192.168.122.11' }), port({ address: 'fd00:122::11' })];
  for (const [address, published, isRefused] of [
    ['::', port(), true],
    ['::', fourth, true],
    ['0.0.0.0', fourth, true],
    ['192.168.122.11', fourth, true],
    ['192.168.122.12', fourth, false],
    ['::', sixth, true],
    ['fd00:122::11', sixth, true],
    ['0.0.0.0', sixth, false],
    ['0.0.0.0', port({ protocol: 'udp' }), false],
    ['0.0.0.0', port({ hostPort: 8081 }), false],
  ] as const)
    expect([address, published, (await said(address, published)) !== undefined]).toEqual([
      ...[address, published, isRefused],
    ]);
});

it('refuses nothing where the host does not answer, or not so that it can be read', async () => {
  const spec = { host: 'host-1', publish: [port()] };
  const silent = {
    json: async () => {
      throw new CausewayError('unreachable', 'asking the agent of host-1: it does not run');
    },
  };
  await notListenedTo(silent, view('host-1'), spec);
  await notListenedTo({ json: async () => ({ listeners: [{}] }) }, view('host-1'), spec);
});

it('asks nobody for a container that publishes nothing, and no host whose agent serves no API', async () => {
  const never = {
    json: async () => {
      throw new Error('asked');
    },
  };
  await notListenedTo(never, view('host-1'), { host: 'host-1' });
  await notListenedTo(never, view('host-2'), { host: 'host-1', publish: [port()] });
});
