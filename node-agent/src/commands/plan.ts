import { desiredHost } from '@causeway/shared/desired/index';
import { CausewayError } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { decodeNode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { DEFAULT_DATAPLANE, factsRequest } from '../agent.ts';
import { readCluster } from '../cluster/view.ts';
import type { AgentConfig } from '../config.ts';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { HostFiles } from '../host-files.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Rulesets } from '../plan/firewall.ts';
import { plan } from '../plan/plan.ts';

export interface PlanDeps {
  readonly config: AgentConfig;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly runtime: ContainerRuntime;
  readonly rulesets: Rulesets;
  readonly files: HostFiles;
}

export interface Preview {
  /** What a run would do, one line each; empty: nothing. */
  readonly steps: readonly string[];
  /** What no step of ours mends. */
  readonly problems: readonly string[];
}

/**
 * What an agent would do on this host at this moment. Reads etcd and the kernel, changes neither.
 *
 * @throws CausewayError `unreachable` when etcd does not answer, `not-found` without a network configuration
 */
export async function previewPlan(deps: PlanDeps): Promise<Preview> {
  const { config, kernel, store, files, rulesets, runtime } = deps;
  const id = (await files.knownNodeId()) ?? '';
  const { facts } = await kernel.host(factsRequest(config, id));
  const { snapshot, problems, unknownContainers } = await readCluster(store, config.name);
  if (snapshot === undefined)
    throw new CausewayError('not-found', `planning for ${config.name}: ${problems.join('; ')}`);
  const own = snapshot.leases.find((lease) => isOwn(lease, id, facts.publicIp));
  if (own === undefined) return { steps: [leaseText(config.name, snapshot.config)], problems };

  const tool = await kernel.toolFor(config.dataplane ?? (await chosenBefore(store, config.name)));
  const desired = desiredHost(snapshot, facts, own.subnet);
  const { bridge } = desired;
  const look = {
    bridge: bridge.name,
    network: snapshot.config.network,
    sysctls: Object.keys(desired.sysctls),
  };
  const observed = await kernel.observe({ network: look, firewall: { tool, leftovers: true } });
  const planned = plan(desired, observed, rulesets);
  const network = {
    ...{ subnet: own.subnet, gateway: bridge.address.split('/')[0] ?? '' },
    ...{ bridge: bridge.name, mtu: bridge.mtu },
  };
  const containers = await runtime.plan(snapshot.containers, network, unknownContainers);
  return {
    steps: [...planned.steps.map((step) => step.text), ...containers],
    problems: [...problems, ...desired.problems, ...planned.problems],
  };
}

/** A lease with an id is the host's that has it; one without, a flannel daemon's, is recognised by the address. */
function isOwn(lease: { publicIp: string; node?: { id: string } }, id: string, publicIp: string): boolean {
  return lease.node === undefined ? lease.publicIp === publicIp : lease.node.id === id;
}

function leaseText(name: string, config: NetworkConfig): string {
  return `lease a subnet of ${config.network} for ${name} (which one is found out by leasing it; the rest follows from it)`;
}

async function chosenBefore(store: Store, name: string): Promise<Dataplane> {
  const kv = await store.get(keys.node(name));
  const node = kv === undefined ? undefined : decodeNode(kv);
  return node === undefined || node instanceof CausewayError ? DEFAULT_DATAPLANE : node.dataplane;
}
