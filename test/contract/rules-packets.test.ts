import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';
import { wantedSysctls } from '../../shared/src/desired/sysctls.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { intentOf, TEST_SERVICE } from '../support/intents.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import { type Answers, CLIENT, LONG_CLIENT, SERVER } from '../support/talk.ts';

/**
 * One host with the rules (the world's own namespace), two containers on its bridge, and on the hosts' network a
 * second host, whose container is an address of its own, and an outside client.
 */
const TOPOLOGY = `
ip link add cwy0 type bridge
ip address add 10.10.1.1/24 dev cwy0
ip link set cwy0 up
for i in 2 3; do
  ip netns add c$i
  ip link add c$i type veth peer name eth0 netns c$i
  ip link set c$i master cwy0 up
  bridge link set dev c$i hairpin on
  ip -n c$i address add 10.10.1.$i/24 dev eth0
  ip -n c$i link set eth0 up
  ip -n c$i link set lo up
  ip -n c$i route add default via 10.10.1.1
done
ip netns add lan
ip -n lan link add lan type bridge
ip -n lan link set lan up
ip link add eth0 type veth peer name lan-host netns lan
ip -n lan link set lan-host master lan up
ip address add 192.168.122.11/24 dev eth0
ip link set eth0 up
for pair in peer:12 client:200; do
  name=\${pair%:*}
  ip netns add $name
  ip link add eth0 netns $name type veth peer name lan-$name netns lan
  ip -n lan link set lan-$name master lan up
  ip -n $name address add 192.168.122.\${pair#*:}/24 dev eth0
  ip -n $name link set eth0 up
  ip -n $name link set lo up
  ip -n $name route add 10.10.1.0/24 via 192.168.122.11
done
ip -n peer address add 10.10.2.2/32 dev lo
ip route add 10.10.2.0/24 via 192.168.122.12
ip route add default via 192.168.122.12
ip -n client route add default via 192.168.122.11
`;

const SYSCTLS = wantedSysctls({
  ...{ name: 'host-1', id: 'x', iface: 'eth0', mtu: 1500 },
  ...{ publicIp: '192.168.122.11', ifaceSubnet: '192.168.122.0/24' },
});

const INTENT = intentOf([
  { ...TEST_SERVICE, endpoints: [at('10.10.1.3'), at('10.10.2.2')] },
  {
    ...{ id: 'udp', vip: '2.2.2.2', protocol: 'udp', port: 88 },
    nodePort: 30001,
    endpoints: [at('10.10.1.3')],
  },
  {
    ...{ id: 'self', vip: '10.96.0.2', protocol: 'tcp', port: 80 },
    nodePort: 30002,
    endpoints: [at('10.10.1.2')],
  },
  { ...{ id: 'idle', vip: '10.96.0.3', protocol: 'tcp', port: 80 }, nodePort: 30003, endpoints: [] },
  { ...{ id: 'idle-udp', vip: '10.96.0.3', protocol: 'udp', port: 80 }, nodePort: 30003, endpoints: [] },
]);

function at(address: string) {
  return { address, port: 12345 };
}

