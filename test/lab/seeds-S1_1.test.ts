import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { run } from '@causeway/shared/programs/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerRules } from '../support/docker.ts';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { fetches, inNetworkOf, pings, removeContainers, runContainer, runWeb } from '../support/seeds.ts';

/**
 * The text "container networking is not hard" (S1), step by step: what it builds by hand on one host is there as soon as
 * two containers were asked for, with the text's own network.
 */
const up = useLab({ name: 'seed-s1', hosts: 1, network: '172.18.0.0/16' });
const HOST = 'host-1';
const INTERNET = '203.0.113.8';
/** The user that everybody may be who is root. */
const NOBODY = 65_534;

describe.each(DATAPLANES)('S1 with %s', (dataplane) => {
  let [first, second, gateway] = ['', '', ''];

  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    await removeContainers(lab, 'netns0', 'netns1');
    first = await runContainer(lab, 'netns0', { host: HOST });
    second = await runWeb(lab, 'netns1', HOST, 5000, '--publish', '5000:5000');
    gateway =
      (await output(lab, HOST, 'ip', '-o', '-4', 'address', 'show', 'dev', 'cwy0')).match(
        /inet ([\d.]+)/,
      )?.[1] ?? '';
  });

  it('a container has a network namespace of its own: its links, its routes, no rules', async () => {
    const [own, host] = await Promise.all([
      inNetworkOf(up.lab, 'netns0', 'readlink', '/proc/self/ns/net'),
      output(up.lab, HOST, 'readlink', '/proc/self/ns/net'),
    ]);
    expect(own).not.toBe(host);
    const links = await inNetworkOf(up.lab, 'netns0', 'ip', '-br', 'link');
    expect(links.split('\n').map((line) => line.split(/[@\s]/)[0])).toEqual(['lo', 'eth0']);
    expect(await inNetworkOf(up.lab, 'netns0', 'nft', 'list', 'ruleset')).toBe('');
  });

  it('a veth pair leads out of it: the other end is a port of the bridge', async () => {
    const { ifindex, link_index: peer } = await linkIn('netns0');
    const ports = JSON.parse(await output(up.lab, HOST, 'ip', '-j', 'link', 'show', 'master', 'cwy0'));
    const port = ports.find((each: { ifindex: number }) => each.ifindex === peer);
    expect(port).toMatchObject({ link_index: ifindex, operstate: 'UP' });
  });

  it('two pairs do not take the route from each other: both containers reach each other and the host, and it them', async () => {
    expect([await pings(up.lab, 'netns0', second), await pings(up.lab, 'netns1', first)]).toEqual([
      true,
      true,
    ]);
    for (const address of [first, second]) await output(up.lab, HOST, 'ping', '-n', '-c1', '-W2', address);
    for (const name of ['netns0', 'netns1']) expect(await pings(up.lab, name, gateway)).toBe(true);
    const routes = await output(up.lab, HOST, 'ip', 'route', 'show', 'match', first);
    expect(routes.split('\n').filter((line) => !line.startsWith('default'))).toEqual([
      expect.stringContaining('dev cwy0'),
    ]);
  });

  it('on the bridge they are neighbours by layer 2', async () => {
    await pings(up.lab, 'netns0', second);
    const { address: mac } = await linkIn('netns1');
    expect(await inNetworkOf(up.lab, 'netns0', 'ip', 'neighbour', 'show', second)).toContain(`lladdr ${mac}`);
  });

  it('the bridge has the gateway’s address, and the container a default route to it', async () => {
    expect(await inNetworkOf(up.lab, 'netns0', 'ip', 'route', 'show', 'default')).toMatch(
      `default via ${gateway} dev eth0`,
    );
    expect(await pings(up.lab, 'netns0', up.lab.addressOf(HOST))).toBe(true);
  });

  it('ip_forward is on, which it was not before', async () => {
    const before = await up.lab.stateBefore(HOST);
    expect(before.sysctls).toContain('/proc/sys/net/ipv4/ip_forward:0');
    expect(await output(up.lab, HOST, 'cat', '/proc/sys/net/ipv4/ip_forward')).toBe('1');
  });

  it('what leaves is masqueraded: the internet answers, and sees the host', async () => {
    expect(await pings(up.lab, 'netns0', INTERNET)).toBe(true);
    expect(await fetches(up.lab, 'netns0', `http://${INTERNET}:12345/cgi-bin/peer`)).toBe(
      up.lab.addressOf(HOST),
    );
  });

  it('a published port leads to the container, from outside and from the host itself', async () => {
    const url = `http://${up.lab.addressOf(HOST)}:5000/hello`;
    expect(await fetches(up.lab, 'client', url)).toBe('hello from netns1');
    expect(await fetches(up.lab, HOST, url)).toBe('hello from netns1');
  });

  it('… and from its neighbour on the bridge, for which the bridge’s packets pass the filter (br_netfilter)', async () => {
    expect(await output(up.lab, HOST, 'cat', '/proc/sys/net/bridge/bridge-nf-call-iptables')).toBe('1');
    const url = `http://${up.lab.addressOf(HOST)}:5000/hello`;
    expect(await fetches(up.lab, 'netns0', url)).toBe('hello from netns1');
    expect(await fetches(up.lab, 'netns1', url)).toBe('hello from netns1');
  });

  it('svcctl net inspect shows devices, routes and rules of a host and of a container, as inspect-net-stack.sh', async () => {
    const host = await svcctl(up.lab, 'net', 'inspect', HOST);
    for (const part of ['eth0', 'cwy0', `${gateway}/`, 'default via 192.168.122.1'])
      expect(host).toContain(part);
    expect(host).toMatch(dataplane === 'nftables' ? /table ip causeway/ : /CWY-/);
    const container = await svcctl(up.lab, 'net', 'inspect', 'netns0');
    for (const part of ['lo', 'eth0', first, `default via ${gateway}`]) expect(container).toContain(part);
    expect(container).not.toContain('cwy0');
  });

  it('all of it goes on beside Docker’s FORWARD DROP and its chains', async () => {
    const there = await output(up.lab, HOST, 'iptables-nft-save', '-t', 'filter');
    if (!there.includes(':DOCKER ')) {
      const restore = ['iptables-nft-restore', '--noflush'];
      const { exitCode, stderr } = await up.lab.exec(HOST, restore, { input: dockerRules('ipv4') });
      expect(exitCode, stderr).toBe(0);
    }
    const url = `http://${up.lab.addressOf(HOST)}:5000/hello`;
    const all = async () => [
      await pings(up.lab, 'netns0', INTERNET),
      await pings(up.lab, 'netns0', second),
      await fetches(up.lab, 'client', url),
    ];
    await expect.poll(all, { timeout: 30_000 }).toEqual([true, true, 'hello from netns1']);
  });

  async function linkIn(name: string): Promise<{ ifindex: number; link_index: number; address: string }> {
    const [link] = JSON.parse(await inNetworkOf(up.lab, name, 'ip', '-j', 'link', 'show', 'eth0'));
    return link;
  }
});

