import { describe, expect, it } from 'vitest';
import { output, useLab } from '../support/lab.ts';
import {
  fetches,
  inNetworkOf,
  inside,
  pings,
  removeContainers,
  runContainer,
  runWeb,
  viewOf,
} from '../support/seeds.ts';

/** The text "Docker networking" (S5): its four modes, another bridge, links by name, and a wire between two containers. */
const up = useLab({ name: 'seed-s5', hosts: 1, agentFlags: { all: ['--bridge', 'mybr0'] } });
const HOST = 'host-1';
const INTERNET = '203.0.113.8';

const linksOf = async (name: string) =>
  (await inNetworkOf(up.lab, name, 'ip', '-br', 'link')).split('\n').map((line) => line.split(/[@\s]/)[0]);
const namespaceOf = (name: string) => inNetworkOf(up.lab, name, 'readlink', '/proc/self/ns/net');

describe('S5: the modes', () => {
  it('host: the host’s own links, addresses and ports', async () => {
    await runWeb(up.lab, 'of-host', HOST, 8000, '--network', 'host');
    expect(await namespaceOf('of-host')).toBe(await output(up.lab, HOST, 'readlink', '/proc/self/ns/net'));
    expect(await fetches(up.lab, 'client', `http://${up.lab.addressOf(HOST)}:8000/hello`)).toBe(
      'hello from of-host',
    );
    await removeContainers(up.lab, 'of-host');
  });

  it('container: two containers with one network, which talk over loopback, and files of their own', async () => {
    await runWeb(up.lab, 'first', HOST, 80);
    await runContainer(up.lab, 'second', { host: HOST, flags: ['--network', 'container:first'] });
    expect(await namespaceOf('second')).toBe(await namespaceOf('first'));
    expect(await inside(up.lab, 'second', 'wget', '-qO-', 'http://127.0.0.1/hello')).toBe('hello from first');
    expect((await up.lab.svcctl(['exec', 'second', '--', 'ls', '/srv'])).exitCode).not.toBe(0);
    await removeContainers(up.lab, 'second', 'first');
  });

  it('none: loopback, and no network', async () => {
    await runContainer(up.lab, 'alone', { host: HOST, flags: ['--network', 'none'] });
    expect(await linksOf('alone')).toEqual(['lo']);
    expect(await pings(up.lab, 'alone', '127.0.0.1')).toBe(true);
    expect(await pings(up.lab, 'alone', INTERNET)).toBe(false);
    await removeContainers(up.lab, 'alone');
  });

  it('bridge: the default, with an address of the host’s subnet and a way out', async () => {
    await runContainer(up.lab, 'bridged', { host: HOST });
    expect(await linksOf('bridged')).toEqual(['lo', 'eth0']);
    expect(await pings(up.lab, 'bridged', INTERNET)).toBe(true);
    await removeContainers(up.lab, 'bridged');
  });
});

describe('S5: containers together', () => {
  it('a container finds its neighbours by name, in /etc/hosts (--link)', async () => {
    await runWeb(up.lab, 'db', HOST, 80);
    await runContainer(up.lab, 'app', { host: HOST });
    expect(await inside(up.lab, 'app', 'cat', '/etc/hosts')).toMatch(/^10\.10\.\d+\.\d+\s.*\bdb\b/m);
    expect(await inside(up.lab, 'app', 'wget', '-qO-', 'http://db/hello')).toBe('hello from db');
    await removeContainers(up.lab, 'app', 'db');
  });

  it('a point-to-point link between two containers, with /32 addresses and no bridge', async () => {
    const { lab } = up;
    await runContainer(lab, 'test1', { host: HOST, flags: ['--network', 'none'] });
    await runContainer(lab, 'test2', { host: HOST, flags: ['--network', 'p2p:test1'] });
    const own = (await viewOf(lab, 'test2')).status?.address ?? '';
    const ways = await inNetworkOf(lab, 'test2', 'ip', 'route');
    const other = /^([\d.]+) dev \S+/m.exec(ways)?.[1] ?? '';
    expect(await inNetworkOf(lab, 'test2', 'ip', '-o', '-4', 'address')).toMatch(`inet ${own}`);
    expect(await inNetworkOf(lab, 'test2', 'ip', '-j', '-4', 'address')).toContain('"prefixlen":32');
    expect(ways).not.toMatch(/default/);
    expect([await pings(lab, 'test2', other), await pings(lab, 'test1', own)]).toEqual([true, true]);
    const ports = await output(lab, HOST, 'ip', '-br', 'link', 'show', 'master', 'mybr0');
    expect(ports.split('\n')).toHaveLength(2);
    await removeContainers(lab, 'test2', 'test1');
  });
});

describe('S5: another bridge', () => {
  it('has the name that it was given, and there is no other', async () => {
    expect(await output(up.lab, HOST, 'ip', '-br', 'link', 'show', 'type', 'bridge')).toMatch(/^mybr0 /);
    expect((await up.lab.exec(HOST, ['ip', 'link', 'show', 'cwy0'])).exitCode).not.toBe(0);
  });

  it('and another network on request: not without a word of what it means, and then every container has a new address', async () => {
    const { lab } = up;
    await runWeb(lab, 'moving', HOST, 80);
    const set = ['network', 'set', '--network', '172.30.0.0/16'];
    const warned = await lab.svcctl(set);
    expect(warned.exitCode).not.toBe(0);
    expect(warned.stderr).toMatch(/renumber/);
    expect((await viewOf(lab, 'moving')).status?.address).toMatch(/^10\.10\./);
    const moved = await lab.svcctl([...set, '--renumber']);
    expect(moved.exitCode, moved.stderr).toBe(0);
    const address = async () => (await viewOf(lab, 'moving')).status?.address;
    await expect.poll(address, { timeout: 60_000 }).toMatch(/^172\.30\./);
    const hello = async () => fetches(lab, HOST, `http://${await address()}/hello`);
    await expect.poll(hello, { timeout: 60_000 }).toBe('hello from moving');
    expect(await output(lab, HOST, 'ip', '-o', '-4', 'address', 'show', 'dev', 'mybr0')).toMatch(
      /inet 172\.30\./,
    );
  });
});
