import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { runAgent } from '../../node-agent/src/agent.ts';
import { type RawConfig, readConfig } from '../../node-agent/src/config.ts';
import type { ContainerRuntime } from '../../node-agent/src/containers/runtime.ts';
import { hostFiles } from '../../node-agent/src/host-files.ts';
import { createImageStore } from '../../node-agent/src/images/store.ts';
import type { Look } from '../../node-agent/src/kernel/kernel.ts';
import { createLogger } from '../../node-agent/src/logger.ts';
import { createRuleGate } from '../../node-agent/src/loop/address-gate.ts';
import type { NodeEvent } from '../../shared/src/model/event.ts';
import type { NodeRecord, NodeReport } from '../../shared/src/model/node.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { keys } from '../../shared/src/store/keys.ts';
import { resolved, serviceSpec } from './desired-host.ts';
import { FakeKernel } from './fake-kernel.ts';
import { connectedRoute } from './fake-network.ts';
import { FakeNft } from './fake-nft.ts';
import { type FakeStore, fakeStore } from './fake-store.ts';

export const NETWORK = { Network: '10.10.0.0/16', SubnetLen: 24, Backend: { Type: 'host-gw' } };
const RAW: RawConfig = {
  ...{ etcd: 'http://127.0.0.1:1', name: 'host-1', stateDir: '/x', runDir: '/x', subnetFile: 'none' },
  ...{ resyncSeconds: '3600', leaseHours: '24', aliveSeconds: '10', logLevel: 'silent', healthAddr: 'off' },
  ...{ apiAddr: 'off', imageMaxBytes: '1000000' },
};
const SYSCTLS = [
  ...['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'],
  ...['all', 'eth0'].map((link) => `net/ipv4/conf/${link}/send_redirects`),
  ...['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables'],
  ...['cwy0', 'cwyx6.1'].map((link) => `net/ipv6/conf/${link}/disable_ipv6`),
];

/** Waits for what must come to hold, not for a time. */
export const until = <T>(check: () => T, timeout = 20_000) => vi.waitFor(check, { timeout, interval: 2 });

