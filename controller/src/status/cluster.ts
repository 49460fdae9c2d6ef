import { CausewayError } from '@causeway/shared/errors';
import type { Deps } from '../deps.ts';
import { services } from '../objects/service.ts';
import type { ClusterStatusObject, EmptyService } from '../objects/status.ts';
import { networkOf } from '../view/facts.ts';
import type { Tables } from '../view/tables.ts';
import { checks, type EtcdAnswer, pingEtcd, textOf } from './checks.ts';
import { countEvents, hostStatuses, recentEvents } from './hosts.ts';
import { faultsOf } from './sentences.ts';

/** The cluster as it looks from here. Asks etcd about every host's leases, and still answers when etcd is away. */
export async function clusterStatus(deps: Deps): Promise<ClusterStatusObject> {
  const { view, lastWords } = deps;
  const etcd = await pingEtcd(deps);
  const known = etcd.ok && view.connection.whole;
  const words = known ? await lastWords.look() : new Map();
  const { tables } = view;
  const now = Date.now();
  const effective = effectiveNetwork(tables);
  const networkRevision = view.newestChange('network');
  const hosts = hostStatuses({ tables, config: effective?.config, words, networkRevision, known, now });
  const withoutEndpoints = emptyServices(tables);
  const all = checks(deps, etcd);
  const faults = all.filter(({ mark }) => mark === '-').map(textOf);
  const notes = all.filter(({ mark }) => mark === '!').map(textOf);
  return {
    ready: faults.length === 0,
    faults,
    etcd: etcdStatus(etcd, deps),
    ...(effective === undefined ? {} : { network: networkStatus(effective, networkRevision) }),
    hosts,
    services: { count: tables.service.size, withoutEndpoints },
    unreadable: [...view.unreadable.values()],
    events: countEvents([...recentEvents(tables, now).values()].flat()),
    degraded: [
      ...faults.map((fault) => `the controller is not ready: ${fault}`),
      ...notes,
      ...(known ? faultsOf(hosts, withoutEndpoints) : []),
    ],
  };
}

function etcdStatus(etcd: EtcdAnswer, { view }: Deps): ClusterStatusObject['etcd'] {
  const { lastWordAt } = view.connection;
  const age = lastWordAt === 0 ? {} : { lastWordSeconds: (Date.now() - lastWordAt) / 1_000 };
  return { ok: etcd.ok, ...(etcd.ok ? {} : { reason: etcd.reason }), ...age };
}

function networkStatus(
  { config, refused }: ReturnType<typeof networkOf>,
  revision: number,
): ClusterStatusObject['network'] {
  return {
    ...(config.ipv4 === undefined ? {} : { ipv4: config.ipv4.network }),
    ...(config.ipv6 === undefined ? {} : { ipv6: config.ipv6.network }),
    backend: config.backend.type,
    revision,
    ...(refused === undefined ? {} : { refused: refused.reason }),
  };
}

/** @returns undefined while there is no configuration */
function effectiveNetwork(tables: Tables): ReturnType<typeof networkOf> | undefined {
  try {
    return networkOf(tables);
  } catch (error) {
    if (error instanceof CausewayError) return undefined;
    throw error;
  }
}

function emptyServices(tables: Tables): readonly EmptyService[] {
  return [...tables.service].flatMap(([name, row]) => {
    const { status, endpoints } = services.present(row, name, tables);
    if (status.endpoints > 0) return [];
    return [{ name, broken: endpoints.length > 0, unresolved: status.unresolved }];
  });
}
