import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeReport } from '@causeway/shared/model/node';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeKernel } from '../../test/support/fake-kernel.ts';
import { connectedRoute } from '../../test/support/fake-network.ts';
import { FakeNft } from '../../test/support/fake-nft.ts';
import { type FakeStore, fakeStore } from '../../test/support/fake-store.ts';
import { runAgent } from './agent.ts';
import { type RawConfig, readConfig } from './config.ts';
import type { ContainerRuntime } from './containers/runtime.ts';
import { hostFiles } from './host-files.ts';
import type { Look } from './kernel/kernel.ts';
import { createLogger } from './logger.ts';

const NETWORK = { Network: '10.10.0.0/16', SubnetLen: 24, Backend: { Type: 'host-gw' } };
const RAW: RawConfig = {
  ...{ etcd: 'http://127.0.0.1:1', name: 'host-1', stateDir: '/x', runDir: '/x' },
  ...{ resyncSeconds: '3600', leaseHours: '24', aliveSeconds: '10', logLevel: 'silent' },
};

let directory: string;
let store: FakeStore;
let kernel: FakeKernel;
let looks: Look[];
let wanted: string[][];
let stop: AbortController;
let agent: Promise<void>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-agent-'));
  store = fakeStore();
  kernel = new FakeKernel();
  kernel.links.set('eth0', { type: 'physical', mtu: 1500, up: true, addresses: ['192.168.122.11/24'] });
  kernel.routes.push(connectedRoute('192.168.122.0/24', 'eth0'), {
    ...connectedRoute('0.0.0.0/0', 'eth0'),
    gateway: '192.168.122.1',
    protocol: 3,
  });
  const sysctls = ['ip_forward', 'conf/all/send_redirects', 'conf/eth0/send_redirects'].map(
    (path) => `net/ipv4/${path}`,
  );
  for (const path of [...sysctls, 'net/bridge/bridge-nf-call-iptables']) kernel.sysctls.set(path, '0');
  looks = [];
  const { observe } = kernel;
  kernel.observe = (look) => {
    looks.push(look);
    return observe.call(kernel, look);
  };
  wanted = [];
});
afterEach(async () => {
  stop.abort();
  await agent;
  rmSync(directory, { recursive: true });
});

const runtime: ContainerRuntime = {
  reconcile: async (specs) => {
    wanted.push(specs.map((spec) => spec.name));
    return specs.map(({ name, host }) => ({ name, host, state: 'running', address: '10.10.1.2', pid: 1 }));
  },
  plan: async () => [],
  onNeed: () => () => undefined,
  removeAll: async () => [],
};

function startAgent(raw: Partial<RawConfig> = {}): Promise<void> {
  stop = new AbortController();
  const config = readConfig({ ...RAW, ...raw });
  const files = hostFiles(join(directory, 'state'), directory);
  const log = createLogger('silent', config.name);
  const deps = { config, kernel, store, runtime, files, log, rulesets: { nftables, iptables } };
  agent = runAgent(deps, stop.signal);
  return agent;
}

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 5_000, interval: 2 });
const ownRoutes = () =>
  kernel.routes
    .filter((route) => route.protocol === 88)
    .map((route) => `${route.destination} ${route.gateway}`);
const report = (): NodeReport => JSON.parse(store.dump()[keys.report('host-1')] ?? '{}');
const peer = (n: number) =>
  store.put(keys.subnet(`10.10.${n}.0/24`), { PublicIP: `192.168.122.${n}`, BackendType: 'host-gw' });

function service(name: string, vip: string): ServiceSpec {
  const ports = [{ name: '', protocol: 'tcp' as const, port: 88, targetPort: 12345 }];
  return { name, vip, ports, endpoints: [], createdAt: '2026-01-01T00:00:00Z' };
}

/** @returns the revision at which the service has its endpoint */
function expose(name: string, vip: string): number {
  store.put(keys.serviceSpec(name), service(name, vip));
  const endpoint = { portName: '', address: '10.10.12.2', port: 12345, ref: '10.10.12.2:12345' };
  return store.put(keys.serviceEndpoints(name), { service: name, endpoints: [endpoint], unresolved: [] });
}

