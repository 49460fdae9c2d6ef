import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, running, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig({ wanted: { networkIpv6: 'fd00:10::/48' } });
  await rig.ask('POST', '/v1/services', {
    name: 'a',
    vip: ['2.2.2.2', 'fd00:99::2'],
    ports: [{ port: 80, nodePort: 30001 }],
  });
  await rig.settled();
});

afterEach(() => rig.close());

const check = async () => (await rig.ask('GET', '/v1/ipam/check')).body;

async function findings(): Promise<readonly string[]> {
  const { ok, findings } = await check();
  expect(ok).toBe(findings.length === 0);
  return findings;
}

/** Rewrites a service past the controller. */
function rewrite(change: object, name = 'a'): void {
  const spec = JSON.parse(rig.store.dump()[keys.serviceSpec('a')] ?? '');
  rig.store.put(keys.serviceSpec(name), { ...spec, name, ...change });
}

it('finds nothing in a cluster where everything is in order, and says what it looked at', async () => {
  expect(await check()).toEqual({
    ok: true,
    findings: [],
    checked: {
      ...{ services: 1, vips: 2, nodePorts: 1, subnets: 2, reservations: 0 },
      ...{ containers: 1, publishedPorts: 0, hosts: 0 },
    },
    unasked: [
      'host-1 could not be asked what its containers have: no agent answers there (it does not run, serves no API, or is of an older version)',
    ],
  });
});

