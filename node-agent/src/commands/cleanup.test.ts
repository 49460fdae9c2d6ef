import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentWorld, NETWORK, until } from '../../../test/support/agent-world.ts';
import { subnetFile } from '../cluster/subnet-file.ts';
import { hostFiles } from '../host-files.ts';
import { cleanUp } from './cleanup.ts';

/** Both families, with tunnels. */
const ALL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00:10::/48', Backend: { Type: 'vxlan' } };

let world: AgentWorld;

beforeEach(async () => {
  world = new AgentWorld('192.168.122.11/24', 'fd00:122::b/64');
});
afterEach(() => world.close());

const path = () => join(world.directory, 'subnet.env');
/** What there is of the host besides etcd. */
const kernelState = () => {
  const { kernel } = world;
  const rules = Object.values(kernel.firewalls).flatMap(({ ipv4, ipv6 }) => [ipv4.list(), ipv6.list()]);
  return structuredClone([kernel.routes, [...kernel.links], [...kernel.sysctls], rules]);
};

function cleanup(leave = true) {
  const { kernel, store, directory, runtime } = world;
  return cleanUp({
    ...{ kernel, runtime, rulesets: { nftables, iptables } },
    files: hostFiles(join(directory, 'state'), directory),
    subnetFile: { ...subnetFile(path()), path: path() },
    ...(leave ? { leave: { store, name: 'host-1' } } : {}),
  });
}

async function lived(): Promise<void> {
  await world.settled({ subnetFile: path() }, ALL);
  world.expose('web', '2.2.2.2');
  await until(() => expect(world.rules()).toContain('2.2.2.2'));
  await until(() => expect(world.kernel.links.has('cwyx6.1')).toBe(true));
  await world.stop();
}

describe('cleanup', () => {
  it('leaves the kernel, the disk and etcd as they were before, in both families', async () => {
    const before = kernelState();
    await lived();
    const { removed, failures, warnings } = await cleanup();
    expect([failures, warnings]).toEqual([[], []]);
    const told = removed.join('\n');
    for (const part of ['cwy0', 'cwyx.1', 'cwyx6.1', 'nft', path(), 'gave back subnet', 'ip_forward'])
      expect(told).toContain(part);
    expect(kernelState()).toEqual(before);
    expect(existsSync(path())).toBe(false);
    const own = Object.keys(world.store.dump()).filter((key) => /host-1|\/ids\/|claims|subnets/.test(key));
    expect(own).toEqual([keys.subnet({ ipv4: '10.10.12.0/24' })]);
    expect(await cleanup()).toEqual({ removed: [], failures: [], warnings: [] });
  });

  it('keeps the host’s place in the cluster when it is told to', async () => {
    await lived();
    const place = world.store.dump();
    const { removed } = await cleanup(false);
    expect(removed.join()).not.toContain('gave back');
    expect(world.store.dump()).toEqual(place);
    void world.start();
    await until(() => expect(world.kernel.links.has('cwy0')).toBe(true));
    expect(world.store.dump()[keys.node('host-1')]).toBe(place[keys.node('host-1')]);
  });

  it('is done without etcd too, and says what runs out by itself', async () => {
    const before = kernelState();
    await lived();
    world.store.fail('gone');
    const { failures, warnings } = await cleanup();
    expect([failures, warnings]).toEqual([[], [expect.stringContaining('gone')]]);
    expect(kernelState()).toEqual(before);
    world.store.recover();
    expect((await cleanup()).removed).toEqual([expect.stringContaining('gave back')]);
  });
});
