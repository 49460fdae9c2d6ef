import type { Store } from '@causeway/shared/store/store';
import fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { createAgents } from './agents/agents.ts';
import { answerUpgrades } from './agents/upgrades.ts';
import type { Chance } from './allocate/complete.ts';
import { ServiceWriter } from './allocate/service-writer.ts';
import { readBody } from './body.ts';
import { ContainerWriter } from './container-writer.ts';
import type { App, Deps } from './deps.ts';
import { ImageWriter } from './images/image-writer.ts';
import { refuseOtherHosts } from './known-host.ts';
import { metricRoutes } from './metrics.ts';
import { NetworkWriter } from './network/network-writer.ts';
import { NodeWriter } from './nodes/node-writer.ts';
import { openApi } from './openapi.ts';
import { PolicyWriter } from './policies/policy-writer.ts';
import { answerNotFound, answerProblem, STATUS, withStatus } from './problem.ts';
import { containerSessionRoutes } from './routes/container-sessions.ts';
import { containerRoutes } from './routes/containers.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { imageRoutes } from './routes/images.ts';
import { ipamRoutes } from './routes/ipam.ts';
import { netStackRoutes } from './routes/net-stacks.ts';
import { NETWORK_PATH, networkRoutes } from './routes/network.ts';
import { nodeOperationRoutes } from './routes/node-operations.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { policyRoutes } from './routes/policies.ts';
import { reservationRoutes } from './routes/reservations.ts';
import { serviceRoutes } from './routes/services.ts';
import { settingsRoutes } from './routes/settings.ts';
import { statusRoutes } from './routes/status.ts';
import { subnetRoutes } from './routes/subnets.ts';
import { versionRoutes } from './routes/version.ts';
import { workloadRoutes } from './routes/workloads.ts';
import { SettingsWriter } from './settings-writer.ts';
import { LastWords } from './status/last-words.ts';
import type { OwnAddress } from './validate/ranges.ts';
import { schemaError } from './validate/schema-error.ts';
import { configFault } from './view/facts.ts';
import type { View } from './view/view.ts';
import { Streams } from './watch/stream.ts';
import { WorkloadWriter } from './workload-writer.ts';

export interface AppOptions {
  readonly store: Store;
  readonly view: View;
  /** pino; nothing is logged without one. */
  readonly logger?: FastifyBaseLogger;
  readonly chance?: Chance;
  /** How long a request waits for etcd before it is answered with 503, milliseconds; default 3,000. */
  readonly patienceMs?: number;
  /** Where others reach the controller and etcd: no network of containers may hold these. */
  readonly own?: readonly OwnAddress[];
  /** Names with dots at which users reach it, beside its addresses. */
  readonly names?: readonly string[];
  /** Also the process' own metrics (memory, event loop). */
  readonly processMetrics?: boolean;
}

const PATIENCE_MS = 3_000;
/** Names in paths may be as long as anything that is looked for. */
const MAX_PARAM = 1_000;
const UNAVAILABLE = 503;
const BODY_LIMIT = 1024 * 1024;

const API_ROUTES: readonly ((app: App, deps: Deps) => void)[] = [
  ...[nodeRoutes, nodeOperationRoutes, subnetRoutes, reservationRoutes, networkRoutes, settingsRoutes],
  ...[serviceRoutes, endpointRoutes, containerRoutes, workloadRoutes, policyRoutes, eventRoutes, ipamRoutes],
  ...[containerSessionRoutes, netStackRoutes],
  imageRoutes,
];

/** Builds the REST API over a store and a view of it; it listens nowhere yet (see serve.ts, or use `inject`). */
export async function buildApp(options: AppOptions): Promise<App> {
  const { store, view } = options;
  const app: App = fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    // What failed is logged by the error handler; what did not is counted by the metrics.
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: answerProblem,
    exposeHeadRoutes: false,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PARAM },
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>();
  const chance = options.chance ?? { random: Math.random, now: () => new Date().toISOString() };
  const agents = createAgents(view);
  const deps: Deps = {
    store,
    view,
    agents,
    services: new ServiceWriter(store, view, () => Date.parse(chance.now())),
    containers: new ContainerWriter(store, view, agents),
    workloads: new WorkloadWriter(store, view),
    images: new ImageWriter(store, view),
    policies: new PolicyWriter(store, view),
    nodes: new NodeWriter(store, view),
    network: new NetworkWriter(store, view, options.own ?? []),
    settings: new SettingsWriter(store, view, options.own ?? []),
    lastWords: new LastWords(store, view, options.patienceMs),
    streams: new Streams(),
    chance,
  };
  refuseOtherHosts(app, options.names ?? []);
  readBody(app);
  compileZod(app);
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler(answerNotFound);
  app.addHook('preClose', async () => deps.streams.closeAll());
  await openApi(app);
  metricRoutes(app, deps, options.processMetrics ?? false);
  healthRoutes(app, deps);
  statusRoutes(app, deps);
  versionRoutes(app);
  await app.register(async (api: App) => {
    // What is asked of the cluster is answered from the whole of its state, or not at all.
    api.addHook('preHandler', async (request) => {
      await view.whole(options.patienceMs ?? PATIENCE_MS);
      // A configuration that cannot be read is mended by writing another.
      const isMending = request.method === 'PATCH' && request.routeOptions.url === NETWORK_PATH;
      const fault = isMending ? undefined : configFault(view);
      if (fault !== undefined) throw withStatus(UNAVAILABLE, fault);
    });
    for (const routes of API_ROUTES) routes(api, deps);
  });
  answerUpgrades(app.server, app);
  await app.ready();
  return app;
}

/** One zod schema gives each input's validation and sentences, its type, and its place in the OpenAPI document. */
function compileZod(app: App): void {
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (data: unknown) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    // Fastify would make it a 400, which is for what is not even well formed.
    return { error: withStatus(STATUS.invalid, schemaError(result.error, data, httpPart ?? 'body')) };
  });
  // Answers are typed by their schemas already; checking ten thousand of them again would cost more than reading.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}
