import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { ContainerNetwork } from '../../node-agent/src/containers/network.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import type { Answers, Call, Script } from './containers-driver.ts';

/** A host of its own with real runc in throw-away namespaces, on which one agent after the other lives. */
export interface ContainerWorld {
  readonly net: Netns;
  /** Holds `lib` and `run`, the agent's directories. */
  readonly dir: string;
  /** A script of calls, for what kills an agent half-way. */
  scriptOf(network: ContainerNetwork, calls: readonly Call[]): Script;
  /** Runs calls as one agent's life; the next is the agent restarted. */
  agent(network: ContainerNetwork, ...calls: Call[]): Promise<Answers>;
  reconcile(network: ContainerNetwork, ...specs: ContainerSpec[]): Promise<ContainerStatus[]>;
  /** Runs a command in a container. */
  inside(name: string, ...command: string[]): Promise<string>;
  /** What a host shows of containers: links, namespaces, mounts, processes that live. */
  traces(): Promise<string>;
  close(): Promise<void>;
}

/** The agent's use of containers as a program. */
export interface Driver {
  readonly path: string;
  remove(): void;
}

export async function buildDriver(): Promise<Driver> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-driver-'));
  const path = join(folder, 'driver.cjs');
  const entryPoints = [new URL('containers-driver.ts', import.meta.url).pathname];
  await build({ entryPoints, bundle: true, platform: 'node', outfile: path });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

/** @param bridge lines of shell that make what containers hang on */
export async function openContainerWorld(driver: Driver, bridge: string): Promise<ContainerWorld> {
  const net = await openNetns();
  const dir = mkdtempSync(join(tmpdir(), 'causeway-containers-'));
  await net.sh(`${bridge}; ip netns add warm; ip netns delete warm`);
  const scriptOf: ContainerWorld['scriptOf'] = (network, calls) => ({
    ...{ stateDir: `${dir}/lib`, runDir: `${dir}/run`, network, calls },
    engines: { dockerSocket: `${dir}/docker.sock`, containerdDir: `${dir}/containerd` },
  });
  const agent: ContainerWorld['agent'] = async (network, ...calls) => {
    const input = JSON.stringify(scriptOf(network, calls));
    return JSON.parse((await net.exec('node', [driver.path], { input })).stdout);
  };
  return {
    net,
    dir,
    scriptOf,
    agent,
    reconcile: async (network, ...specs) =>
      (await agent(network, { reconcile: specs })).answers[0] as ContainerStatus[],
    inside: async (name, ...command) =>
      (await net.exec('runc', ['--root', `${dir}/run/runc`, 'exec', name, ...command])).stdout,
    traces: async () => (await net.sh(TRACES)).stdout,
    close: async () => {
      await net.close();
      rmSync(dir, { recursive: true });
    },
  };
}

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
