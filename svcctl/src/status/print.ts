import type { PeerReport } from '@causeway/shared/model/node';
import { formatSeconds } from '../input/duration.ts';
import { safe } from '../print/safe.ts';
import { type Column, table } from '../print/table.ts';
import type { ClusterStatus, EventCount, HostHealth } from './gather.ts';

const HOST_COLUMNS: readonly Column<HostHealth>[] = [
  { header: 'HOST', cell: (host) => host.name },
  { header: 'STATE', cell: stateOf },
  { header: 'SUBNET', cell: subnetOf },
  { header: 'DATAPLANE', cell: (host) => host.dataplane },
  { header: 'LAST-WORD', cell: lastWordOf },
  {
    header: 'LEASE-LEFT',
    cell: ({ leaseLeftSeconds: left }) => (left === undefined ? undefined : formatSeconds(left)),
  },
  {
    header: 'PEERS',
    cell: ({ peers }) => (peers === undefined ? undefined : `${peers.installed}/${peers.wanted}`),
  },
  { header: 'LAG', cell: (host) => host.lag ?? 'no report' },
  {
    header: 'APPLIED-IN',
    cell: (host) => (host.appliedInMs === undefined ? undefined : `${Math.round(host.appliedInMs)}ms`),
  },
  { header: 'PROBLEMS', cell: (host) => host.problems.length + host.waiting.length },
];

/** How many peers are shown that hosts do not reach; `-o json` has all. */
const SHOWN_PEERS = 20;

/** The cluster on one screen. */
export function statusText(status: ClusterStatus, colour: boolean): string {
  const { hosts } = status;
  const rows =
    hosts.length === 0 ? '' : `\n${table(hosts, HOST_COLUMNS, { wide: false, colour, headers: true })}`;
  return `${head(status).map(safe).join('\n')}\n${rows}${missingText(hosts)}`;
}

function head(status: ClusterStatus): readonly string[] {
  const { controller, etcd, hosts, services, network, events } = status;
  const ready = controller.faults.length === 0;
  const alive = hosts.filter((host) => host.alive).length;
  const empty = services.withoutEndpoints.map((one) => one.name).join(', ');
  const age =
    etcd.lastWordSeconds === undefined ? '' : `, last word ${formatSeconds(etcd.lastWordSeconds)} ago`;
  const lines = [
    `controller   ${controller.version} at ${controller.address}, ${ready ? 'ready' : 'not ready'}`,
    `etcd         ${etcd.ok ? 'ok' : `down${age}`}`,
  ];
  if (network !== undefined) {
    const networks = [network.ipv4, network.ipv6].flatMap((text) => text ?? []).join(' and ');
    const waits = network.refused === undefined ? '' : '; a change waits: svcctl network confirm';
    lines.push(`network      ${networks} by ${network.backend}, revision ${network.revision}${waits}`);
  }
  if (!ready) return lines;
  return [
    ...lines,
    `hosts        ${alive} of ${hosts.length} alive`,
    `services     ${services.count}${empty === '' ? '' : `, without endpoints: ${empty}`}`,
    `events       ${eventsText(events)}`,
  ];
}

/** `2 joined, 1 fenced in the last hour` */
function eventsText({ kinds }: EventCount): string {
  const told = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  return told.length === 0 ? 'none in the last hour' : `${told.join(', ')} in the last hour: svcctl events`;
}

function stateOf({ state, cordoned, drained }: HostHealth): string {
  return `${state}${drained ? ',drained' : cordoned ? ',cordoned' : ''}`;
}

function subnetOf({ subnet, subnetIpv6, waiting }: HostHealth): string {
  const held = [subnet, subnetIpv6].flatMap((text) => text ?? []);
  return [...held, ...(waiting.length > 0 ? ['waiting'] : [])].join(',');
}

function lastWordOf({ lastWordSeconds, goneSeconds }: HostHealth): string | undefined {
  if (lastWordSeconds !== undefined) return formatSeconds(lastWordSeconds);
  return goneSeconds === undefined ? undefined : `gone ${formatSeconds(goneSeconds)}`;
}

interface Missing {
  readonly host: string;
  readonly peer: PeerReport;
}

const MISSING_COLUMNS: readonly Column<Missing>[] = [
  { header: 'HOST', cell: ({ host }) => host },
  { header: 'MISSING-PEER', cell: ({ peer }) => peer.node },
  { header: 'SUBNET', cell: ({ peer }) => peer.subnet },
  { header: 'ADDRESS', cell: ({ peer }) => peer.publicIp },
  { header: 'STATE', cell: ({ peer }) => peer.state },
  { header: 'REASON', cell: ({ peer }) => peer.reason },
];

function missingText(hosts: readonly HostHealth[]): string {
  const all = hosts.flatMap(({ name, peers }) =>
    (peers?.missing ?? []).map((peer) => ({ host: name, peer })),
  );
  if (all.length === 0) return '';
  const shown = all.slice(0, SHOWN_PEERS);
  const more =
    all.length > shown.length ? `and ${all.length - shown.length} more: svcctl status -o json\n` : '';
  return `\n${table(shown, MISSING_COLUMNS, { wide: false, colour: false, headers: true })}${more}`;
}
