import type { HealthCheck } from '@causeway/shared/model/service';
import type { EndpointView, ServiceView } from '../api.ts';
import { formatDuration } from '../input/duration.ts';
import { nodePorts, portText } from './columns.ts';
import type { Field } from './fields.ts';
import { placeText } from './place.ts';
import { targetTexts } from './service.ts';

/** Everything about a service; what it says nothing of is left out. */
export function serviceFields(service: ServiceView, endpoints: readonly EndpointView[]): readonly Field[] {
  const { status } = service;
  const warnings = status?.warnings ?? [];
  return [
    ['Name', service.name],
    ['VIP', service.vips],
    ['Families', service.families],
    ['Ports', service.ports.map((port) => (port.name ? `${port.name}: ${portText(port)}` : portText(port)))],
    ['Node ports', nodePorts(service).map((port) => `${port} on every host`)],
    ...choices(service),
    ['Targets', targetTexts(service)],
    ['Endpoints', endpoints.map(endpointText)],
    ['Unresolved', status?.unresolved ?? []],
    ...optional('Warnings', warnings.length === 0 ? undefined : warnings),
    ['Created', service.createdAt],
    ['Revision', service.revision],
  ];
}

/** What differs from a service that says nothing of it. */
function choices(service: ServiceView): readonly Field[] {
  const { affinity, externalPolicy, internalPolicy, sourceRanges, health, whenUnhealthy } = service;
  return [
    ...optional('Affinity', affinity && 'each client stays with one endpoint'),
    ...optional(
      'External',
      externalPolicy === 'local' ? 'NodePorts lead to endpoints of the host' : undefined,
    ),
    ...optional(
      'Internal',
      internalPolicy === 'local' ? 'the VIP leads to endpoints of the host' : undefined,
    ),
    ...optional(
      'Clients',
      sourceRanges?.map((range) => `from ${range}`),
    ),
    ...optional('Health', health && healthTexts(health)),
    ...optional('Not ready', service.publishNotReady ? 'endpoints count as ready all the same' : undefined),
    ...optional('Unhealthy', whenUnhealthy === 'open' ? 'if all are, connections try them' : undefined),
  ];
}

function optional(label: string, value: string | readonly string[] | undefined): readonly Field[] {
  return value === undefined ? [] : [[label, value]];
}

/** `http /ready on port 8080`, `every 10 s, answer within 1 s`, `out after 3 bad answers, back after 1 good` */
function healthTexts(health: HealthCheck): readonly string[] {
  const { type, path, port, command, intervalMs, timeoutMs, rise, fall } = health;
  const what = [
    type,
    ...(path === undefined ? [] : [path]),
    ...(command === undefined ? [] : [JSON.stringify(command)]),
    ...(port === undefined ? [] : [`on port ${port}`]),
  ];
  return [
    what.join(' '),
    `every ${formatDuration(intervalMs)}, answer within ${formatDuration(timeoutMs)}`,
    `out after ${fall} bad, back after ${rise} good`,
  ];
}

/** `10.10.1.2:80 for http in web-1 on host-1, weight 3, unready: the reason` */
function endpointText(endpoint: EndpointView): string {
  const { address, port, container, node, portName, weight = 1, state = 'ready' } = endpoint;
  const words = [placeText(address, port)];
  if (portName) words.push(`for ${portName}`);
  if (container !== undefined) words.push(`in ${container}`);
  if (node !== undefined) words.push(`on ${node}`);
  const more = [
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(state === 'ready' ? [] : [endpoint.reason === undefined ? state : `${state}: ${endpoint.reason}`]),
  ];
  return [words.join(' '), ...more].join(', ');
}
