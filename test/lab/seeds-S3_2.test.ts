import { once } from 'node:events';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { GenericContainer, type StartedTestContainer } from 'testcontainers';
import { beforeAll, describe, expect, it } from 'vitest';
import { startContainerd } from '../support/containerd.ts';
import { startDocker, useTestcontainers } from '../support/docker-engine.ts';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { capture } from '../support/packet-trace.ts';
import { busyboxTar } from '../support/root-tar.ts';
import { fetches, pings, removeContainers, runContainer, viewOf } from '../support/seeds.ts';

/**
 * The text "the whole way of a packet" (S3): a container that a real Docker engine made with `--network none` is
 * connected, and what goes wrong on its way is looked for in the text's order.
 */
const up = useLab({ name: 'seed-s3', hosts: 2 });
const HOST = 'host-1';
const IMAGE = 'local/busybox:1';
const INTERNET = '203.0.113.8';
const PATIENT = { timeout: 30_000, interval: 50 };
let docker: StartedTestContainer;
let tar: Buffer;

beforeAll(async () => {
  const { lab } = up;
  const engine = await startDocker(lab, HOST);
  tar = await busyboxTar('sh', 'sleep', 'ip', 'httpd', 'ping');
  await engine.import(IMAGE, tar);
  useTestcontainers(engine);
  docker = await new GenericContainer(IMAGE)
    .withNetworkMode('none')
    .withCommand(['httpd', '-f', '-p', '80', '-h', '/'])
    .start();
});

describe('S3: a Docker container with --network none', () => {
  const target = () => `docker:${docker.getId().slice(0, 12)}`;

  it('has loopback alone', async () => {
    expect((await docker.exec(['ip', '-o', 'link'])).output.trim().split('\n')).toHaveLength(1);
  });

  it('is given eth0, an address, a default route and a port of the bridge by one command', async () => {
    const { lab } = up;
    await svcctl(lab, 'attach', target(), '--host', HOST, '--name', 'test', '--label', 'app=s3', '--wait');
    const { status } = await viewOf(lab, 'test');
    const seen = (await docker.exec(['sh', '-c', 'ip -o address; ip route'])).output;
    expect(seen).toMatch(`eth0    inet ${status?.address}/24`);
    expect(seen).toMatch(/default via 10\.10\.\d+\.1 dev eth0/);
    const ports = await output(lab, HOST, 'ip', '-br', 'link', 'show', 'master', 'cwy0');
    expect(ports.split('\n')).toHaveLength(3);
  });

  it('reaches other hosts’ containers and the internet, and has a place in the services', async () => {
    const { lab } = up;
    const web2 = (await lab.containers()).find(({ name }) => name === 'web-2')?.address ?? '';
    for (const address of [web2, INTERNET]) expect(await pings(lab, 'test', address)).toBe(true);
    await svcctl(lab, 'expose', '2.2.2.2:80', '--name', 's3', '--selector', 'app=s3', '--wait');
    await expect.poll(() => fetches(lab, 'client', 'http://2.2.2.2:80/bin/nothing'), PATIENT).toMatch(/404/);
    await svcctl(lab, 'unexpose', 's3', '--wait');
  });

  it('is not attached a second time, nor is one that shares the host’s network', async () => {
    const { lab } = up;
    const again = await lab.svcctl([
      'attach',
      target(),
      '--host',
      HOST,
      '--name',
      'again',
      '--wait',
      '--timeout',
      '20s',
    ]);
    expect(again.stderr).toMatch(/already|test/);
    expect(again.exitCode).not.toBe(0);
    await removeContainers(lab, 'again');
    const own = lab.spawn(HOST, ['sh', '-c', 'echo $$; exec sleep 1000000']);
    const [pid] = await once(own.stdout, 'data');
    const attach = ['attach', `pid:${`${pid}`.trim()}`, '--host', HOST, '--name', 'whole'];
    const shared = await lab.svcctl([...attach, '--wait', '--timeout', '20s']);
    own.kill();
    expect(shared.exitCode).not.toBe(0);
    expect(shared.stderr).toMatch(/own|namespace/);
    await removeContainers(lab, 'whole');
  });

  it('is let go by detach, and goes on without eth0', async () => {
    await svcctl(up.lab, 'detach', 'test');
    const links = async () => (await docker.exec(['ip', '-o', 'link'])).output.trim().split('\n').length;
    await expect.poll(links, PATIENT).toBe(1);
    expect((await up.lab.api.ask('GET', '/v1/containers/test')).status).toBe(404);
  });

  it('that dies loses its link, address and place by itself', async () => {
    const { lab } = up;
    await svcctl(lab, 'attach', target(), '--host', HOST, '--name', 'test', '--wait');
    await docker.stop({ remove: false });
    await expect.poll(async () => (await viewOf(lab, 'test')).status?.state, PATIENT).toBe('detached');
    const ports = async () =>
      (await output(lab, HOST, 'ip', '-br', 'link', 'show', 'master', 'cwy0')).split('\n').length;
    await expect.poll(ports, PATIENT).toBe(2);
    await svcctl(lab, 'detach', 'test');
  });
});

