import type { Store } from '@causeway/shared/store/store';
import type { FastifyBaseLogger } from 'fastify';
import { buildApp } from './app.ts';
import { ensureCluster, ignoredFlags, type Wanted } from './bootstrap.ts';
import { startEndpointLoop } from './endpoints/loop.ts';
import { startPolicyLoop } from './policies/loop.ts';
import { type Listening, type ListenOptions, listen } from './serve.ts';
import { View } from './view/view.ts';

export interface ControllerOptions {
  readonly store: Store;
  readonly wanted: Wanted;
  readonly listen: ListenOptions;
  /** Names with dots at which users reach the API. */
  readonly names?: readonly string[];
  readonly logger: FastifyBaseLogger;
}

export interface Controller extends Listening {
  /** Resolves once the cluster's configuration is in etcd, or after `close`; rejects when the flags cannot be. */
  readonly ready: Promise<void>;
}

/**
 * Starts everything of the controller that is not etcd. The API answers from the first moment, with 503 until
 * etcd does.
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { store, logger, wanted, names = [] } = options;
  const own = wanted.own === undefined ? {} : { own: wanted.own };
  const view = new View(store);
  const app = await buildApp({ store, view, logger, names, processMetrics: true, ...own });
  const listening = await listen(app, options.listen);
  logger.info({ url: listening.url, socket: options.listen.socket }, 'the API is served');
  const loop = startEndpointLoop(store, view, logger);
  const policyLoop = startPolicyLoop(store, view, logger);
  const stopped = new AbortController();
  let lastReason = '';
  const ready = ensureCluster(
    store,
    wanted,
    (reason) => {
      if (reason !== lastReason) logger.warn({ reason }, "waiting for the cluster's configuration");
      lastReason = reason;
    },
    stopped.signal,
  ).then(
    ({ config, settings }) => {
      logger.info({ config, settings }, 'the cluster is configured');
      for (const sentence of ignoredFlags(wanted, { config, settings })) logger.warn(sentence);
    },
    (error: unknown) => {
      if (!stopped.signal.aborted) throw error;
    },
  );
  return {
    url: listening.url,
    ready,
    close: async () => {
      stopped.abort();
      loop.stop();
      policyLoop.stop();
      await listening.close();
      view.close();
    },
  };
}
