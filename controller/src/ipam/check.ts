import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import type { Agents } from '../agents/agents.ts';
import { locate } from '../view/locate.ts';
import { TableSet } from '../view/table-set.ts';
import type { Tables } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { containerFindings } from './containers.ts';
import { quoted } from './held-once.ts';
import { kernelFindings } from './kernels.ts';
import { serviceFindings } from './services.ts';
import { subnetFindings } from './subnets.ts';

/** Whether everything that is given away is given away once, and to somebody who has it. */
export interface IpamCheck {
  readonly ok: boolean;
  /** Each a sentence; sorted. */
  readonly findings: readonly string[];
  /** How much was looked at. */
  readonly checked: {
    readonly services: number;
    readonly vips: number;
    readonly nodePorts: number;
    readonly subnets: number;
    readonly reservations: number;
    readonly containers: number;
    readonly publishedPorts: number;
    /** Hosts whose kernels were asked. */
    readonly hosts: number;
  };
  /** Why hosts could not be asked what their kernels have, each a sentence; that is no finding. */
  readonly unasked: readonly string[];
}

const PREFIXES = [
  ...[keys.servicePrefix, keys.allocationPrefix, keys.claimPrefix, keys.reservationPrefix],
  ...[keys.containerPrefix, keys.containerStatusPrefix, keys.publishedPrefix, keys.containerAddressPrefix],
  ...[keys.settings, keys.networkPrefix],
];
/** Looks in a row that a finding must survive. */
const LOOKS = 3;

/**
 * Compares allocations with services and containers, and claims and reservations with leases, as etcd has them at this
 * moment, and what it tells of containers' addresses with the kernels of their hosts.
 * Prefixes are read one after the other, so a single look may see half of a change: what the next look does not see
 * again was no fault.
 *
 * @throws CausewayError as the store does, and `unreachable` while there is no configuration
 */
export async function checkIpam(deps: IpamDeps): Promise<IpamCheck> {
  let { findings, checked, unasked } = await look(deps);
  for (let again = 1; again < LOOKS && findings.size > 0; again++) {
    const next = await look(deps);
    findings = new Set([...findings].filter((finding) => next.findings.has(finding)));
    ({ checked, unasked } = next);
  }
  return { ok: findings.size === 0, findings: [...findings].sort(), checked, unasked };
}

export interface IpamDeps {
  readonly store: Store;
  readonly agents: Pick<Agents, 'json'>;
  /** What the watches have brought: which hosts have an agent that answers. */
  readonly view: Pick<View, 'tables'>;
}

async function look({ store, agents, view }: IpamDeps) {
  const listings = await Promise.all(PREFIXES.map((prefix) => store.list(prefix)));
  const fresh = new TableSet();
  const withEndpoints: string[] = [];
  listings.forEach(({ items, revision }, index) => {
    const others = items.filter(({ key }) => {
      const location = locate(key);
      if (location?.kind !== 'endpoints') return true;
      // Which services have some is all that is asked of them, and there may be tens of thousands.
      withEndpoints.push(location.id);
      return false;
    });
    fresh.apply(PREFIXES[index] ?? '', { items: new Map(others.map((item) => [item.key, item])), revision });
  });
  const { rows, unreadable } = fresh;
  const kernels = await kernelFindings({ ...rows, agent: view.tables.agent }, unreadable, agents);
  const findings = new Set([
    ...serviceFindings(rows, unreadable),
    ...withEndpoints
      .filter((name) => !rows.service.has(name) && !unreadable.has(keys.serviceSpec(name)))
      .map((name) => `the endpoints of service ${quoted(name)} are left over: it does not exist`),
    ...subnetFindings(rows),
    ...containerFindings(rows, unreadable),
    ...kernels.findings,
    ...[...unreadable.values()].map((why) => `${why}; what it has is not known`),
  ]);
  return { findings, checked: counts(rows, kernels.asked), unasked: kernels.unasked };
}

function counts(tables: Tables, hosts: number): IpamCheck['checked'] {
  const { service, vip, nodePort, lease, reservation, container, published } = tables;
  return {
    services: service.size,
    vips: vip.size,
    nodePorts: nodePort.size,
    subnets: lease.size,
    reservations: reservation.size,
    containers: container.size,
    publishedPorts: [...published.values()].reduce((sum, { value }) => sum + value.holders.length, 0),
    hosts,
  };
}
