import { describe, expect, it } from 'vitest';
import { boxesOf, useRigWithImage } from '../../test/support/controller-uses.ts';

const own = useRigWithImage();
const { refusal } = boxesOf(own);

describe('is refused in one sentence:', () => {
  it.each<[object, string, string]>([
    [{ image: 'web' }, 'image', 'image "web" is not an image of this cluster: it has busybox, web:2'],
    [{ image: '' }, 'image', 'image "" is not an image'],
    [
      { image: { name: 'web:2', digest: `sha256:${'c'.repeat(64)}` } },
      'image.digest',
      'is not what image "web:2" is',
    ],
    [{ cpus: 0 }, 'cpus', 'cpus 0 is not a number of processors'],
    [
      { memoryBytes: 4096 },
      'memoryBytes',
      'memoryBytes 4096 is not a limit: a whole number of bytes, 6291456',
    ],
    [{ user: 'a b' }, 'user', 'user "a b" is not a user'],
    [{ user: '4294967295' }, 'user', 'has a number above 4294967294'],
    [{ workdir: 'srv' }, 'workdir', 'workdir "srv" is not an absolute path'],
    [{ workdir: '/srv/../x' }, 'workdir', 'workdir "/srv/../x" is not an absolute path without'],
    [{ hostname: 'a_b' }, 'hostname', 'hostname "a_b" is not a host name'],
    [{ env: { 'A=B': 'x' } }, 'env', 'has "A=B", which is not a variable\'s name'],
    [{ env: { A: 'x\0' } }, 'env.A', 'holds a NUL character'],
    [{ restart: 'sometimes' }, 'restart', 'restart "sometimes" is not a restart policy'],
    [{ stopSeconds: 4000 }, 'stopSeconds', 'stopSeconds 4000 is not a time'],
    [{ mounts: ['/srv/www'] }, 'mounts[0]', 'mounts[0] "/srv/www" is not a mount'],
    [{ mounts: ['srv:/www'] }, 'mounts[0].source', 'is not an absolute path without'],
    [{ mounts: ['/srv:/'] }, 'mounts[0].destination', 'is the root'],
    [{ mounts: ['/srv:/proc/x'] }, 'mounts[0].destination', "lies where the kernel's own file systems are"],
    [{ mounts: ['/a:/x', '/b:/x'] }, 'mounts[1].destination', 'is where "/a" is mounted already'],
    [{ mounts: ['/a:/x'], files: { '/x/y': '' } }, 'files', 'files "/x/y" lies in "/x", which is mounted'],
    [{ publish: ['80'] }, 'publish[0]', 'publish[0] "80" is not a published port: text such as'],
    [{ publish: ['0:80'] }, 'publish[0]', 'is not a published port'],
    [{ publish: ['80:80/icmp'] }, 'publish[0]', 'is not a published port'],
    [{ publish: [{ hostPort: 0, containerPort: 1 }] }, 'publish[0].hostPort', 'is not a port'],
    [{ publish: ['127.0.0.1:80:80'] }, 'publish[0]', 'publish[0] "127.0.0.1:80:80" is a loopback address'],
    [{ publish: ['x:80:80'] }, 'publish[0]', 'has an address that is none of a host'],
    [{ publish: ['0.0.0.0:80:80'] }, 'publish[0]', 'leave it out to publish at all of them'],
    [{ publish: ['[::]:80:80'] }, 'publish[0]', 'leave it out to publish at all of them'],
    [
      { publish: ['192.168.122.12:80:80'] },
      'publish[0]',
      'is no address of host host-1: it has 192.168.122.11',
    ],
    [
      { publish: ['80:80', '192.168.122.11:80:81'] },
      'publish[1]',
      'publish[1] "192.168.122.11:80:81" publishes what "80:80" publishes already',
    ],
    [{ publish: ['80:80'], network: 'host' }, 'publish[0]', 'is not possible with the network mode host'],
    [{ network: 'overlay' }, 'network', 'network "overlay" is not a network mode'],
    [{ network: { kind: 'overlay' } }, 'network.kind', 'network.kind "overlay" is not a network mode'],
    [{ network: { kind: 'host', mac: 'x' } }, 'network.mac', 'is not a known field of network'],
    [{ network: 'container:box' }, 'network.container', 'network.container "box" is the container itself'],
    [{ network: 'container:nobody' }, 'network.container', 'names no container'],
    [
      { network: 'container:web-1', host: 'host-2' },
      'network.container',
      'is on host-1, and only containers of one',
    ],
    [{ network: 'p2p:box' }, 'network.peer', 'is the container itself'],
    [{ network: 'macvlan:cwy0' }, 'network.device', 'is a link of Causeway'],
    [{ network: 'macvlan:a/b' }, 'network', 'is not a network mode'],
    [
      { network: { kind: 'bridge', address: '10.10.2.5' } },
      'network.address',
      'is not in 10.10.1.0/24, the subnet',
    ],
    [
      { network: { kind: 'bridge', address: '10.10.1.1' } },
      'network.address',
      'is the gateway of 10.10.1.0/24',
    ],
    [
      { network: { kind: 'bridge', address: '10.10.1.0' } },
      'network.address',
      'is the address of the network',
    ],
    [{ network: { kind: 'bridge', address: '10.10.1.255' } }, 'network.address', 'is the broadcast address'],
    [{ network: { kind: 'bridge', address: 'fd00::5' } }, 'network.address', 'is not an IPv4 address'],
    [
      { network: { kind: 'bridge', ipv6Address: 'fd00:10::5' } },
      'network.ipv6Address',
      'has no IPv6 subnet yet',
    ],
    [{ network: { kind: 'bridge', mac: '01:00:00:00:00:01' } }, 'network.mac', 'is not a link-layer address'],
    [macvlan(['192.168.122.50']), 'network.addresses[0]', 'is not an address with a prefix length'],
    [macvlan(['192.168.122.0/24']), 'network.addresses[0]', 'is the address of the network'],
    [macvlan(['192.168.122.12/24']), 'network.addresses[0]', 'is an address of host host-2'],
    [macvlan(['10.10.1.50/24']), 'network.addresses[0]', 'is inside the container network'],
    [macvlan(['192.168.122.50/24', '192.168.122.51/24']), 'network.addresses[1]', 'is a second IPv4 address'],
    [macvlan(['192.168.122.50/24'], ['10.0.0.1']), 'network.gateways[0]', 'is not in 192.168.122.0/24'],
    [macvlan([], ['10.0.0.1']), 'network.gateways[0]', 'needs an IPv4 address'],
  ])('%j', async (changes, field, sentence) => {
    const answer = await refusal(changes);
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(sentence);
  });

  it.each<[object, string]>([
    [
      { network: { kind: 'bridge', address: '10.10.1.2' } },
      'network.address "10.10.1.2" is the address of container "web-1"',
    ],
    [
      { network: { kind: 'bridge', mac: '0A:58:0a:0a:01:02' } },
      'network.mac "0a:58:0a:0a:01:02" is the link-layer address of container "web-1"',
    ],
    [
      { network: { kind: 'bridge', mac: '0a:58:0a:0a:01:01' } },
      'network.mac "0a:58:0a:0a:01:01" is the link-layer address of the bridge of host-1',
    ],
    [{ name: 'db' }, 'name "db" is taken by a workload'],
    [{ name: 'web-1', command: ['nc'] }, 'name "web-1" is taken by another container, on host-1'],
  ])('%j is another’s', async (changes, sentence) => {
    await own.rig.ask('POST', '/v1/workloads', { name: 'db', addresses: ['203.0.113.9'] });
    const answer = await refusal(changes);
    expect(answer.status).toBe(409);
    expect(answer.detail).toContain(sentence);
  });

  it('a link-layer address is one container’s of a bridge, and of the hosts’ links', async () => {
    const mac = '02:00:00:00:00:77';
    const ask = (name: string, host: string, network: object) =>
      own.rig.ask('POST', '/v1/containers', {
        ...{ name, host, command: ['x'] },
        network: { mac, ...network },
      });
    const outside = (address: string) => ({ kind: 'macvlan', device: 'eth0', addresses: [address] });
    expect((await ask('a', 'host-1', { kind: 'bridge' })).status).toBe(201);
    expect((await ask('b', 'host-2', { kind: 'bridge' })).status).toBe(201);
    expect((await ask('c', 'host-1', outside('192.168.122.50/24'))).status).toBe(201);
    for (const [network, whose] of [
      [{ kind: 'bridge' }, 'a'],
      [outside('192.168.122.51/24'), 'c'],
    ] as const)
      expect(await ask('d', 'host-1', network)).toMatchObject({
        ...{ status: 409 },
        body: { field: 'network.mac', detail: expect.stringContaining(`address of container "${whose}"`) },
      });
  });

  function macvlan(addresses: readonly string[], gateways: readonly string[] = []): object {
    return { network: { kind: 'macvlan', device: 'eth0', addresses, gateways } };
  }
});
