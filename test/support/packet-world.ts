import type { Family } from '../../shared/src/net/family.ts';
import { type Netns, openNetns } from './netns.ts';
import { type Answers, SERVER } from './talk.ts';
import { ALL_REFUSALS, type Kept, TALKER_COMMAND, type Talker, talkerOf } from './talker.ts';

/** Who is who in a packet world. */
export const PLACES = {
  ipv4: {
    ...{ c2: '10.10.1.2', c3: '10.10.1.3', bridge: '10.10.1.1', remote: '10.10.2.2' },
    ...{ host: '192.168.122.11', peer: '192.168.122.12', client: '192.168.122.200' },
    ...{ hosts: '192.168.122.0/24', loopback: '127.0.0.1', group: '239.1.2.3' },
  },
  ipv6: {
    ...{ c2: 'fd00:10:0:1::2', c3: 'fd00:10:0:1::3', bridge: 'fd00:10:0:1::1', remote: 'fd00:10:0:2::2' },
    ...{ host: 'fd00:122::11', peer: 'fd00:122::12', client: 'fd00:122::200' },
    ...{ hosts: 'fd00:122::/64', loopback: '::1', group: 'ff15::123' },
  },
} as const satisfies Record<Family, unknown>;

/** A port of every container and of the second host, on which they say whom they see. */
export const SERVER_PORT = 12345;

/** How long an answer may take on a busy machine, milliseconds. */
const PATIENCE_MS = 20_000;
/** How long nothing must come to be taken for silence, milliseconds. */
const SILENCE_MS = 700;

export interface PacketWorld extends Netns {
  /** @param from a namespace; `host` is the one with the rules  @param target `tcp ADDRESS PORT` */
  ask(from: string, target: string, n?: number): Promise<Answers>;
  /** Every answer that came, sorted. */
  answers(from: string, target: string, n?: number): Promise<readonly string[]>;
  /** The same for what should be dropped, which nobody waits for any longer than needed: `silence`, or what came. */
  silence(from: string, target: string): Promise<readonly string[]>;
  /** Runs a program of `talk.ts` in a namespace. */
  talk(from: string, program: string, args: readonly (string | number)[]): Promise<string>;
  /** Starts one that stays; resolves with its first line. */
  listen(where: string, program: string, args: readonly (string | number)[]): Promise<string>;
  /** Opens a connection by TCP, and keeps it. */
  hold(from: string, address: string, port: number): Promise<Held>;
  /** Opens a socket of UDP, and keeps it. */
  keepUdp(from: string, address: string, port: number): HeldUdp;
}

/** What was opened once, and is asked on. */
export interface HeldUdp {
  /** Asks once more, where an answer must come. */
  again(): Promise<string>;
  /** The same where perhaps nobody answers: `silence` then. */
  ask(): Promise<string>;
}

/** A connection that stands. */
export interface Held extends HeldUdp {
  /** What was answered at first. */
  readonly first: string;
  /** Ends it with a reset: else what was never answered is sent again, long after its test. */
  reset(): Promise<void>;
}

/**
 * One host in both families (the world's own namespace), two containers on its bridge, and on the hosts' network a
 * second host, whose container is an address of its own, and an outside client.
 */
