import type { EndpointState } from '@causeway/shared/model/endpoint';
import type { Protocol } from '@causeway/shared/model/service';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentWorld, until } from '../../test/support/agent-world.ts';
import { resolved, serviceSpec } from '../../test/support/desired-host.ts';
import type { Flow } from './plan/flows.ts';

const VIP = '2.2.2.2';
let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(() => world.close());

/** @param at where it is led; the VIP itself: nowhere, and nobody has answered */
function flow(protocol: Protocol, at: string): Flow {
  return {
    ...{ protocol, replied: at !== VIP },
    original: { source: '10.10.1.9', destination: VIP, sourcePort: 4000, destinationPort: 53 },
    reply: { source: at, destination: '10.10.1.9', sourcePort: 53, destinationPort: 4000 },
  };
}
/** @param endpoints addresses, each with its state */
async function serve(protocol: Protocol, endpoints: Readonly<Record<string, EndpointState>>): Promise<void> {
  const ports = [{ name: '', protocol, port: 53, targetPort: 53 }];
  world.store.put(keys.serviceSpec('dns'), serviceSpec('dns', { vips: [VIP], ports }));
  const all = Object.entries(endpoints).map(([address, state]) => resolved(address, 53, { state }));
  const set = { service: 'dns', endpoints: all, unresolved: [] };
  const revision = world.store.put(keys.serviceEndpoints('dns'), set);
  await until(() => expect(world.report().servicesRevision).toBeGreaterThanOrEqual(revision));
}
const remembered = () => world.kernel.flows?.ipv4.map(({ reply }) => reply.source);

it('goes on at once where more flows are stale than one round removes, without a look at the rules', async () => {
  await world.settled();
  const gone = Array.from({ length: 20 }, (_, i) => `10.10.12.${i + 2}`);
  await serve('udp', Object.fromEntries(gone.map((address) => [address, 'ready'])));
  world.kernel.flows = { ipv4: gone.map((address) => flow('udp', address)), ipv6: [] };
  const { forgetFlows } = world.kernel;
  world.kernel.forgetFlows = async ({ deletions, ...rest }) =>
    forgetFlows.call(world.kernel, { ...rest, deletions: deletions.slice(0, 1) });
  world.looks.length = 0;
  await serve('udp', { '10.10.12.99': 'ready' });
  await until(() => expect(remembered()).toEqual([]));
  expect(world.looks.flatMap((look) => Object.keys(look))).toEqual([]);
});

it('finds what was sent into the dark while somebody else had taken the rules away', async () => {
  await world.settled();
  await serve('udp', { '10.10.12.2': 'ready' });
  world.flush();
  world.kernel.flows = { ipv4: [flow('udp', VIP), flow('udp', '10.10.12.2')], ipv6: [] };
  world.kernel.disturb('firewall', () => undefined);
  await until(() => expect(world.rules()).toContain(VIP));
  await until(() => expect(remembered()).toEqual(['10.10.12.2']));
});

it('cuts connections by TCP where a drain is over, and no others, also one that starts later', async () => {
  await world.settled();
  await serve('tcp', { '10.10.12.2': 'draining', '10.10.12.3': 'ready' });
  const all = ['10.10.12.2', '10.10.12.3', '10.10.12.4'];
  const connections = () => all.map((address) => flow('tcp', address));
  world.kernel.flows = { ipv4: connections(), ipv6: [] };
  await serve('tcp', { '10.10.12.2': 'draining' });
  expect(remembered()).toEqual(all);
  await serve('tcp', { '10.10.12.2': 'drained', '10.10.12.3': 'ready' });
  await until(() => expect(remembered()).toEqual(all.slice(1)));
  await world.stop();
  world.kernel.flows = { ipv4: connections(), ipv6: [] };
  void world.start();
  await until(() => expect(remembered()).toEqual(all.slice(1)));
});
