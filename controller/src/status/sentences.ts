import type { EmptyService, HostStatus } from '../objects/status.ts';

/** How many of a host's missing peers are told one by one. */
const PEERS_TOLD = 3;

/** What is wrong with the hosts and services of a cluster, a sentence for each; empty: nothing. */
export function faultsOf(hosts: readonly HostStatus[], services: readonly EmptyService[]): readonly string[] {
  return [
    ...(hosts.length === 0 ? ['no host has joined'] : []),
    ...hosts.flatMap(hostFaults),
    ...services.filter(({ broken }) => broken).map(({ name }) => `none of service ${name}’s targets runs`),
  ];
}

function hostFaults(host: HostStatus): readonly string[] {
  const { name, lag, problems } = host;
  if (!host.alive) return [`${name} is not alive`];
  const waits = problems.some((problem) => problem.includes('waits for a')) ? [] : host.waiting;
  const waiting = waits.map((sentence) => `${name} ${sentence}`);
  if (lag === undefined) return [...waiting, `${name} has not reported what its kernel holds`];
  return [
    ...waiting,
    ...(lag > 0 ? [`${name} is ${lag} change${lag > 1 ? 's' : ''} behind`] : []),
    ...pendingFaults(host),
    ...peerFaults(host),
    ...problems.map((problem) => `${name}: ${problem}`),
  ];
}

function pendingFaults({ name, pendingRevision }: HostStatus): readonly string[] {
  if (pendingRevision === undefined) return [];
  return [`${name} has not yet applied revision ${pendingRevision} of the network`];
}

function peerFaults({ name, peers }: HostStatus): readonly string[] {
  const missing = peers?.missing ?? [];
  const told = missing.slice(0, PEERS_TOLD).map((peer) => `${name} does not reach ${peerText(peer)}`);
  const more = missing.length - told.length;
  return more > 0 ? [...told, `${name} does not reach ${more} more peers`] : told;
}

type Missing = NonNullable<HostStatus['peers']>['missing'][number];

/** `10.10.3.0/24 of host-3 (192.168.122.13): failed: the reason` */
function peerText({ subnet, node, publicIp, state, reason }: Missing): string {
  return `${peerName({ subnet, node, publicIp })}: ${state}${reason === undefined ? '' : `: ${reason}`}`;
}

export function peerName({ subnet, node, publicIp }: Pick<Missing, 'subnet' | 'node' | 'publicIp'>): string {
  const address = publicIp === '' ? 'no address' : publicIp;
  return node === undefined ? `${subnet} (${address})` : `${subnet} of ${node} (${address})`;
}