describe.each([
  { name: 'nftables', ruleset: nftables, restore: ['nft', '-f', '-'] },
  ...['nft', 'legacy'].map((variant) => ({
    name: `iptables-${variant}`,
    ruleset: iptables,
    restore: [`iptables-${variant}-restore`, '--noflush'],
  })),
])('packets through $name', ({ ruleset, restore }) => {
  let world: Netns;
  const apply = async (input: string) => {
    const [command = '', ...args] = restore;
    await world.exec(command, args, { input });
  };

  beforeAll(async () => {
    world = await openNetns();
    await world.sh(TOPOLOGY);
    for (const [path, value] of Object.entries(SYSCTLS)) await world.sh(`echo ${value} > /proc/sys/${path}`);
    await apply(ruleset.full(INTENT));
    for (const name of ['c2', 'c3', 'peer'])
      await world.start('ip', ['netns', 'exec', name, process.execPath, '-e', SERVER, name, '12345']);
  });
  afterAll(() => world.close());

  /** @param from a namespace; `host` is the one with the rules */
  async function ask(from: string, target: string, n = 4): Promise<Answers> {
    const [protocol = '', host = '', port = ''] = target.split(/[ :]/);
    const client = [process.execPath, '-e', CLIENT, protocol, host, port, String(n)];
    const { stdout } =
      from === 'host'
        ? await world.exec(client[0] ?? '', client.slice(1))
        : await world.exec('ip', ['netns', 'exec', from, ...client]);
    return JSON.parse(stdout) as Answers;
  }

  async function answers(from: string, target: string, n?: number): Promise<string[]> {
    return Object.keys((await ask(from, target, n)).answers).sort();
  }

  it('spreads a container’s connections evenly, and keeps its address', async () => {
    const { answers: found } = await ask('c2', 'tcp 2.2.2.2:88', 400);
    expect(Object.keys(found).sort()).toEqual(['c3 sees 10.10.1.2', 'peer sees 10.10.1.2']);
    // Binomial with a deviation of 10: six of them off happens in one run of 500 million.
    for (const count of Object.values(found)) expect(Math.abs(count - 200)).toBeLessThan(60);
  });

  it('masquerades a host and an outside client on their way to a VIP', async () => {
    const both = ['c3 sees 10.10.1.1', 'peer sees 192.168.122.11'];
    expect(await answers('host', 'tcp 2.2.2.2:88', 40)).toEqual(both);
    expect(await answers('client', 'tcp 2.2.2.2:88', 40)).toEqual(both);
  });

  it('serves a NodePort to the host itself, to an outside client and to containers, not on 127.0.0.1', async () => {
    const both = ['c3 sees 10.10.1.1', 'peer sees 192.168.122.11'];
    expect(await answers('host', 'tcp 192.168.122.11:30001', 40)).toEqual(both);
    expect(await answers('client', 'tcp 192.168.122.11:30001', 40)).toEqual(both);
    expect(await answers('c2', 'tcp 192.168.122.11:30001', 40)).toEqual([
      'c3 sees 10.10.1.2',
      'peer sees 10.10.1.2',
    ]);
    expect(await answers('host', 'tcp 127.0.0.1:30001')).toEqual(['ECONNREFUSED']);
  });

  it('keeps protocols apart: the same VIP, port and NodePort by UDP', async () => {
    expect(await answers('c2', 'udp 2.2.2.2:88')).toEqual(['c3 sees 10.10.1.2']);
    expect(await answers('host', 'udp 2.2.2.2:88')).toEqual(['c3 sees 10.10.1.1']);
    expect(await answers('client', 'udp 192.168.122.11:30001')).toEqual(['c3 sees 10.10.1.1']);
  });

  it('lets a container reach itself through VIP and NodePort', async () => {
    expect(await answers('c2', 'tcp 10.96.0.2:80')).toEqual(['c2 sees 10.10.1.1']);
    expect(await answers('c2', 'tcp 192.168.122.11:30002')).toEqual(['c2 sees 10.10.1.1']);
  });

  it.each(['c2', 'host', 'client'])('refuses at once what a live VIP does not serve, to %s', async (from) => {
    const targets = ['tcp 2.2.2.2:89', 'udp 2.2.2.2:89', 'tcp 10.96.0.3:80', 'udp 10.96.0.3:80'];
    for (const target of [...targets, 'tcp 192.168.122.11:30003', 'udp 192.168.122.11:30003']) {
      const { answers: found, slowestMs } = await ask(from, target, 1);
      expect({ target, found }).toEqual({ target, found: { ECONNREFUSED: 1 } });
      expect(slowestMs).toBeLessThan(500);
    }
  });

  it('drops what is for an address of the service range that no service has', async () => {
    expect(await answers('c2', 'tcp 10.96.9.9:80', 1)).toEqual(['silence']);
    expect(await answers('client', 'tcp 10.96.9.9:80', 1)).toEqual(['silence']);
  });

  it('translates no address between containers, nor of a client that asks a container’s own host', async () => {
    expect(await answers('c2', 'tcp 10.10.1.3:12345')).toEqual(['c3 sees 10.10.1.2']);
    expect(await answers('c2', 'tcp 10.10.2.2:12345')).toEqual(['peer sees 10.10.1.2']);
    expect(await answers('client', 'tcp 10.10.1.3:12345')).toEqual(['c3 sees 192.168.122.200']);
  });

  it('masquerades containers towards the outside, and outsiders towards containers of another host', async () => {
    expect(await answers('c2', 'tcp 192.168.122.12:12345')).toEqual(['peer sees 192.168.122.11']);
    expect(await answers('client', 'tcp 10.10.2.2:12345')).toEqual(['peer sees 192.168.122.11']);
  });

  it('keeps connections through every change of the rules, down to none and back', async () => {
    const long = async (from: string, host: string, port: string, path: string) => {
      await world.sh(`mkfifo ${path}.ask ${path}.answer`);
      const first = await world.start('ip', [
        ...['netns', 'exec', from, process.execPath, '-e', LONG_CLIENT, host, port, path],
      ]);
      return { first, again: async () => (await world.sh(`echo > ${path}.ask; cat ${path}.answer`)).stdout };
    };
    const connections = [
      await long('c2', '2.2.2.2', '88', '/run/a'),
      await long('client', '2.2.2.2', '88', '/run/b'),
      await long('client', '192.168.122.11', '30001', '/run/c'),
      await long('c2', '10.96.0.2', '80', '/run/d'),
    ];
    const list = async () => {
      if (restore[0] === 'nft') return (await world.sh('nft -j list table ip causeway')).stdout;
      const save = `${restore[0]?.replace('restore', 'save')}`;
      return (await world.sh(`${save} -t nat; ${save} -t filter`)).stdout;
    };
    const none = intentOf([]);
    const steps: readonly (readonly [FirewallIntent, () => Promise<string>])[] = [
      [none, async () => ruleset.change(INTENT, none)],
      [INTENT, async () => ruleset.change(none, INTENT)],
      [INTENT, async () => ruleset.full(INTENT, await list())],
    ];
    for (const [intent, input] of steps) {
      await apply(await input());
      expect(ruleset.drift(intent, await list())).toEqual([]);
      for (const { first, again } of connections) expect(await again()).toBe(first);
    }
  });
});
