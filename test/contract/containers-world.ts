import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/host-network.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { NetworkMode } from '../../shared/src/model/container-network.ts';
import type { RunOptions } from '../../shared/src/programs/run.ts';
import { type Bundle, useBundle } from '../support/bundle.ts';
import { type Netns, type NetnsOptions, openNetns } from '../support/netns.ts';
import type { Answers, Call, Script } from './containers-driver.ts';

/** For one agent's life, which may make many containers on a busy machine. */
const LIFE_MS = 600_000;
const LINK = { bridge: 'cwy0', mtu: 1450 };
export const IPV4: ContainerNetwork = {
  ...{ ...LINK, subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' } },
};
export const IPV6: ContainerNetwork = {
  ...{ ...LINK, subnets: { ipv6: 'fd00:10:0:1::/64' }, gateways: { ipv6: 'fd00:10:0:1::1' } },
};
export const DUAL: ContainerNetwork = {
  ...LINK,
  subnets: { ...IPV4.subnets, ...IPV6.subnets },
  gateways: { ...IPV4.gateways, ...IPV6.gateways },
};
/** What the agent makes of a network before there are containers, as lines of shell. */
export const IPV4_BRIDGE =
  'ip link add cwy0 type bridge; ip address add 10.10.1.1/24 dev cwy0; ip link set cwy0 up';
export const DUAL_BRIDGE = `${IPV4_BRIDGE}; ip address add fd00:10:0:1::1/64 dev cwy0 nodad`;

/** A link eth1 of the host, as lines of shell: behind it are a neighbour, and two addresses that he leads to. */
export const NEIGHBOUR = `
  ip netns add lan
  ip link add eth1 type veth peer name eth0 netns lan
  ip address add 192.0.2.1/24 dev eth1
  ip address add 2001:db8::1/64 dev eth1 nodad
  ip link set eth1 up
  ip -n lan address add 192.0.2.2/24 dev eth0
  ip -n lan address add 2001:db8::2/64 dev eth0 nodad
  ip -n lan link set lo up
  ip -n lan address add 198.51.100.1/32 dev lo
  ip -n lan address add 2001:db8:1::1/128 dev lo nodad
  ip -n lan link set eth0 up`;

/** A host that forwards, and an outside behind it that knows the way back to its containers, as lines of shell. */
export const OUTSIDE = `
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  ip netns add outside
  ip link add out0 type veth peer name eth0 netns outside
  ip address add 192.0.2.1/24 dev out0
  ip address add 2001:db8::1/64 dev out0 nodad
  ip link set out0 up
  ip -n outside address add 192.0.2.2/24 dev eth0
  ip -n outside address add 2001:db8::2/64 dev eth0 nodad
  ip -n outside link set eth0 up
  ip -n outside route add default via 192.0.2.1
  ip -n outside -6 route add default via 2001:db8::1`;

/** A host of its own with real runc in throw-away namespaces, on which one agent after the other lives. */
export interface ContainerWorld {
  readonly net: Netns;
  /** Holds `lib` and `run`, the agent's directories. */
  readonly dir: string;
  /** Runs lines of shell on the host. @returns what they print */
  sh(script: string): Promise<string>;
  /** Runs calls as one agent's life; the next is the agent restarted. */
  agent(network: ContainerNetwork, ...calls: readonly Call[]): Promise<Answers>;
  /** As `agent`, on a host where programs of this folder come before all others. */
  agentWith(programs: string, network: ContainerNetwork, ...calls: readonly Call[]): Promise<Answers>;
  /** As `agent`, but killed after so many milliseconds, wherever it is then. */
  killedAfter(ms: number, network: ContainerNetwork, ...calls: Call[]): Promise<void>;
  reconcile(network: ContainerNetwork, ...specs: ContainerSpec[]): Promise<ContainerStatus[]>;
  /** Runs a command in a container. */
  inside(name: string, ...command: string[]): Promise<string>;
  /** What a container gets of `/hello` at port 12345 of an address. */
  get(name: string, address: string): Promise<string>;
  /** What a container sees of an address, of either family: `1 packets received` in it when that answers. */
  ping(name: string, address: string): Promise<string>;
  /** Global addresses of a container's eth0, with their lengths. */
  addressesIn(name: string): Promise<string>;
  /** What a host shows of containers: links, namespaces, mounts, processes that live. */
  traces(): Promise<string>;
  close(): Promise<void>;
}

/**
 * The driver for a file of tests, and a world for each of them.
 *
 * @param host lines of shell that make what containers hang on
 * @returns the world of the test that runs
 */
export function useContainerWorld(host: string, options: NetnsOptions = {}): ContainerWorld {
  const driver = useBundle(new URL('containers-driver.ts', import.meta.url));
  let world: ContainerWorld;
  beforeEach(async () => {
    world = await openContainerWorld(driver, host, options);
  });
  afterEach(() => world.close());
  return {
    get net() {
      return world.net;
    },
    get dir() {
      return world.dir;
    },
    sh: (script) => world.sh(script),
    agent: (network, ...calls) => world.agent(network, ...calls),
    agentWith: (programs, network, ...calls) => world.agentWith(programs, network, ...calls),
    killedAfter: (ms, network, ...calls) => world.killedAfter(ms, network, ...calls),
    reconcile: (network, ...specs) => world.reconcile(network, ...specs),
    inside: (name, ...command) => world.inside(name, ...command),
    get: (name, address) => world.get(name, address),
    ping: (name, address) => world.ping(name, address),
    addressesIn: (name) => world.addressesIn(name),
    traces: () => world.traces(),
    close: () => world.close(),
  };
}

/** @param bridge lines of shell that make what containers hang on */
async function openContainerWorld(
  driver: Bundle,
  bridge: string,
  options: NetnsOptions = {},
): Promise<ContainerWorld> {
  const net = await openNetns(options);
  const dir = mkdtempSync(join(tmpdir(), 'causeway-containers-'));
  await net.sh(`${bridge}; ip netns add warm; ip netns delete warm`);
  const scriptOf = (network: ContainerNetwork, calls: readonly Call[]): Script => ({
    ...{ stateDir: `${dir}/lib`, runDir: `${dir}/run`, network, calls },
    engines: { dockerSocket: `${dir}/docker.sock`, containerdDir: `${dir}/containerd` },
  });
  const live = async (options: RunOptions, network: ContainerNetwork, calls: readonly Call[]) => {
    const input = JSON.stringify(scriptOf(network, calls));
    const all = { ...options, input, timeoutMs: LIFE_MS };
    return JSON.parse((await net.exec('node', [driver.path], all)).stdout) as Answers;
  };
  const agent: ContainerWorld['agent'] = (network, ...calls) => live({}, network, calls);
  const killedAfter: ContainerWorld['killedAfter'] = async (ms, network, ...calls) => {
    const input = JSON.stringify(scriptOf(network, calls));
    const command = ['-s', 'KILL', `${ms / 1000}`, 'node', driver.path];
    await net.exec('timeout', command, { input, okCodes: [124, 137, -1] });
  };
  const inside: ContainerWorld['inside'] = async (name, ...command) =>
    (await net.exec('runc', ['--root', `${dir}/run/runc`, 'exec', name, ...command])).stdout;
  return {
    ...{ net, dir, agent, killedAfter },
    agentWith: (programs, network, ...calls) =>
      live({ env: { PATH: `${programs}:${process.env.PATH}` } }, network, calls),
    sh: async (script) => (await net.sh(script)).stdout,
    reconcile: async (network, ...specs) =>
      (await agent(network, { reconcile: specs })).answers[0] as ContainerStatus[],
    inside,
    addressesIn: async (name) =>
      (await net.sh(`ip -n cwy-${name} -o address show dev eth0 scope global | ${ADDRESS}`)).stdout,
    get: (name, address) => inside(name, 'wget', '-qO-', `http://${address}:12345/hello`),
    ping: (name, address) =>
      inside(name, address.includes(':') ? 'ping6' : 'ping', '-c', '1', '-W', '5', address),
    traces: async () => (await net.sh(TRACES)).stdout,
    close: async () => {
      await net.close();
      rmSync(dir, { recursive: true });
    },
  };
}

const ADDRESS = "sed -E 's/.*inet6? ([^ ]+).*/\\1/'";
const TRACES = `
  ip -o link | cut -d: -f2
  ls /run/netns
  grep -c . /proc/self/mounts
  for process in /proc/[0-9]*; do
    grep -qs '^State:.Z' $process/status || tr '\\0' ' ' < $process/cmdline 2>&- | grep '^httpd' || :
  done`;

/** A container that serves its name. */
export function web(
  name: string,
  files: Record<string, string> = {},
  listen = '0.0.0.0:12345',
): ContainerSpec {
  return {
    name,
    host: 'host-1',
    command: ['httpd', '-f', '-v', '-p', listen, '-h', '/www'],
    files: {
      '/www/hello': `hello from ${name}\n`,
      '/www/cgi-bin/peer': '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n%s" "$REMOTE_ADDR"\n',
      ...files,
    },
  };
}

/** A container that serves its name in both families, in a network mode. */
export function webIn(
  network: NetworkMode | undefined,
  name: string,
  more: Partial<ContainerSpec> = {},
): ContainerSpec {
  return { ...web(name, {}, '12345'), ...(network === undefined ? {} : { network }), ...more };
}
