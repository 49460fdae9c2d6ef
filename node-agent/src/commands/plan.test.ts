import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgentWorld, NETWORK, until } from '../../../test/support/agent-world.ts';
import { readConfig } from '../config.ts';
import { hostFiles } from '../host-files.ts';
import { previewPlan } from './plan.ts';

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld('192.168.122.11/24', 'fd00:122::b/64');
});
afterEach(() => world.close());

const BOTH = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00:10::/48' };
const file = () => join(world.directory, 'subnet.env');

function preview() {
  const { kernel, store, directory, raw, runtime } = world;
  const config = readConfig({ ...raw, subnetFile: file() });
  const files = hostFiles(join(directory, 'state'), directory);
  return previewPlan({ config, kernel, store, runtime, files, rulesets: { nftables, iptables } });
}

describe('the plan of a host', () => {
  it('is to lease a subnet in each family, while it has none', async () => {
    world.store.put(keys.networkConfig, BOTH);
    const { steps } = await preview();
    expect(steps).toEqual([
      expect.stringMatching(/^lease a subnet of 10\.10\.0\.0\/16 for host-1 /),
      expect.stringMatching(/^lease a subnet of fd00:10::\/48 for host-1 /),
    ]);
  });

  it('is empty when an agent has settled, and says what is missing when somebody broke it; it changes nothing', async () => {
    await world.settled({ subnetFile: file() }, { ...BOTH, Backend: { Type: 'vxlan' } });
    await until(() => expect(world.report().problems).toEqual([]));
    await world.stop();
    expect(await preview()).toEqual({ steps: [], problems: [] });
    world.kernel.deleteLink('cwyx6.1');
    world.kernel.deleteLink('cwy0');
    world.flush();
    writeFileSync(file(), 'x');
    const before = world.store.written;
    const applied = vi.spyOn(world.kernel, 'apply');
    const { steps } = await preview();
    const all = steps.join('\n');
    for (const part of ['cwy0', 'cwyx6.1', 'nft', `write ${file()}`]) expect(all).toContain(part);
    expect([applied.mock.calls, world.store.written]).toEqual([[], before]);
  });

  it('is to lease what a new family of the network needs, beside all the rest', async () => {
    await world.settled({ subnetFile: file() });
    await world.stop();
    world.store.put(keys.networkConfig, BOTH);
    const { steps } = await preview();
    expect(steps[0]).toMatch(/^lease a subnet of fd00:10::\/48 for host-1 /);
  });

  it('cannot be made without a network, which is said', async () => {
    await expect(preview()).rejects.toThrow(/^planning for host-1: the network has no configuration/);
  });
});