describe('S3: a containerd container', () => {
  it('is attached by its id, and detached', async () => {
    const { lab } = up;
    const containerd = await startContainerd(lab, HOST);
    await containerd.import(IMAGE, tar);
    await containerd.run('plain', IMAGE, 'sleep', '1000000');
    await svcctl(lab, 'attach', 'containerd:plain', '--host', HOST, '--name', 'plain', '--wait');
    expect(await pings(lab, 'plain', INTERNET)).toBe(true);
    await svcctl(lab, 'detach', 'plain');
    await containerd.remove('plain');
  });
});

describe.each(DATAPLANES)('S3: what goes wrong is looked for in order, with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    await removeContainers(lab, 'asker');
    await runContainer(lab, 'asker', {
      host: HOST,
      flags: ['--publish', '9991:80'],
      command: ['httpd', '-f', '-p', '80', '-h', '/'],
    });
  });

  it('what tcpdump would show at the container’s eth0, its host’s veth, the bridge and the physical link: the packet passes each', async () => {
    const { lab } = up;
    const index = await output(
      lab,
      HOST,
      'nsenter',
      '-t',
      `${(await viewOf(lab, 'asker')).status?.pid}`,
      '-n',
      'ip',
      '-j',
      'link',
      'show',
      'eth0',
    );
    const links: { ifindex: number; ifname: string }[] = JSON.parse(
      await output(lab, HOST, 'ip', '-j', 'link'),
    );
    const veth = links.find(({ ifindex }) => ifindex === JSON.parse(index)[0].link_index)?.ifname ?? '';
    const points = [
      { member: HOST, link: 'eth0', container: 'asker' },
      ...[veth, 'cwy0', 'eth0'].map((link) => ({ member: HOST, link })),
    ];
    const seen = await capture(lab, points, () => pings(lab, 'asker', INTERNET));
    const own = (await viewOf(lab, 'asker')).status?.address ?? '';
    const senders = seen.map((packets) => packets.find(({ what }) => what === 'echo request')?.from);
    expect(senders).toEqual([own, own, own, lab.addressOf(HOST)]);
  });

  it('then the NAT rules, which net inspect shows: the masquerade and the host’s port', async () => {
    const rules = await svcctl(up.lab, 'net', 'inspect', HOST);
    expect(rules).toMatch(/masquerade/i);
    expect(rules).toMatch(/9991/);
  });

  it('then ip_forward, without which nothing leaves, and which the agent switches on again', async () => {
    const { lab } = up;
    expect(await svcctl(lab, 'net', 'inspect', HOST)).toMatch(/ip_forward\D+1/);
    await output(lab, HOST, 'sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward');
    await expect.poll(() => output(lab, HOST, 'cat', '/proc/sys/net/ipv4/ip_forward'), PATIENT).toBe('1');
    expect(await pings(lab, 'asker', INTERNET)).toBe(true);
  });

  it('a port of the host leads to the container for outside callers', async () => {
    expect(await fetches(up.lab, 'client', `http://${up.lab.addressOf(HOST)}:9991/bin/nothing`)).toMatch(
      /404/,
    );
  });
});

describe('S3: macvlan', () => {
  it('a container on the physical link itself, a neighbour of the host’s neighbours, without rules of its own', async () => {
    const { lab } = up;
    await svcctl(
      lab,
      'run',
      'fast',
      '--host',
      HOST,
      '--network',
      'macvlan:eth0',
      '--address',
      '192.168.122.50/24',
      '--gateway',
      '192.168.122.1',
      '--wait',
      '--',
      'httpd',
      '-f',
      '-p',
      '80',
      '-h',
      '/',
    );
    expect(await fetches(lab, 'client', 'http://192.168.122.50/bin/nothing')).toMatch(/404/);
    expect(await pings(lab, 'fast', INTERNET)).toBe(true);
    const neighbour = await output(lab, 'client', 'ip', 'neighbour', 'show', '192.168.122.50');
    const eth0 = JSON.parse(await output(lab, HOST, 'ip', '-j', 'link', 'show', 'eth0'))[0].address;
    expect(neighbour).toMatch(/lladdr/);
    expect(neighbour).not.toContain(eth0);
    await removeContainers(lab, 'fast');
  });
});