/** A host with one peer that has settled. */
async function settled(raw?: Partial<RawConfig>): Promise<void> {
  store.put(keys.networkConfig, NETWORK);
  peer(12);
  void startAgent(raw);
  await until(() => expect(report().peers).toHaveLength(1));
  await until(() => expect(wanted).not.toEqual([]));
}

describe('an agent', () => {
  it('waits for the network, joins, and holds bridge, routes and rules', async () => {
    void startAgent();
    await new Promise((resolve) => setImmediate(resolve));
    expect(kernel.links.has('cwy0')).toBe(false);
    store.put(keys.networkConfig, NETWORK);
    peer(12);
    await until(() => expect(ownRoutes()).toEqual(['10.10.12.0/24 192.168.122.12']));
    await until(() => expect(report()).toMatchObject({ problems: [], repairs: 0 }));
    expect(report().peers).toEqual([
      { subnet: '10.10.12.0/24', publicIp: '192.168.122.12', state: 'installed' },
    ]);
    expect(kernel.links.get('cwy0')).toMatchObject({ up: true, mtu: 1500 });
    expect(kernel.firewalls.nft.list()).not.toBe('');
    const record = JSON.parse(store.dump()[keys.node('host-1')] ?? '{}');
    expect(record).toMatchObject({ name: 'host-1', publicIp: '192.168.122.11', dataplane: 'nftables' });
    expect(kernel.links.get('cwy0')?.addresses).toEqual([record.subnet.replace('.0/', '.1/')]);
  });

  it('brings a service into the kernel without listing it, and reports the revision', async () => {
    await settled();
    looks.length = 0;
    const revision = expose('web', '2.2.2.2');
    await until(() => expect(report().servicesRevision).toBeGreaterThanOrEqual(revision));
    expect(kernel.firewalls.nft.list()).toContain('2.2.2.2');
    expect(looks).toEqual(looks.map(() => ({})));
  });

  it('follows its peers', async () => {
    await settled();
    const revision = peer(13);
    store.remove(keys.subnet('10.10.12.0/24'));
    await until(() => expect(ownRoutes()).toEqual(['10.10.13.0/24 192.168.122.13']));
    await until(() => expect(report().networkRevision).toBeGreaterThan(revision));
  });

  it('tells of peers that it cannot reach, and of routes in the way', async () => {
    const leads = { type: 'unicast', gateway: '192.168.122.99', device: 'eth0', protocol: 3, metric: 0 };
    kernel.routes.push({ destination: '10.10.13.0/24', ...leads });
    await settled();
    peer(13);
    store.put(keys.subnet('10.10.14.0/24'), { PublicIP: '1.2.3.4', BackendType: 'host-gw' });
    await until(() =>
      expect(report().peers.map((one) => one.state)).toEqual(['installed', 'failed', 'unreachable']),
    );
    expect(report().problems).toHaveLength(2);
  });

  it('repairs what somebody else breaks, and counts it', async () => {
    await settled();
    kernel.disturb('network', () => {
      kernel.routes = kernel.routes.filter((route) => route.protocol !== 88);
    });
    await until(() => expect(ownRoutes()).toHaveLength(1));
    kernel.disturb('firewall', () => {
      kernel.firewalls.nft = new FakeNft();
    });
    await until(() => expect(kernel.firewalls.nft.list()).not.toBe(''));
    await until(() => expect(report().repairs).toBe(2));
  });

  it('looks at the containers again when the network has been repaired', async () => {
    await settled();
    wanted.length = 0;
    kernel.disturb('network', () => {
      kernel.links.delete('cwy0');
    });
    await until(() => expect(kernel.links.has('cwy0')).toBe(true));
    await until(() => expect(wanted).not.toEqual([]));
  });

  it('writes all rules anew when a change is refused', async () => {
    await settled();
    kernel.firewalls.nft = new FakeNft();
    expose('web', '2.2.2.2');
    await until(() =>
      expect(report().problems).toEqual([expect.stringMatching(/changing the rules of nft/)]),
    );
    const revision = expose('web', '2.2.2.3');
    await until(() => expect(kernel.firewalls.nft.list()).toContain('2.2.2.3'));
    await until(() => expect(report().servicesRevision).toBeGreaterThanOrEqual(revision));
    expect(report().problems).toEqual([]);
  });

  it('keeps everything and goes on repairing while etcd is away, and catches up', async () => {
    await settled();
    store.fail('gone');
    kernel.disturb('network', () => {
      kernel.routes = kernel.routes.filter((route) => route.protocol !== 88);
    });
    await until(() => expect(ownRoutes()).toEqual(['10.10.12.0/24 192.168.122.12']));
    store.recover();
    peer(13);
    await until(() => expect(ownRoutes()).toHaveLength(2));
    await until(() => expect(report().repairs).toBe(1));
  });

  it('touches nothing after a restart until etcd has been read once', async () => {
    await settled();
    stop.abort();
    await agent;
    kernel.routes = kernel.routes.filter((route) => route.protocol !== 88);
    const before = structuredClone([kernel.routes, kernel.firewalls.nft.list()]);
    store.fail('gone');
    looks.length = 0;
    const asked = vi.spyOn(store, 'grantLease');
    void startAgent();
    await until(() => expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2));
    expect([[kernel.routes, kernel.firewalls.nft.list()], looks]).toEqual([before, []]);
    store.recover();
    await until(() => expect(ownRoutes()).toHaveLength(1));
  });

  it('leaves all in place when it stops, and has nothing to do when it starts again', async () => {
    await settled();
    expose('web', '2.2.2.2');
    await until(() => expect(kernel.firewalls.nft.list()).toContain('2.2.2.2'));
    stop.abort();
    await agent;
    const before = [structuredClone(kernel.routes), kernel.firewalls.nft.list()];
    const applied = vi.spyOn(kernel, 'apply');
    wanted = [];
    void startAgent();
    await until(() => expect(wanted).not.toEqual([]));
    expect(applied.mock.calls.flatMap(([steps]) => steps)).toEqual([]);
    expect([kernel.routes, kernel.firewalls.nft.list()]).toEqual(before);
  });

  it('changes the dataplane on a restart, the new one first', async () => {
    await settled();
    stop.abort();
    await agent;
    const applied = vi.spyOn(kernel, 'apply');
    void startAgent({ dataplane: 'iptables' });
    await until(() => expect(kernel.firewalls.nft.list()).toBe(''));
    expect(applied.mock.calls.flatMap(([steps]) => steps.map((step) => step.kind))).toEqual([
      'firewall-apply',
      'firewall-clean',
    ]);
    expect(kernel.firewalls['iptables-nft'].list()).toContain('CWY-SERVICES');
  });

  it('runs this host’s containers once their network is there, and reports them', async () => {
    const container = { command: ['httpd'], files: {} };
    store.put(keys.container('web-1'), { ...container, name: 'web-1', host: 'host-1' });
    store.put(keys.container('web-2'), { ...container, name: 'web-2', host: 'host-2' });
    await settled();
    expect(wanted).toEqual([['web-1']]);
    await until(() => expect(store.dump()[keys.containerStatus('web-1')]).toContain('running'));
    store.remove(keys.container('web-1'));
    await until(() => expect(store.dump()[keys.containerStatus('web-1')]).toBeUndefined());
  });

  it('keeps all that stands while the keys of it cannot be read, and its own lease it writes again', async () => {
    store.put(keys.container('web-1'), { name: 'web-1', host: 'host-1', command: ['x'], files: {} });
    await settled();
    const revision = expose('web', '2.2.2.2');
    await until(() => expect(report().servicesRevision).toBeGreaterThanOrEqual(revision));
    const record = JSON.parse(store.dump()[keys.node('host-1')] ?? '{}');
    const own = keys.subnet(record.subnet);
    const good = store.dump()[own];
    const before = structuredClone([kernel.routes, kernel.links, kernel.firewalls.nft.list()]);
    const others = [
      ...[keys.serviceSpec('web'), keys.serviceEndpoints('web'), keys.container('web-1')],
      ...[keys.networkConfig, keys.settings, keys.subnet('10.10.12.0/24')],
    ];
    for (const key of others) store.put(key, 'x');
    await until(() => expect(report().problems).toHaveLength(others.length));
    store.put(keys.networkConfig, NETWORK);
    store.put(own, 'x');
    await until(() => expect(store.dump()[own]).toBe(good));
    await until(() => expect(report().problems).toHaveLength(others.length - 1));
    expect([kernel.routes, kernel.links, kernel.firewalls.nft.list()]).toEqual(before);
    expect(store.dump()[keys.node('host-1')]).toBe(JSON.stringify(record));
    expect(new Set(wanted.flat())).toEqual(new Set(['web-1']));
    expect(wanted.every((names) => names.includes('web-1'))).toBe(true);
  });

  it.each(['garbage', 'gone'])(
    'writes what it said of itself again when that is %s',
    async (what) => {
      await settled({ resyncSeconds: '1' });
      for (const key of [keys.report('host-1'), keys.node('host-1'), keys.alive('host-1')]) {
        const before = store.dump()[key];
        expect(before).toBeDefined();
        if (what === 'gone') store.remove(key);
        else store.put(key, 'x');
        await until(() => expect(store.dump()[key]?.slice(0, 40)).toBe(before?.slice(0, 40)));
      }
      // The last of them may draw one more report after it; then a whole resync goes by without a write.
      const isQuiet = async () => {
        const { written } = store;
        looks.length = 0;
        await until(() =>
          expect(looks.filter((look) => look.network !== undefined).length).toBeGreaterThan(1),
        );
        return store.written === written;
      };
      expect((await isQuiet()) || (await isQuiet())).toBe(true);
    },
    30_000,
  );

  it('goes by the new address when the host’s changes', async () => {
    await settled();
    kernel.disturb('network', () => {
      kernel.links.set('eth0', { type: 'physical', mtu: 1500, up: true, addresses: ['192.168.122.21/24'] });
    });
    await until(() => expect(store.dump()[keys.node('host-1')]).toContain('"publicIp":"192.168.122.21"'));
  });

  it.each([
    ['another host lives under this name', /another host.*is running under this name/],
    ['the network is full', /too small/],
  ])('gives up when %s', async (why, sentence) => {
    const tiny = { Network: '10.10.0.0/30', SubnetLen: 30, SubnetMin: '10.10.0.0', SubnetMax: '10.10.0.0' };
    store.put(
      keys.networkConfig,
      why === 'the network is full' ? { ...tiny, Backend: { Type: 'host-gw' } } : NETWORK,
    );
    store.put(keys.subnet('10.10.0.0/30'), { PublicIP: '192.168.122.12', BackendType: 'host-gw' });
    if (why !== 'the network is full')
      store.put(keys.alive('host-1'), { id: 'somebody-else', instance: 'x' });
    await expect(startAgent()).rejects.toThrow(sentence);
    agent = Promise.resolve();
    expect(kernel.links.has('cwy0')).toBe(false);
  });

  it.each(['192.168.0.0/16', '192.168.122.0/25'])(
    'does not join a network of containers that takes the hosts’: %s',
    async (network) => {
      store.put(keys.networkConfig, { ...NETWORK, Network: network, SubnetLen: 28 });
      await expect(startAgent()).rejects.toThrow(
        `joining as host "host-1": the containers' network ${network} overlaps 192.168.122.0/24, the network of this ` +
          "host's link to the other hosts (192.168.122.11); give the controller another with --network",
      );
      agent = Promise.resolve();
      expect([kernel.links.has('cwy0'), Object.keys(store.dump())]).toEqual([false, [keys.networkConfig]]);
    },
  );
});