describe('finds', () => {
  it.each<[string, () => void, string[]]>([
    [
      'what is recorded for nobody',
      () => {
        rig.store.put(keys.vip('10.96.3.3'), 'gone');
        rig.store.put(keys.nodePort('udp', 30005), 'a');
      },
      [
        'NodePort udp/30005 is recorded for service "a", which does not have it: it is leaked',
        'VIP 10.96.3.3 is recorded for service "gone", which does not exist: it is leaked',
      ],
    ],
    [
      'what is not recorded, or for another',
      () => {
        rig.store.remove(keys.vip('fd00:99::2'));
        rig.store.put(keys.nodePort('tcp', 30001), 'b\n');
      },
      [
        'NodePort tcp/30001 is recorded for service "b\\n", which does not exist: it is leaked',
        'NodePort tcp/30001 of service "a" is recorded for service "b\\n"',
        'VIP fd00:99::2 of service "a" is not recorded, so it could be given away again',
      ],
    ],
    [
      'what two services have',
      () => {
        rewrite({ ports: [{ name: '', protocol: 'tcp', port: 80, targetPort: 80 }] }, 'b');
      },
      [
        'VIP 2.2.2.2 is doubled: services "a" and "b" have it',
        'VIP 2.2.2.2 of service "b" is recorded for service "a"',
        'VIP fd00:99::2 is doubled: services "a" and "b" have it',
        'VIP fd00:99::2 of service "b" is recorded for service "a"',
      ],
    ],
    [
      'endpoints without a service',
      () => void rig.store.put(keys.serviceEndpoints('z'), { service: 'z', endpoints: [], unresolved: [] }),
      ['the endpoints of service "z" are left over: it does not exist'],
    ],
    [
      'what is out of range',
      () => {
        rig.store.put(
          keys.settings,
          encode({ serviceRange: '10.96.0.0/16', nodePortMin: 31000, nodePortMax: 31999 }),
        );
        rewrite({ vips: ['10.10.7.7', 'fd00:99::2'] });
        rig.store.remove(keys.vip('2.2.2.2'));
        rig.store.put(keys.vip('10.10.7.7'), 'a');
      },
      [
        'NodePort tcp/30001 of service "a" is out of range: 31000-31999 are NodePorts',
        'VIP 10.10.7.7 of service "a" is out of range: it is inside the container network 10.10.0.0/16',
      ],
    ],
    [
      'claims without leases and leases without claims',
      () => {
        rig.store.remove(keys.claim('10.10.1.0/24'));
        rig.store.put(keys.claim('10.10.2.0/24'), 'id-9');
        rig.store.put(keys.claim('10.10.7.0/24'), 'id-1');
      },
      [
        'subnet 10.10.1.0/24 of host "host-1" is leased without a claim, so it could be leased again',
        'subnet 10.10.2.0/24 of host "host-2" is claimed by the host of id "id-9"',
        'subnet 10.10.7.0/24 is claimed by the host of id "id-1", which does not lease it: it is leaked',
      ],
    ],
    [
      'subnets that overlap, and those of no network',
      () => {
        const [ipv4] = [host(3).ipv4 ?? expect.fail('no IPv4')];
        addHost(rig.store, { ...host(3), ipv4: { ...ipv4, subnet: '10.10.2.0/25' } });
        addHost(rig.store, { ...host(4), ipv4: { ...ipv4, subnet: '10.20.4.0/24' } });
      },
      [
        'subnet 10.10.2.0/25 is doubled: host "host-3" leases it, and host "host-2" 10.10.2.0/24',
        'subnet 10.10.2.0/25 of host "host-3" is out of range: it is none of the network\'s',
        'subnet 10.20.4.0/24 of host "host-4" is out of range: it is none of the network\'s',
      ],
    ],
    [
      'reservations of what another host leases, and of no network',
      () => {
        rig.store.put(keys.reservation('10.10.1.0/24'), encode({ subnet: '10.10.1.0/24', node: 'host-2' }));
        rig.store.put(keys.reservation('10.20.1.0/24'), encode({ subnet: '10.20.1.0/24', node: 'host-2' }));
      },
      [
        'reservation 10.20.1.0/24 of host "host-2" is not a subnet of the network: svcctl node release host-2',
        'subnet 10.10.1.0/24 is leased by host "host-1", and 10.10.1.0/24 is reserved for host "host-2"',
      ],
    ],
    [
      'ports and addresses that are recorded for no container, or for none that has them',
      () => {
        const holders = [{ container: 'web-1', host: 'host-1' }];
        rig.store.put(keys.published('tcp', 8080), encode({ holders }));
        rig.store.put(keys.containerAddress('10.10.1.7'), 'gone');
      },
      [
        'published port tcp/8080 of host-1 is recorded for container "web-1", which does not have it: it is leaked',
        'chosen address 10.10.1.7 is recorded for container "gone", which does not exist: it is leaked',
      ],
    ],
    [
      'ports and addresses that two containers have',
      () => {
        const box = (name: string, more: object) =>
          rig.store.put(keys.container(name), { name, host: 'host-1', command: ['x'], files: {}, ...more });
        const port = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
        box('a', { publish: [port] });
        box('b', { publish: [{ ...port, address: '192.168.122.11' }] });
        const holders = [
          { container: 'a', host: 'host-1' },
          { container: 'b', host: 'host-1', address: '192.168.122.11' },
        ];
        rig.store.put(keys.published('tcp', 8080), encode({ holders }));
        rig.store.put(keys.containerStatus('a'), encode(running('a', 'host-1', '10.10.1.2')));
        // Whoever shares another's network has no address of its own.
        box('c', { network: { kind: 'container', container: 'web-1' } });
        rig.store.put(keys.containerStatus('c'), encode(running('c', 'host-1', '10.10.1.2')));
      },
      [
        'published port tcp/8080 of host-1 is doubled: containers "a" and "b" have it',
        'address 10.10.1.2 is doubled: containers "a" and "web-1" have it',
      ],
    ],
    [
      'containers that hosts have and should not, and addresses of no subnet of theirs',
      () => {
        rig.store.put(keys.containerStatus('gone'), encode(running('gone', 'host-2', '10.10.2.9')));
        rig.store.put(keys.containerStatus('web-1'), encode(running('web-1', 'host-1', '10.10.2.2')));
      },
      [
        'container "gone" does not exist, and host-2 still has something of it',
        'address 10.10.2.2 of container "web-1" is out of range: host-1 leases 10.10.1.0/24',
      ],
    ],
    [
      'what cannot be read, and nothing leaked by it',
      () => void rig.store.put(keys.serviceSpec('a'), '}{'),
      [expect.stringMatching(/^reading etcd key .*\/services\/a\/spec: .*; what it has is not known$/)],
    ],
  ])('%s', async (_what, break_, expected) => {
    break_();
    await rig.settled();
    expect([...(await findings())].sort()).toEqual([...expected].sort());
  });
});

it('takes no change that happens meanwhile for a fault', async () => {
  const listed = rig.store.list.bind(rig.store);
  let changed: Promise<void> | undefined;
  const change = async () => {
    await rig.ask('POST', '/v1/services', { name: 'b', vip: '3.3.3.3', ports: [{ port: 80 }] });
    await rig.ask('DELETE', '/v1/services/a');
  };
  // Of the first look the services are older than what is recorded for them: one came in between, and one went.
  rig.store.list = (prefix) => {
    if (prefix === keys.servicePrefix && changed === undefined) {
      const found = listed(prefix);
      changed = found.then(change);
      return found;
    }
    return prefix === keys.allocationPrefix ? (changed ?? fail()).then(() => listed(prefix)) : listed(prefix);
  };
  const fail = () => expect.fail('allocations are read before services');
  expect(await findings()).toEqual([]);
});
