import { BUILT_IN_IMAGE, publishText } from '@causeway/shared/container-text';
import type { ContainerView, EndpointView } from '../api.ts';
import { formatBytes } from '../input/bytes.ts';
import { formatSeconds } from '../input/duration.ts';
import type { Field } from './fields.ts';
import { labelsText } from './labels.ts';
import { placeText } from './place.ts';
import type { Column } from './table.ts';

/** @param now milliseconds since the epoch */
export function psColumns(now: number): readonly Column<ContainerView>[] {
  return [
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'HOST', cell: ({ host }) => host },
    { header: 'IMAGE', cell: imageText },
    { header: 'STATE', cell: containerState },
    { header: 'ADDRESS', cell: ({ status }) => status?.address ?? status?.ipv6Address },
    { header: 'PORTS', cell: ({ publish = [] }) => publish.map(publishText).join(',') },
    { header: 'AGE', cell: (container) => ageOf(container, now) },
    { header: 'ADDRESS-IPV6', cell: ({ status }) => status?.ipv6Address, wide: true },
    { header: 'NETWORK', cell: networkText, wide: true },
    { header: 'RESTARTS', cell: ({ status }) => status?.restarts ?? 0, wide: true },
    { header: 'LABELS', cell: ({ labels }) => labelsText(labels ?? {}), wide: true },
    { header: 'COMMAND', cell: ({ command }) => command.join(' '), wide: true },
    { header: 'REASON', cell: ({ status }) => status?.reason, wide: true },
  ];
}

/** Everything about a container; what it says nothing of is left out. */
export function containerFields(
  container: ContainerView,
  endpoints: readonly EndpointView[],
): readonly Field[] {
  const { name, host, status, labels = {}, publish = [], revision } = container;
  return [
    ['Name', name],
    ['Host', host],
    ['State', [containerState(container), ...(status?.reason === undefined ? [] : [status.reason])]],
    ...optional('Process', status?.pid),
    ...optional('Started', status?.startedAt),
    ...optional('Restarts', status?.restarts),
    ...madeOf(container),
    ['Network', networkLines(container)],
    ['Addresses', [status?.address, status?.ipv6Address].flatMap((address) => address ?? [])],
    ...(publish.length === 0 ? [] : [['Published', publish.map(publishText)] as const]),
    ['Labels', Object.entries(labels).map(([key, value]) => `${key}=${value}`)],
    ['Endpoints', endpoints.map(endpointText)],
    ['Revision', revision],
  ];
}

/** `running`, `exited (3)`; `waiting` until its host has said something. */
export function containerState({ status, want }: ContainerView): string {
  if (status === undefined) return 'waiting';
  if (want === 'stopped' && status.state !== 'stopped') return `${status.state}, to be stopped`;
  return status.state === 'exited' && status.exitCode !== undefined
    ? `exited (${status.exitCode})`
    : status.state;
}

function imageText({ attach, image }: ContainerView): string {
  return attach === undefined ? (image?.name ?? BUILT_IN_IMAGE) : `${attach.kind}:${attach.id}`;
}

/** Since its last start, of one that runs. */
function ageOf({ status }: ContainerView, now: number): string | undefined {
  if (status?.state !== 'running' || status.startedAt === undefined) return undefined;
  const started = Date.parse(status.startedAt);
  return Number.isNaN(started) ? undefined : formatSeconds((now - started) / 1_000);
}

function networkText({ network }: ContainerView): string {
  if (network === undefined) return 'bridge';
  switch (network.kind) {
    case 'container':
      return `container:${network.container}`;
    case 'macvlan':
      return `macvlan:${network.device}`;
    case 'p2p':
      return `p2p:${network.peer}`;
    default:
      return network.kind;
  }
}

function networkLines(container: ContainerView): readonly string[] {
  const { network } = container;
  const lines = [networkText(container)];
  if (network?.kind === 'macvlan')
    lines.push(...network.addresses, ...network.gateways.map((gateway) => `by way of ${gateway}`));
  if (network?.kind === 'bridge' || network?.kind === 'p2p')
    lines.push(...[network.address, network.ipv6Address].flatMap((one) => (one ? [`chosen ${one}`] : [])));
  if ((network?.kind === 'bridge' || network?.kind === 'macvlan') && network.mac !== undefined)
    lines.push(`link-layer address ${network.mac}`);
  return lines;
}

/** What only our own containers have. */
function madeOf(container: ContainerView): readonly Field[] {
  const { attach, image, command, files, env = {}, mounts = [], restart = 'always' } = container;
  if (attach !== undefined) return [['Attached', `${attach.kind}:${attach.id}`]];
  const limits = [
    ...(container.cpus === undefined ? [] : [`${container.cpus} processors`]),
    ...(container.memoryBytes === undefined ? [] : [`${formatBytes(container.memoryBytes)} of memory`]),
  ];
  return [
    ['Image', [image?.name ?? BUILT_IN_IMAGE, ...(image?.digest === undefined ? [] : [image.digest])]],
    ['Command', command.length === 0 ? 'the image’s' : command.map(wordText).join(' ')],
    ...optional('User', container.user),
    ...optional('Directory', container.workdir),
    ...optional('Hostname', container.hostname),
    ...listed(
      'Environment',
      Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ),
    ...listed('Files', Object.keys(files)),
    ...listed(
      'Mounts',
      mounts.map(
        ({ source, destination, readOnly }) => `${source} at ${destination}${readOnly ? ', read only' : ''}`,
      ),
    ),
    ...listed('Limits', limits),
    ...optional('Root', container.userNamespace ? 'is nobody on the host' : undefined),
    ['Restart', restart],
    ...optional(
      'Stop',
      container.stopSeconds === undefined ? undefined : `killed after ${container.stopSeconds} s`,
    ),
  ];
}

function endpointText({ service, portName, address, port, state, reason }: EndpointView): string {
  const of = portName === '' ? service : `${service}:${portName}`;
  return `${of} at ${placeText(address, port)}: ${state ?? 'ready'}${reason === undefined ? '' : ` (${reason})`}`;
}

/** As a shell would take it. */
function wordText(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function listed(label: string, values: readonly string[]): readonly Field[] {
  return values.length === 0 ? [] : [[label, values]];
}

function optional(label: string, value: string | number | undefined): readonly Field[] {
  return value === undefined ? [] : [[label, value]];
}
