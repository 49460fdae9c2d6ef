import { randomUUID } from 'node:crypto';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { BRIDGE } from '@causeway/shared/names';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { VERSION } from '@causeway/shared/version';
import { type Place, takePlace } from './cluster/place.ts';
import { watchCluster } from './cluster/view.ts';
import type { AgentConfig } from './config.ts';
import type { ContainerRuntime } from './containers/runtime.ts';
import type { HostFiles } from './host-files.ts';
import type { FactsRequest, HostInfo, Kernel } from './kernel/kernel.ts';
import type { Candidate } from './lease/acquire.ts';
import type { Logger } from './logger.ts';
import { type ContainerKeeper, createContainerKeeper } from './loop/container-keeper.ts';
import { createConverger } from './loop/converge.ts';
import { createLoop, type Loop } from './loop/loop.ts';
import { createReporter, type Reporter } from './loop/reporter.ts';
import type { FirewallTool } from './plan/observed.ts';
import type { Rulesets } from './plan/firewall.ts';

export interface AgentDeps {
  readonly config: AgentConfig;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly runtime: ContainerRuntime;
  readonly rulesets: Rulesets;
  readonly files: HostFiles;
  readonly log: Logger;
}

export const DEFAULT_DATAPLANE: Dataplane = 'nftables';

/**
 * Joins the cluster and keeps this host's kernel and containers as they should be, until `signal` is aborted.
 * Everything stays in place then: whoever stops or upgrades an agent breaks no connection.
 *
 * @throws CausewayError when the host cannot take part at all: no link to the other hosts, no packet filter, a name
 * that is another host's, no subnet left
 */
export async function runAgent(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { config, kernel, files, store, log } = deps;
  const dataplane = config.dataplane ?? DEFAULT_DATAPLANE;
  const request = factsRequest(config, await files.nodeId());
  const host = await kernel.host(request);
  const tool = await kernel.toolFor(dataplane);
  log.info({ ...host.facts, tool, version: VERSION, etcd: config.etcd }, 'starting');

  let parts: Parts | undefined;
  const lastSubnet = await files.lastSubnet();
  const place = await takePlace({
    ...{ store, files, log, signal },
    input: {
      node: candidate(host, dataplane),
      instance: randomUUID(),
      ...(lastSubnet === undefined ? {} : { lastSubnet }),
      ownershipSeconds: config.leaseHours * 3_600,
      aliveSeconds: config.aliveSeconds,
    },
    onChange: () => {
      parts?.reporter.again();
      parts?.loop.resync();
    },
  });
  if (place === undefined) return;
  parts = assemble(deps, { place, host, tool, request, dataplane });
  await aborted(signal);
  log.info('stopping; rules, routes and containers stay');
  await parts.stop();
  await place.leave();
}

/** @param id the host's own */
export function factsRequest(config: AgentConfig, id: string): FactsRequest {
  const { name, iface, publicIp } = config;
  return {
    name,
    id,
    ...(iface === undefined ? {} : { iface }),
    ...(publicIp === undefined ? {} : { publicIp }),
  };
}

export function candidate({ facts, addresses }: HostInfo, dataplane: Dataplane): Candidate {
  const { name, id, publicIp, ifaceSubnet: network } = facts;
  return { name, id, publicIp, addresses, network, dataplane, version: VERSION };
}

/**
 * The host's link and address as before as long as they are there: another default route (a VPN's, or none while the
 * link flaps) does not move a host that chose its link by it.
 */
async function readAgain(kernel: Kernel, request: FactsRequest, known: HostInfo): Promise<HostInfo> {
  const { iface, publicIp } = known.facts;
  try {
    return await kernel.host({ iface, publicIp, ...request });
  } catch {
    return kernel.host({ iface, ...request }).catch(() => kernel.host(request));
  }
}

interface Start {
  readonly place: Place;
  readonly host: HostInfo;
  readonly tool: FirewallTool;
  readonly request: FactsRequest;
  readonly dataplane: Dataplane;
}

interface Parts {
  readonly loop: Loop;
  readonly reporter: Reporter;
  stop(): Promise<void>;
}

/** Connects what notices (etcd's watch, the kernel's monitors) to what acts (the loop, the containers, the report). */
function assemble(deps: AgentDeps, start: Start): Parts {
  const { config, kernel, store, runtime, rulesets, log } = deps;
  const { place, host, tool, request, dataplane } = start;
  const reporter = createReporter(store, place.ownership, log);
  const keeper = createContainerKeeper({ runtime, store, host: config.name, log });
  const loop = createLoop(
    {
      ...{ name: config.name, place, keeper, reporter, log, resyncSeconds: config.resyncSeconds },
      view: () => view,
      converger: createConverger({ kernel, rulesets, tool }),
      host: async (known) => {
        const found = await readAgain(kernel, request, known);
        place.present(candidate(found, dataplane));
        return found;
      },
    },
    host,
  );
  const view = watchCluster(store, config.name, {
    onChange: (part) => {
      if (part === 'network' && isStranger(place)) place.verify();
      loop.changed();
    },
    onConnection: (connected, reason) => {
      log.warn({ reason }, connected ? 'etcd is back' : 'etcd is away; everything stays as it is');
      if (connected) again(reporter, keeper);
    },
  });
  const isStranger = ({ subnet }: Place) => {
    const built = view.read();
    if (built?.snapshot === undefined) return false;
    const { leases } = built.snapshot;
    const isOurs = leases.some((lease) => lease.subnet === subnet && lease.node?.id === request.id);
    return !isOurs || built.unreadable.includes(keys.subnet(subnet));
  };
  const monitor = kernel.watch({
    ...{ tool, iface: host.facts.iface, bridge: BRIDGE },
    onSignal: (signal, reason) => (signal === 'containers' ? keeper.look() : loop.suspect(signal, reason)),
  });
  return {
    loop,
    reporter,
    stop: async () => {
      view.close();
      monitor.close();
      await Promise.all([loop.stop(), keeper.stop(), reporter.stop()]);
    },
  };
}

function again(reporter: Reporter, keeper: ContainerKeeper): void {
  reporter.again();
  keeper.again();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
