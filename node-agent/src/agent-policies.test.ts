import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentWorld, until } from '../../test/support/agent-world.ts';
import type { Flow } from './plan/flows.ts';

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(() => world.close());

/** The container that the host has at 10.10.1.2 when an agent starts. */
function guarded(): number {
  Object.assign(world.runtime, {
    heldAddresses: async () => [{ name: 'web', addresses: { ipv4: '10.10.1.2' } }],
  });
  world.store.put(keys.container('web'), { name: 'web', host: 'host-1', command: ['x'], files: {} });
  world.store.put(keys.policyPeers('shut'), { name: 'shut', rules: [] });
  return world.store.put(keys.policySpec('shut'), {
    ...{ name: 'shut', subjects: { containers: ['web'] } },
    ingress: { default: 'deny', rules: [{ action: 'allow', peers: { cidrs: ['203.0.113.0/24'] } }] },
  });
}
/** As nft lists it. */
const RULED = expect.stringContaining('203.0.113.0');

it('holds a policy from the first rules of its life on, and says which revision it holds', async () => {
  const revision = guarded();
  await world.settled();
  await until(() => expect(world.report().policiesRevision).toBeGreaterThanOrEqual(revision));
  expect(world.rules()).toEqual(RULED);
  world.store.remove(keys.policySpec('shut'));
  await until(() => expect(world.rules()).not.toEqual(RULED));
});

it('says that it holds a policy when what it refuses has ended, not before', async () => {
  const flow = (protocol: 'tcp' | 'udp'): Flow => ({
    ...{ protocol, replied: true },
    original: { source: '198.51.100.1', sourcePort: 4000, destination: '10.10.1.2', destinationPort: 80 },
    reply: { source: '10.10.1.2', sourcePort: 80, destination: '198.51.100.1', destinationPort: 4000 },
  });
  world.kernel.flows = { ipv4: [flow('tcp'), flow('udp')], ipv6: [] };
  const forget = world.kernel.forgetFlows.bind(world.kernel);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let rounds = 0;
  world.kernel.forgetFlows = async (request) => {
    rounds += 1;
    // The first round gets no further than half of it.
    if (rounds === 1) return forget({ ...request, deletions: request.deletions.slice(0, 1) });
    await released;
    return forget(request);
  };
  const revision = guarded();
  await world.settled();
  await until(() => expect(rounds).toBe(2));
  expect(world.report().policiesRevision).toBeLessThan(revision);
  release();
  await until(() => expect(world.report().policiesRevision).toBeGreaterThanOrEqual(revision));
  expect(world.kernel.flows?.ipv4).toEqual([]);
});

it('holds what a policy last said while its key cannot be read, also over a restart', async () => {
  guarded();
  await world.settled();
  await until(() => expect(world.file('state/policies.json')).toContain('203.0.113.0/24'));
  const spoilt = world.store.put(keys.policySpec('shut'), { name: 'shut' });
  await until(() => expect(world.report().policiesRevision).toBeGreaterThanOrEqual(spoilt));
  expect(world.rules()).toEqual(RULED);
  await world.stop();
  world.flush();
  void world.start();
  await until(() => expect(world.rules()).toEqual(RULED));
  expect(world.report().problems?.join()).toContain(keys.policySpec('shut'));
});

it('holds it also for a container that runs and whose own key cannot be read', async () => {
  guarded();
  world.store.put(keys.container('web'), { name: 'web' });
  await world.settled();
  await until(() => expect(world.rules()).toEqual(RULED));
});

it('forgets on disk what was deleted while there was no agent: another policy of the name is none that it knows', async () => {
  guarded();
  await world.settled();
  await until(() => expect(world.file('state/policies.json')).toContain('203.0.113.0/24'));
  await world.stop();
  world.store.remove(keys.policySpec('shut'));
  world.store.remove(keys.policyPeers('shut'));
  void world.start();
  await until(() => expect(JSON.parse(world.file('state/policies.json') ?? '')).toEqual({}));
});
