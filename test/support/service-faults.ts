import type { Api, ContainerView, NodeView } from '@causeway/lab/api';
import type { Lab, LabContainer } from '@causeway/lab/lab';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { expect, vi } from 'vitest';
import { endpointsIn, expectedEndpoints, type Named } from './expected-endpoints.ts';
import { planOf, svcctl } from './faults.ts';
import { createKernelChecker, type KernelChecker } from './kernel-checker.ts';
import { type Chance, chanceOf, isOfSlot } from './random-services.ts';
import { openRuleLog, type RuleLog } from './rule-log.ts';
import { type ChangesOptions, createServiceChanges, type ServiceChanges } from './service-changes.ts';
import { type History, openHistory } from './service-history.ts';

/** A lab whose services are changed at random while what goes wrong with it is looked for. */
export interface ServiceFaults {
  readonly lab: Lab;
  readonly chance: Chance;
  readonly changes: ServiceChanges;
  readonly checker: KernelChecker;
  readonly log: RuleLog;
  readonly history: History;
  dataplaneOf(host: string): Dataplane;
  /** Starts the host's agent as it was. */
  startAgent(host: string): Promise<void>;
  /**
   * Waits until all that was accepted is in every kernel, and fails where a kernel has held anything else meanwhile.
   * Services that a test makes itself count for the kernels alone.
   */
  settle(): Promise<void>;
  /** A whole look at everything finds nothing to mend. */
  nothingToDo(): Promise<void>;
}

/** These hosts have iptables, the others nftables. */
const IPTABLES = ['host-3'];
/** For what must come to be at some time; whoever waits longer has lost something. */
const PATIENCE = { timeout: 120_000, interval: 50 };

/** @returns the number that all chance of a test comes from; CAUSEWAY_SEED repeats one */
export function seedOf(): number {
  const seed = Number(process.env.CAUSEWAY_SEED ?? Date.now() % 2 ** 31);
  console.log(`CAUSEWAY_SEED=${seed}`);
  return seed;
}

export async function openServiceFaults(
  lab: Lab,
  options: { readonly slots: number } & Partial<ChangesOptions>,
): Promise<ServiceFaults> {
  const chance = options.chance ?? chanceOf(seedOf());
  const dataplaneOf = (host: string): Dataplane => (IPTABLES.includes(host) ? 'iptables' : 'nftables');
  const startAgent = (host: string) => lab.startAgent(host, { dataplane: dataplaneOf(host) });
  for (const host of IPTABLES) {
    await lab.stopAgent(host);
    await startAgent(host);
  }
  await lab.ready();
  const log = await openRuleLog(lab);
  const history = await openHistory(lab);
  const checker = createKernelChecker(lab, log, history, dataplaneOf);
  const containers = await lab.containers();
  const workloads = workloadsOf(lab);
  const changes = createServiceChanges({
    ...{ chance, apis: [lab.api], workloads },
    places: {
      containers: containers.map(({ name }) => name),
      addressOf: (name, family) =>
        addressIn(
          containers.find((one) => one.name === name),
          family === 'ipv6',
        ),
    },
    ...options,
  });

  async function settle(): Promise<void> {
    await changes.makeSure();
    expect(changes.faults).toEqual([]);
    const endpointsAgree = async () => {
      await history.follow();
      const named = await namedIn(lab.api, workloads, changes);
      const stored = [...history.services].filter(([name, { spec }]) => isOfSlot(name) && spec !== undefined);
      expect(stored.map(([name]) => name).sort()).toEqual([...changes.services.keys()].sort());
      for (const [name, { spec, set }] of stored) {
        const known = changes.services.get(name);
        expect(known).toMatchObject(spec ?? {});
        const expected = known === undefined ? [] : expectedEndpoints(known, named, Date.now());
        expect(endpointsIn(set), name).toEqual(expected);
      }
    };
    await vi.waitFor(endpointsAgree, PATIENCE);
    const last = history.revisions.at(-1)?.revision ?? 0;
    const allReport = async () => {
      const nodes = await lab.api.list<NodeView>('/v1/nodes');
      expect(nodes.filter(({ report }) => (report?.servicesRevision ?? 0) < last)).toEqual([]);
    };
    await vi.waitFor(allReport, PATIENCE);
    expect(await checker.check()).toEqual([]);
    expect(checker.behind()).toEqual([]);
  }

  return {
    ...{ lab, chance, changes, checker, log, history, dataplaneOf, startAgent, settle },
    nothingToDo: async () => {
      for (const host of lab.hosts) expect(await planOf(lab, host, dataplaneOf(host))).toBe('nothing to do');
      // It fails where something is leaked, doubled or missing.
      await svcctl(lab, 'ipam', 'check');
    },
  };
}

function addressIn(container: LabContainer | undefined, isIpv6: boolean): string {
  return (isIpv6 ? container?.ipv6Address : container?.address) ?? '';
}

/** Two of them are one place under another name. */
function workloadsOf(lab: Lab) {
  const at = (member: string) => [lab.addressOf(member), lab.ipv6AddressOf(member)];
  return [
    { name: 'w-1', addresses: at('client') },
    { name: 'w-2', addresses: at('internet') },
    { name: 'w-3', addresses: at('client').slice(0, 1) },
    { name: 'w-4', addresses: at('internet').slice(1) },
  ];
}

async function namedIn(
  api: Api,
  workloads: readonly { readonly name: string; readonly addresses: readonly string[] }[],
  changes: ServiceChanges,
): Promise<Named> {
  const containers = await api.list<ContainerView>('/v1/containers');
  const named = new Map<string, { addresses: readonly string[]; labels: Readonly<Record<string, string>> }>();
  for (const { name, labels = {}, status } of containers) {
    const addresses = [status?.address, status?.ipv6Address].filter((one) => one !== undefined);
    if (status?.state === 'running') named.set(name, { addresses, labels });
  }
  for (const { name, addresses } of workloads) {
    const labels = changes.workloads.get(name);
    if (labels !== undefined) named.set(name, { addresses, labels });
  }
  return named;
}