export async function openPacketWorld(): Promise<PacketWorld> {
  const world = await openNetns();
  await world.sh(TOPOLOGY);
  const placed = (where: string, command: readonly string[]) =>
    where === 'host' ? command : ['ip', 'netns', 'exec', where, ...command];
  const command = (where: string, program: string, args: readonly (string | number)[]) =>
    placed(where, [process.execPath, '-e', program, ...args.map(String)]);
  const talk: PacketWorld['talk'] = async (from, program, args) => {
    const [first = '', ...rest] = command(from, program, args);
    return (await world.exec(first, rest)).stdout;
  };
  const listen: PacketWorld['listen'] = (where, program, args) => {
    const [first = '', ...rest] = command(where, program, args);
    return world.start(first, rest);
  };
  const talkers = new Map<string, Talker>();
  const at = (from: string): Talker => {
    const [first = '', ...rest] = placed(from, TALKER_COMMAND);
    const talker = talkers.get(from) ?? talkerOf(world.spawn(first, rest));
    talkers.set(from, talker);
    return talker;
  };
  const ask: PacketWorld['ask'] = (from, target, n = 4) => at(from).ask(target, n, PATIENCE_MS);
  const hold: PacketWorld['hold'] = async (from, address, port) => {
    const kept = at(from).keep(`tcp ${address} ${port}`);
    return { first: await kept.ask(PATIENCE_MS), ...heldBy(kept), reset: kept.reset };
  };
  await Promise.all(['c2', 'c3', 'peer'].map((name) => listen(name, SERVER, [name, SERVER_PORT])));
  return {
    ...{ ...world, ask, talk, listen, hold },
    keepUdp: (from, address, port) => heldBy(at(from).keep(`udp ${address} ${port}`)),
    answers: async (from, target, n) => Object.keys((await ask(from, target, n)).answers).sort(),
    silence: async (from, target) => Object.keys((await at(from).ask(target, 1, SILENCE_MS)).answers),
  };
}

function heldBy(kept: Kept): HeldUdp {
  return { again: () => kept.ask(PATIENCE_MS), ask: () => kept.ask(SILENCE_MS) };
}

/** Addresses are usable at once: nobody else is there to have them. */
const NO_DAD = 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad';

const TOPOLOGY = `
${NO_DAD}
${ALL_REFUSALS}
ip link add cwy0 type bridge
ip address add 10.10.1.1/24 dev cwy0
ip address add fd00:10:0:1::1/64 dev cwy0
ip link set cwy0 up
for i in 2 3; do
  ip netns add c$i
  ip netns exec c$i sh -c '${NO_DAD}'
  ip link add c$i type veth peer name eth0 netns c$i
  ip link set c$i master cwy0 up
  bridge link set dev c$i hairpin on
  ip -n c$i address add 10.10.1.$i/24 dev eth0
  ip -n c$i address add fd00:10:0:1::$i/64 dev eth0
  ip -n c$i link set eth0 up
  ip -n c$i link set lo up
  ip -n c$i route add default via 10.10.1.1
  ip -n c$i route add default via fd00:10:0:1::1
done
ip netns add lan
ip -n lan link add lan type bridge
ip -n lan link set lan up
ip link add eth0 type veth peer name lan-host netns lan
ip -n lan link set lan-host master lan up
ip address add 192.168.122.11/24 dev eth0
ip address add fd00:122::11/64 dev eth0
ip link set eth0 up
for pair in peer:12 client:200; do
  name=\${pair%:*}
  ip netns add $name
  ip netns exec $name sh -c '${NO_DAD}'
  ip link add eth0 netns $name type veth peer name lan-$name netns lan
  ip -n lan link set lan-$name master lan up
  ip -n $name address add 192.168.122.\${pair#*:}/24 dev eth0
  ip -n $name address add fd00:122::\${pair#*:}/64 dev eth0
  ip -n $name link set eth0 up
  ip -n $name link set lo up
  ip -n $name route add 10.10.1.0/24 via 192.168.122.11
  ip -n $name route add fd00:10:0:1::/64 via fd00:122::11
done
ip -n peer address add 10.10.2.2/32 dev lo
ip -n peer address add fd00:10:0:2::2/128 dev lo
ip route add 10.10.2.0/24 via 192.168.122.12
ip route add fd00:10:0:2::/64 via fd00:122::12
ip route add default via 192.168.122.12
ip route add default via fd00:122::12
ip -n client route add default via 192.168.122.11
ip -n client route add default via fd00:122::11
for path in net/ipv4/ip_forward net/ipv6/conf/all/forwarding \\
  net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
  echo 1 > /proc/sys/$path
done
for link in all eth0; do
  echo 0 > /proc/sys/net/ipv4/conf/$link/send_redirects
done
`;
