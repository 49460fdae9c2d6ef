import { safe } from '../print/safe.ts';
import { type Column, table } from '../print/table.ts';
import type { ClusterStatus, HostHealth } from './gather.ts';

const HOST_COLUMNS: readonly Column<HostHealth>[] = [
  { header: 'HOST', cell: (host) => host.name },
  { header: 'STATE', cell: (host) => (host.alive ? 'alive' : 'dead') },
  { header: 'SUBNET', cell: (host) => host.subnet },
  { header: 'DATAPLANE', cell: (host) => host.dataplane },
  { header: 'LAG', cell: (host) => host.lag ?? 'no report' },
  {
    header: 'APPLIED-IN',
    cell: (host) => (host.appliedInMs === undefined ? undefined : `${Math.round(host.appliedInMs)}ms`),
  },
  { header: 'PROBLEMS', cell: (host) => host.problems.length },
];

/** The cluster on one screen. */
export function statusText(status: ClusterStatus, colour: boolean): string {
  const { controller, etcd, hosts, services } = status;
  const ready = controller.faults.length === 0;
  const alive = hosts.filter((host) => host.alive).length;
  const empty = services.withoutEndpoints.map((one) => one.name).join(', ');
  const lines = [
    `controller   ${controller.version} at ${controller.address}, ${ready ? 'ready' : 'not ready'}`,
    `etcd         ${etcd.ok ? 'ok' : 'down'}`,
  ];
  if (ready) {
    lines.push(`hosts        ${alive} of ${hosts.length} alive`);
    lines.push(`services     ${services.count}${empty === '' ? '' : `, without endpoints: ${empty}`}`);
  }
  const rows =
    hosts.length === 0 ? '' : `\n${table(hosts, HOST_COLUMNS, { wide: false, colour, headers: true })}`;
  return `${lines.map(safe).join('\n')}\n${rows}`;
}
