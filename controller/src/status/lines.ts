import type { ClusterStatusObject, HostStatus } from '../objects/status.ts';
import type { Check } from './checks.ts';
import { peerName } from './sentences.ts';
import { formatDurationMs } from './text.ts';

/** What `/readyz?verbose` says of hosts and their peers. A host that is down stops no change of the API. */
export function hostChecks({
  hosts,
  events,
}: Pick<ClusterStatusObject, 'hosts' | 'events'>): readonly Check[] {
  return [
    ...hosts.flatMap((host) => [nodeCheck(host), ...waitingChecks(host), ...peerChecks(host)]),
    eventCheck(events),
  ];
}

function nodeCheck(host: HostStatus): Check {
  const faults = [
    ...(host.lag === undefined ? ['no report yet'] : []),
    ...(host.lag ? [`${host.lag} change${host.lag > 1 ? 's' : ''} behind`] : []),
    ...(host.pendingRevision === undefined
      ? []
      : [`has not yet applied revision ${host.pendingRevision} of the network`]),
    ...host.problems,
  ];
  const notes = [
    ...wordParts(host),
    ...leaseParts(host),
    ...peerParts(host),
    ...policyParts(host),
    ...faults,
  ];
  const isWell = host.alive && faults.length === 0 && host.waiting.length === 0;
  const is = { alive: 'alive', dead: 'is not alive', unknown: 'is not known of while etcd is away' }[
    host.state
  ];
  return { mark: isWell ? '+' : '!', text: [`node ${host.name} ${is}`, ...notes].join(', ') };
}

function wordParts({ lastWordSeconds, goneSeconds }: HostStatus): readonly string[] {
  if (lastWordSeconds !== undefined) return [`last word ${inWords(lastWordSeconds)} ago`];
  return goneSeconds === undefined ? [] : [`since ${inWords(goneSeconds)}`];
}

function leaseParts({ subnet, subnetIpv6, leaseLeftSeconds }: HostStatus): readonly string[] {
  const subnets = [subnet, subnetIpv6].flatMap((text) => text ?? []).join(' and ');
  if (subnets === '') return [];
  const left = leaseLeftSeconds === undefined ? '' : ` for ${inWords(leaseLeftSeconds)} more`;
  return [`leases ${subnets}${left}`];
}

function peerParts({ peers }: HostStatus): readonly string[] {
  return peers === undefined ? [] : [`peers ${peers.installed} of ${peers.wanted} installed`];
}

function policyParts({ cordoned, drained }: HostStatus): readonly string[] {
  return drained ? ['drained'] : cordoned ? ['cordoned'] : [];
}

function waitingChecks({ name, waiting }: HostStatus): readonly Check[] {
  return waiting.map((sentence) => ({ mark: '!', text: `node ${name} ${sentence}` }));
}

function peerChecks({ name, peers }: HostStatus): readonly Check[] {
  return (peers?.missing ?? []).map((peer) => {
    const why = peer.reason === undefined ? '' : `: ${peer.reason}`;
    return { mark: '!', text: `peer ${peerName(peer)} at ${name} ${peer.state}${why}` };
  });
}

function eventCheck({ warnings, infos, kinds }: ClusterStatusObject['events']): Check {
  const told = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  const text = told.length === 0 ? 'none' : told.join(', ');
  return { mark: '+', text: `events in the last hour: ${text} (${warnings} warnings, ${infos} others)` };
}

function inWords(seconds: number): string {
  return formatDurationMs(seconds * 1_000);
}
