import { beforeAll, describe, expect, it } from 'vitest';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { capture } from '../support/packet-trace.ts';
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

/**
 * The text "how Docker works" (S2) with its own numbers: 10.10.14.0/24 on 192.168.122.197, 10.10.15.0/24 on
 * 192.168.122.183, each container the first of its host.
 */
const up = useLab({
  ...{ name: 'seed-s2', hosts: 2, until: 'controller' },
  agentFlags: { 'host-1': ['--public-ip', '192.168.122.197'], 'host-2': ['--public-ip', '192.168.122.183'] },
});
const HOSTS = [
  { host: 'host-1', address: '192.168.122.197', subnet: '10.10.14.0/24', bridge: '10.10.14.1' },
  { host: 'host-2', address: '192.168.122.183', subnet: '10.10.15.0/24', bridge: '10.10.15.1' },
] as const;
const [FIRST, SECOND] = HOSTS;
const INTERNET = '203.0.113.8';
const PATIENT = { timeout: 30_000, interval: 100 };

beforeAll(async () => {
  const { lab } = up;
  for (const { host, address, subnet } of HOSTS) {
    await output(lab, host, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await svcctl(lab, 'node', 'reserve', host, '--subnet', subnet, '--ahead');
    await lab.startAgent(host);
  }
  await lab.ready();
  await runContainer(lab, 'container2', { host: FIRST.host, flags: ['--network', 'bridge'] });
  await runContainer(lab, 'container1', { host: SECOND.host });
});

describe('S2: isolation', () => {
  it('a container has its own UTS, IPC, PID, mount and network namespace', async () => {
    const links = (text: string) => Object.fromEntries(text.split('\n').map((line) => line.split(' ')));
    const list = 'for each in uts ipc pid mnt net; do echo $each $(readlink /proc/self/ns/$each); done';
    const own = links(await inside(up.lab, 'container2', 'sh', '-c', list));
    const host = links(await output(up.lab, FIRST.host, 'sh', '-c', list));
    for (const kind of ['uts', 'ipc', 'pid', 'mnt', 'net']) {
      expect(own[kind]).toMatch(/^\w+:\[\d+\]$/);
      expect(own[kind]).not.toBe(host[kind]);
    }
    expect(await inside(up.lab, 'container2', 'hostname')).toBe('container2');
  });

  it('a user namespace on request, in which its root is nobody to the host; or the sentence why there can be none', async () => {
    const args = [
      'run',
      'mapped',
      '--host',
      FIRST.host,
      '--user-namespace',
      '--wait',
      '--',
      'sleep',
      '1000000',
    ];
    const { exitCode, stderr } = await up.lab.svcctl(args);
    if (exitCode === 0) {
      const ns = (where: string) => up.lab.exec(where, ['readlink', '/proc/self/ns/user']);
      expect(await inside(up.lab, 'mapped', 'readlink', '/proc/self/ns/user')).not.toBe(
        (await ns(FIRST.host)).stdout.trim(),
      );
      expect(await inside(up.lab, 'mapped', 'id', '-u')).toBe('0');
    } else {
      expect(stderr).toMatch(/user namespace/);
      const { status } = await viewOf(up.lab, 'mapped');
      expect(status).toMatchObject({ state: 'failed', reason: expect.stringMatching(/user namespace/) });
    }
    await removeContainers(up.lab, 'mapped');
  });

  it('a layered root: what one container writes, the other of the same image does not see, and a stop keeps', async () => {
    const { lab } = up;
    await runContainer(lab, 'layered', { host: FIRST.host });
    await inside(lab, 'layered', 'sh', '-c', 'echo mine >/etc/mine; rm /bin/cat');
    expect((await lab.svcctl(['exec', 'container2', '--', 'ls', '/etc/mine'])).exitCode).not.toBe(0);
    expect(await inside(lab, 'container2', 'ls', '/bin/cat')).toBe('/bin/cat');
    await svcctl(lab, 'stop', 'layered');
    await svcctl(lab, 'start', 'layered');
    await expect.poll(async () => (await viewOf(lab, 'layered')).status?.state, PATIENT).toBe('running');
    expect(await inside(lab, 'layered', 'head', '-n1', '/etc/mine')).toBe('mine');
    await removeContainers(lab, 'layered');
  });

  it('chroot and /proc: it sees its own files and its own processes, the first of which it is', async () => {
    expect(await inside(up.lab, 'container2', 'ls', '/')).not.toMatch(/home|boot|srv/);
    const processes = await inside(up.lab, 'container2', 'ps', '-o', 'pid,args');
    expect(processes).toMatch(/^ +1 sleep 1000000$/m);
    expect(processes).not.toMatch(/causeway-agent|conmon/);
  });
});

describe('S2: control groups', () => {
  const limited = (name: string, flags: readonly string[], script: string) =>
    up.lab.svcctl([
      'run',
      name,
      '--host',
      FIRST.host,
      ...flags,
      '--restart',
      'no',
      '--wait',
      '--',
      'sh',
      '-c',
      script,
    ]);
  const mayLimit = async () => {
    const make =
      'find /sys/fs/cgroup -maxdepth 1 -name "cpu*" -exec mkdir {}/probe \\; -exec rmdir {}/probe \\; | wc -l';
    return (await up.lab.exec(FIRST.host, ['sh', '-ec', `test -d /sys/fs/cgroup && ${make}`])).stderr === '';
  };

  it('half a processor is what a container that would take a whole one gets; or the sentence why it cannot be limited', async () => {
    const { exitCode, stderr } = await limited('half', ['--cpus', '0.5'], 'while :; do :; done');
    if (!(await mayLimit())) {
      expect(stderr).toMatch(/cpus|limit|cgroup/);
      expect(exitCode).not.toBe(0);
    } else {
      expect(exitCode, stderr).toBe(0);
      const { status } = await viewOf(up.lab, 'half');
      const ticks = async () => {
        const stat = await output(up.lab, FIRST.host, 'cat', `/proc/${status?.pid}/stat`);
        const [utime = 0, stime = 0] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
        return utime + stime;
      };
      const [from, at] = [await ticks(), performance.now()];
      // Long enough that a period of 100 ms more or less makes no difference.
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      const share = ((await ticks()) - from) / ((performance.now() - at) / 10);
      expect(share).toBeLessThan(0.56);
      expect(share).toBeGreaterThan(0.05);
    }
    await removeContainers(up.lab, 'half');
  });

  it('a container that takes more memory than it may is ended; or the sentence why it cannot be limited', async () => {
    const greedy = 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo "dd ended with $?"; exec sleep 1000000';
    const { exitCode, stderr } = await limited('greedy', ['--memory', '16M'], greedy);
    if (!(await mayLimit())) {
      expect(stderr).toMatch(/memory|limit|cgroup/);
      expect(exitCode).not.toBe(0);
    } else {
      const logs = async () => (await up.lab.svcctl(['logs', 'greedy'])).stdout;
      const ended = async () =>
        (await viewOf(up.lab, 'greedy')).status?.exitCode === 137 ||
        /dd ended with (137|1)/.test(await logs());
      await expect.poll(ended, PATIENT).toBe(true);
    }
    await removeContainers(up.lab, 'greedy');
  });
});

describe('S2: the network of two hosts', () => {
  it('a bridge on each host with the first address of its subnet, and a route to the other’s by its host (host-gw)', async () => {
    for (const [here, there] of [
      [FIRST, SECOND],
      [SECOND, FIRST],
    ] as const) {
      expect(await output(up.lab, here.host, 'ip', '-o', '-4', 'address', 'show', 'dev', 'cwy0')).toContain(
        `inet ${here.bridge}/24`,
      );
      expect(await output(up.lab, here.host, 'ip', 'route', 'show', there.subnet)).toMatch(
        `via ${there.address} dev eth0`,
      );
    }
    expect(await viewOf(up.lab, 'container2')).toMatchObject({ status: { address: '10.10.14.2' } });
    expect(await viewOf(up.lab, 'container1')).toMatchObject({ status: { address: '10.10.15.2' } });
  });

  it('the way of a packet, hop by hop: eth0, machine1, mydocker, ens3 of one host and then of the other', async () => {
    const { lab } = up;
    const points = [
      { member: SECOND.host, link: 'eth0', container: 'container1' },
      { member: SECOND.host, link: await portOf('container1') },
      { member: SECOND.host, link: 'cwy0' },
      { member: SECOND.host, link: 'eth0' },
      { member: FIRST.host, link: 'eth0' },
      { member: FIRST.host, link: 'cwy0' },
      { member: FIRST.host, link: await portOf('container2') },
      { member: FIRST.host, link: 'eth0', container: 'container2' },
    ];
    const seen = await capture(lab, points, () => pings(lab, 'container1', '10.10.14.2'));
    const frames = seen.map((packets) => packets.find(({ what }) => what === 'echo request'));
    for (const frame of frames) expect(frame).toMatchObject({ from: '10.10.15.2', to: '10.10.14.2' });
    const macs = frames.map((frame) => [frame?.fromMac, frame?.toMac]);
    // The same frame up to the bridge, another between the hosts, and another from the other bridge on.
    const [own, , bridge, wire, arrived, , , end] = macs;
    expect([macs[1], bridge]).toEqual([own, own]);
    expect(arrived).toEqual(wire);
    expect(wire).not.toEqual(own);
    expect([macs[5], macs[6]]).toEqual([end, end]);
    expect(end).not.toEqual(wire);
  });

  it('between hosts nobody is masqueraded, and towards the internet everybody, where the answer finds its way back', async () => {
    const { lab } = up;
    await removeContainers(lab, 'web');
    await runWeb(lab, 'web', FIRST.host, 80);
    const { status } = await viewOf(lab, 'web');
    const points = [
      { member: SECOND.host, link: 'cwy0' },
      { member: SECOND.host, link: 'eth0' },
    ];
    const near = await capture(lab, points, () =>
      fetches(lab, 'container1', `http://${status?.address}/hello`),
    );
    for (const packets of near)
      expect(packets).toContainEqual(expect.objectContaining({ from: '10.10.15.2', to: status?.address }));
    const [inner, outer] = await capture(lab, points, () => pings(lab, 'container1', INTERNET));
    const request = { to: INTERNET, what: 'echo request' };
    expect(inner).toContainEqual(expect.objectContaining({ ...request, from: '10.10.15.2' }));
    // The lab's machines have another address on the link, which is the first: masquerading takes that of the route.
    const [route] = JSON.parse(await output(lab, SECOND.host, 'ip', '-j', 'route', 'get', INTERNET));
    expect(outer).toContainEqual(expect.objectContaining({ ...request, from: route.prefsrc }));
    const reply = { from: INTERNET, to: '10.10.15.2', what: 'echo reply' };
    expect(inner).toContainEqual(expect.objectContaining(reply));
    await removeContainers(lab, 'web');
  });

  async function portOf(name: string): Promise<string> {
    const { host } = await viewOf(up.lab, name);
    const [own] = JSON.parse(await inNetworkOf(up.lab, name, 'ip', '-j', 'link', 'show', 'eth0'));
    const links: { ifindex: number; ifname: string }[] = JSON.parse(
      await output(up.lab, host, 'ip', '-j', 'link'),
    );
    return links.find((link) => link.ifindex === own.link_index)?.ifname ?? '';
  }
});