describe('S1, without root', () => {
  let home: string;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'causeway-rootless-'));
    cpSync('dist', join(home, 'dist'), { recursive: true });
    mkdirSync(join(home, 'labs'));
    if (process.getuid?.() === 0) chownSync(join(home, 'labs'), NOBODY, NOBODY);
    chmodSync(home, 0o755);
  });
  afterAll(() => rmSync(home, { recursive: true }));

  it('an ordinary user has all of it, too: a container that reaches the internet and is reached', async () => {
    await lab('up', '--name', 'rootless', '--hosts', '1');
    try {
      const on = (...argv: string[]) => lab('exec', '--name', 'rootless', ...argv);
      await on(HOST, '--', 'svcctl', 'run', 'netns0', '--host', HOST, '--wait', '--', 'sleep', '1000000');
      expect(
        (await on(HOST, '--', 'svcctl', 'exec', 'netns0', '--', 'ping', '-c1', INTERNET)).stdout,
      ).toMatch(/ 0% packet loss/);
      const map = (await on(HOST, '--', 'cat', '/proc/self/uid_map')).stdout.trim().split(/\s+/);
      expect(map).toEqual(['0', String(process.getuid?.() === 0 ? NOBODY : process.getuid?.()), '1']);
    } finally {
      await lab('down', '--name', 'rootless');
    }
  });

  function lab(...args: string[]) {
    const nobody = ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
    const as = process.getuid?.() === 0 ? nobody : [];
    const [command = '', ...argv] = [...as, process.execPath, join(home, 'dist/bin/lab.cjs'), ...args];
    const env = { CAUSEWAY_LAB_DIR: join(home, 'labs') };
    return run(command, argv, { cwd: home, env, timeoutMs: 120_000 });
  }
});
