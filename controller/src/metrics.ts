import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { App, Deps } from './deps.ts';

const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** Metrics of one server; `/metrics` answers them in Prometheus' text form. */
export function metricRoutes(app: App, deps: Deps, withProcess: boolean): void {
  const registry = new Registry();
  if (withProcess) collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'causeway_http_request_duration_seconds',
    help: 'How long answers took, by route; watches are not counted.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS,
    registers: [registry],
  });
  clusterGauges(registry, deps);

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    duration.observe(labels, reply.elapsedTime / 1000);
  });
  app.get(
    '/metrics',
    { schema: { tags: ['about'], summary: 'Metrics for Prometheus' } },
    async (_request, reply) => {
      reply.type(registry.contentType);
      return registry.metrics();
    },
  );
}

function clusterGauges(registry: Registry, { view, streams }: Deps): void {
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const { tables } = view;
  const isAlive = (name: string, id: string) => tables.alive.get(name)?.value.id === id;
  gauge('causeway_services', 'Services.', () => tables.service.size);
  gauge('causeway_nodes', 'Hosts that ever joined.', () => tables.node.size);
  gauge(
    'causeway_nodes_alive',
    'Hosts whose agents were heard of lately.',
    () => [...tables.node.values()].filter(({ value }) => isAlive(value.name, value.id)).length,
  );
  gauge('causeway_containers', 'Containers that should run.', () => tables.container.size);
  gauge('causeway_subnet_leases', 'Subnets that are leased.', () => tables.lease.size);
  gauge('causeway_unreadable_keys', 'Keys in etcd whose values do not parse.', () => view.unreadable.size);
  gauge('causeway_etcd_connected', '1: the cluster state is followed; 0: it is not.', () =>
    view.connection.whole ? 1 : 0,
  );
  gauge(
    'causeway_etcd_last_word_timestamp_seconds',
    'When etcd was last heard of; 0: never.',
    () => view.connection.lastWordAt / 1000,
  );
  gauge('causeway_etcd_revision', 'Newest revision of the cluster state that was seen.', () =>
    view.revision('causeway'),
  );
  gauge('causeway_watch_streams', 'Open watches by server-sent events.', () => streams.count);
}
