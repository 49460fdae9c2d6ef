import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { BRIDGE } from '@causeway/shared/names';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import { addressesRoute } from './agent-addresses.ts';
import { type AgentApi, createAgentApi } from './agent-api.ts';
import type { AgentDeps } from './agent-deps.ts';
import { hostReader } from './agent-host.ts';
import { pingRoute } from './api/ping.ts';
import type { Route } from './api/routes.ts';
import type { EventLog } from './cluster/events.ts';
import type { Place } from './cluster/place.ts';
import { policyMemory } from './cluster/policy-memory.ts';
import { subnetFile } from './cluster/subnet-file.ts';
import { watchCluster } from './cluster/view.ts';
import { sweepSessions } from './containers/exec-session.ts';
import { layoutOf, placeOf } from './containers/places.ts';
import { execRoutes } from './exec/routes.ts';
import { createHealthChecks, type HealthChecks } from './health-checks/health-checks.ts';
import { type ImageSharing, shareImages } from './image-sharing/sharing.ts';
import { inspectRoutes } from './inspect/routes.ts';
import type { FactsRequest, HostInfo, WatchFocus } from './kernel/kernel.ts';
import { sysctlFileOf } from './kernel/linux.ts';
import { logRoutes } from './logs/routes.ts';
import { createContainerKeeper } from './loop/container-keeper.ts';
import { createConverger } from './loop/converge.ts';
import { leavingOut } from './loop/left-out.ts';
import { createLoop, type Loop } from './loop/loop.ts';
import { createReporter, type Reporter } from './loop/reporter.ts';
import type { FirewallTool } from './plan/observed.ts';

export interface Start {
  readonly place: Place;
  readonly events: EventLog;
  readonly host: HostInfo;
  readonly tool: FirewallTool;
  readonly request: FactsRequest;
  readonly dataplane: Dataplane;
  /** Values of policies' keys, as they could be read in the life before. */
  readonly policies: ReadonlyMap<string, string>;
}

export interface Parts {
  readonly loop: Loop;
  readonly reporter: Reporter;
  readonly healthChecks: HealthChecks;
  readonly api: AgentApi;
  readonly images: ImageSharing;
  /** Whether all of etcd that the agent follows is being followed. */
  connected(): boolean;
  /** Those of the network; none before it was read. */
  families(): readonly Family[];
  stop(): Promise<void>;
}

/** Connects what notices (etcd's watch, the kernel's monitors) to what acts (the loop, the containers, the report). */
export function assemble(deps: AgentDeps, start: Start): Parts {
  const { config, kernel, store, runtime, gate, rulesets, log } = deps;
  const { place, events, host, tool, request, dataplane } = start;
  const reporter = createReporter({ store, lease: place.ownership, log });
  const keeper = createContainerKeeper({ runtime, store, host: config.name, log });
  const healthChecks = createHealthChecks({
    ...{ host: config.name, runtime, store, liveness: place.liveness, alive: place.alive, log },
    onProblem: () => loop.changed(),
  });
  const readHost = hostReader({ kernel, request, dataplane, place }, host);
  const images = shareImages({
    ...{ images: deps.images, usedHere: () => runtime.heldImages() },
    ...{ host: config.name, store, liveness: place.liveness, alive: place.alive, log },
  });
  const api = createAgentApi({
    ...{
      host: config.name,
      at: config.api,
      address: hostAddress(host),
      routes: apiRoutes(deps, images),
    },
    ...{ store, liveness: place.liveness, alive: place.alive, log, onProblem: () => loop.changed() },
  });
  const loop = createLoop(
    {
      ...{ name: config.name, place, keeper, reporter, log, resyncSeconds: config.resyncSeconds },
      ...{ healthChecks, api, gate, remember: policyMemory(deps.files, log, start.policies.size === 0) },
      subnetFile: subnetFile(config.subnetFile),
      view: () => view,
      converger: leavingOut(createConverger({ kernel, rulesets, tool }), rulesets),
      host: async () => {
        const found = await readHost();
        api.moved(hostAddress(found));
        api.verify();
        return found;
      },
      focus: (focus) => refocus(focus),
    },
    host,
  );
  gate.listen({ onAddresses: () => loop.changed(), onHeld: () => keeper.look() });
  const view = watchCluster(
    store,
    config.name,
    {
      onChange: (part) => {
        const built = part === 'network' || part === 'settings' ? view.read() : undefined;
        if (built !== undefined) place.heed(built);
        loop.changed();
      },
      onConnection: (whole, reason) => {
        log.warn({ reason }, whole ? 'etcd is back' : 'etcd is away; everything stays as it is');
        if (!whole) return;
        place.verify();
        reporter.again();
        keeper.again();
        healthChecks.again();
        api.again();
        images.again();
        events.again();
      },
    },
    start.policies,
  );
  let focused: WatchFocus = { iface: host.facts.iface, sysctls: [] };
  const monitor = kernel.watch({
    ...{ tool, bridge: host.facts.bridge ?? BRIDGE, ...focused },
    onSignal: (signal, reason) => (signal === 'containers' ? keeper.look() : loop.suspect(signal, reason)),
  });
  const refocus = (focus: WatchFocus) => {
    if (isDeepStrictEqual(focus, focused)) return;
    focused = focus;
    monitor.focus(focus);
  };
  const unlisten = runtime.onEvent((kind, message) =>
    events.add(kind, kind === 'restart-needed' ? 'warning' : 'info', message),
  );
  return {
    ...{ loop, reporter, healthChecks, api, images },
    connected: () => view.isWhole(),
    families: () => {
      const network = view.read()?.snapshot?.config;
      return FAMILIES.filter((family) => network?.[family] !== undefined);
    },
    stop: async () => {
      unlisten();
      view.close();
      monitor.close();
      await Promise.all([
        loop.stop(),
        keeper.stop(),
        reporter.stop(),
        healthChecks.stop(),
        api.stop(),
        images.stop(),
      ]);
    },
  };
}

/** What controllers and other agents may ask of this one; each part of the agent brings its own. */
function apiRoutes({ config, runtime, log }: AgentDeps, images: ImageSharing): readonly Route[] {
  const layout = layoutOf(config);
  sweepSessions(layout).catch((error: unknown) =>
    log.warn({ reason: messageOf(error) }, 'commands in containers'),
  );
  const place = (name: string) => placeOf(layout, name);
  const looking = { host: config.name, sysctlFile: sysctlFileOf(config.stateDir), placeOf: place };
  return [
    ...[pingRoute(config.name), addressesRoute(runtime)],
    ...execRoutes(runtime),
    ...logRoutes((name) => place(name).log),
    ...inspectRoutes(looking),
    ...images.routes,
  ];
}

/** Where others reach this host. */
function hostAddress({ facts }: HostInfo): string {
  return facts.ipv4?.publicIp ?? facts.ipv6?.publicIp ?? '';
}