/** One host with an agent, whose kernel, etcd and containers are in memory. */
export class AgentWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'causeway-agent-'));
  readonly store: FakeStore = fakeStore();
  readonly kernel = new FakeKernel();
  /** What the kernel was asked for since it was emptied. */
  readonly looks: Look[] = [];
  /** Names of the containers that should run, each time that they were asked for since it was emptied. */
  readonly wanted: string[][] = [];
  /** How commands end in a container; absent: well. */
  readonly exitCodes = new Map<string, number>();
  readonly gate = createRuleGate();
  #stop = new AbortController();
  #agent: Promise<void> = Promise.resolve();
  /** The flags of a bare command line. */
  readonly raw = RAW;
  #tell: Parameters<ContainerRuntime['onEvent']>[0] = () => undefined;
  readonly runtime: ContainerRuntime = {
    reconcile: async (specs) => {
      this.wanted.push(specs.map((spec) => spec.name));
      const running = { state: 'running', address: '10.10.1.2', pid: 1 } as const;
      return { states: specs.map(({ name, host }) => ({ name, host, ...running })), left: [], more: false };
    },
    plan: async () => [],
    onNeed: () => () => undefined,
    onEvent: (listener) => {
      this.#tell = listener;
      return () => undefined;
    },
    exec: async (name) => ({ exitCode: this.exitCodes.get(name) ?? 0, said: '' }),
    execSession: () => Promise.reject(new Error('nothing runs here')),
    heldAddresses: async () => [],
    heldImages: async () => [],
    removeAll: async () => [],
  };

  constructor(...addresses: readonly string[]) {
    const { kernel } = this;
    const own = addresses.length === 0 ? ['192.168.122.11/24'] : addresses;
    kernel.addLink('eth0', { type: 'physical', mtu: 1500, up: true });
    for (const address of own) kernel.addAddress('eth0', address);
    const route = { ...connectedRoute('0.0.0.0/0', 'eth0'), gateway: '192.168.122.1', protocol: 3 };
    kernel.routes.push(route);
    for (const path of SYSCTLS) kernel.sysctls.set(path, '0');
    const { observe } = kernel;
    kernel.observe = (look) => {
      this.looks.push(look);
      return observe.call(kernel, look);
    };
  }

  start(raw: Partial<RawConfig> = {}): Promise<void> {
    this.#stop = new AbortController();
    const config = readConfig({ ...RAW, ...raw });
    this.#agent = runAgent(
      {
        ...{ config, kernel: this.kernel, store: this.store, runtime: this.runtime },
        gate: this.gate,
        images: createImageStore({ dir: join(this.directory, 'images') }),
        files: hostFiles(join(this.directory, 'state'), this.directory),
        log: createLogger('silent', config.name),
        rulesets: { nftables, iptables },
      },
      this.#stop.signal,
    );
    return this.#agent;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#agent;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    // One that gave up by itself has said so to the test.
    await this.#agent.catch(() => undefined);
    rmSync(this.directory, { recursive: true });
  }

  /** A host with one peer that has settled. */
  async settled(raw?: Partial<RawConfig>, network: typeof NETWORK = NETWORK): Promise<void> {
    this.store.put(keys.networkConfig, network);
    this.peer(12, network.Backend.Type);
    void this.start(raw);
    await until(() => expect(this.report()).toMatchObject({ peersWanted: 1, peersInstalled: 1 }));
    await until(() => expect(this.wanted).not.toEqual([]));
  }

  /** The runtime tells of a container. */
  told(...event: Parameters<Parameters<ContainerRuntime['onEvent']>[0]>): void {
    this.#tell(...event);
  }

  routes(): readonly string[] {
    return this.kernel.routes
      .filter((route) => route.protocol === 88)
      .map(
        (route) =>
          `${route.destination} ${route.gateway}${route.device === 'eth0' ? '' : ` ${route.device}`}`,
      );
  }

  report(): Partial<NodeReport> {
    return JSON.parse(this.store.dump()[keys.report('host-1')] ?? '{}');
  }

  /** As it is in etcd. */
  record(): NodeRecord {
    return JSON.parse(this.store.dump()[keys.node('host-1')] ?? '{}');
  }

  /** All that the host has told, the oldest first. */
  events(): readonly string[] {
    return Object.entries(this.store.dump())
      .filter(([key]) => key.startsWith(`${keys.eventPrefix}host-1/`))
      .map(([, value]): NodeEvent => JSON.parse(value))
      .sort((a, b) => a.sequence - b.sequence)
      .map(({ kind }) => kind);
  }

  /** A flannel host 192.168.122.N with the subnet 10.10.N.0/24. @returns the revision */
  peer(n: number, type = 'host-gw'): number {
    const mac = `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
    return this.store.put(keys.subnet({ ipv4: `10.10.${n}.0/24` }), {
      ...{ PublicIP: `192.168.122.${n}`, BackendType: type },
      ...(type === 'vxlan' ? { BackendData: { VNI: 1, VtepMAC: mac } } : {}),
    });
  }

  /** @returns the revision at which the service has its endpoint */
  expose(name: string, vip: string): number {
    const ports = [{ name: '', protocol: 'tcp' as const, port: 88, targetPort: 12345 }];
    this.store.put(keys.serviceSpec(name), serviceSpec(name, { vips: [vip], ports }));
    const set = { service: name, endpoints: [resolved('10.10.12.2', 12345)], unresolved: [] };
    return this.store.put(keys.serviceEndpoints(name), set);
  }

  rules(): string {
    return this.kernel.firewalls.nft.ipv4.list();
  }

  /** Somebody throws away all rules of nft, and nobody tells of it. */
  flush(): void {
    this.kernel.firewalls.nft.ipv4 = new FakeNft();
  }

  /** The text of a file in the host's own directory; empty when there is none. */
  file(name: string): string {
    try {
      return readFileSync(join(this.directory, name), 'utf8');
    } catch {
      return '';
    }
  }
}
