import { readFile } from 'node:fs/promises';
import type { OwnSubnets } from '@causeway/shared/desired/host';
import { desiredHost } from '@causeway/shared/desired/index';
import { CausewayError } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { decodeNode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { DEFAULT_DATAPLANE, factsRequest } from '../agent-host.ts';
import { renderSubnetFile, type SubnetFileContent } from '../cluster/subnet-file.ts';
import { readCluster } from '../cluster/view.ts';
import type { AgentConfig } from '../config.ts';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { HostFiles } from '../host-files.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { firewallLook, networkLook } from '../kernel/look.ts';
import { containerNetwork } from '../loop/container-network.ts';
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
  const subnets = ownSubnets(snapshot, facts);
  const leases = leaseSteps(config.name, snapshot.config, subnets);
  if (entriesOf(subnets).length === 0) return { steps: leases, problems };

  const tool = await kernel.toolFor(config.dataplane ?? (await chosenBefore(store, config.name)));
  const local = { specs: snapshot.containers, addresses: await runtime.heldAddresses() };
  const desired = desiredHost(snapshot, facts, subnets, local);
  const look = { network: networkLook(desired), firewall: firewallLook(desired, tool) };
  const observed = await kernel.observe(look);
  const planned = plan(desired, observed, rulesets);
  const network = containerNetwork(subnets, desired.bridge, facts);
  const containers = await runtime.plan(snapshot.containers, network, unknownContainers);
  const content = { config: snapshot.config, subnets, mtu: desired.bridge.mtu };
  const file = await fileSteps(config.subnetFile, content);
  return {
    steps: [...leases, ...planned.steps.map((step) => step.text), ...file, ...containers],
    problems: [...problems, ...desired.problems, ...planned.problems, ...(observed.firewall?.unlisted ?? [])],
  };
}

function ownSubnets({ leases }: Snapshot, facts: HostFacts): OwnSubnets {
  const own = leases.find((lease) => isOwn(lease, facts));
  return own === undefined ? {} : mapFamilies(own, ({ subnet }) => subnet);
}

/** A lease with an id is the host's that has it; one without, a flannel daemon's, is recognised by the address. */
function isOwn(lease: SubnetLease, facts: HostFacts): boolean {
  if (lease.node !== undefined) return lease.node.id === facts.id;
  return entriesOf(lease).some(
    ([family, { publicIp }]) => publicIp !== undefined && publicIp === facts[family]?.publicIp,
  );
}

/** Which subnet it is, is found out by leasing it. */
function leaseSteps(name: string, config: NetworkConfig, subnets: OwnSubnets): readonly string[] {
  const missing = entriesOf(config).filter(([family]) => subnets[family] === undefined);
  return missing.map(
    ([, { network }]) =>
      `lease a subnet of ${network} for ${name} (which one is found out by leasing it; the rest follows from it)`,
  );
}

async function fileSteps(path: string | undefined, content: SubnetFileContent): Promise<readonly string[]> {
  if (path === undefined) return [];
  const found = await readFile(path, 'utf8').catch(() => '');
  return found === renderSubnetFile(content) ? [] : [`write ${path}`];
}

async function chosenBefore(store: Store, name: string): Promise<Dataplane> {
  const kv = await store.get(keys.node(name));
  const node = kv === undefined ? undefined : decodeNode(kv);
  return node === undefined || node instanceof CausewayError ? DEFAULT_DATAPLANE : node.dataplane;
}
