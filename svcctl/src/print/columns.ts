import type { ServicePort } from '@causeway/shared/model/service';
import type {
  ContainerView,
  EndpointView,
  EventView,
  NodeView,
  PolicyView,
  ReservationView,
  ServiceView,
  SubnetView,
  WorkloadView,
} from '../api.ts';
import type { Kind } from '../input/kinds.ts';
import { containerState } from './container.ts';
import { labelsText } from './labels.ts';
import { placeText } from './place.ts';
import { sideText, subjectsText } from './policy.ts';
import type { Column } from './table.ts';

export interface ObjectsByKind {
  readonly nodes: NodeView;
  readonly subnets: SubnetView;
  readonly services: ServiceView;
  readonly endpoints: EndpointView;
  readonly containers: ContainerView;
  readonly workloads: WorkloadView;
  readonly policies: PolicyView;
  readonly reservations: ReservationView;
  readonly events: EventView;
}

export const COLUMNS: { readonly [K in Kind]: readonly Column<ObjectsByKind[K]>[] } = {
  nodes: [
    { header: 'NAME', cell: (node) => node.name },
    { header: 'STATE', cell: stateText },
    { header: 'ADDRESS', cell: (node) => node.publicIp ?? node.publicIpv6 },
    { header: 'SUBNET', cell: (node) => node.subnet ?? node.subnetIpv6 ?? 'waiting' },
    { header: 'DATAPLANE', cell: (node) => node.dataplane },
    { header: 'PROBLEMS', cell: (node) => node.report?.problems?.length ?? 'no report' },
    { header: 'VERSION', cell: (node) => node.version },
    { header: 'SUBNET-IPV6', cell: (node) => node.subnetIpv6, wide: true },
    { header: 'RESERVED', cell: (node) => node.reservations?.join(','), wide: true },
    { header: 'PEERS', cell: (node) => peersText(node.report), wide: true },
    { header: 'SERVICES-REVISION', cell: (node) => node.report?.servicesRevision, wide: true },
    { header: 'APPLIED-IN', cell: (node) => inMs(node.report?.appliedInMs), wide: true },
    { header: 'REPAIRS', cell: (node) => node.report?.repairs, wide: true },
    { header: 'ID', cell: (node) => node.id, wide: true },
  ],
  subnets: [
    { header: 'SUBNET', cell: (subnet) => subnet.subnet },
    { header: 'NODE', cell: (subnet) => subnet.node },
    { header: 'ADDRESS', cell: (subnet) => subnet.publicIp },
    { header: 'BACKEND', cell: (subnet) => subnet.backendType },
    { header: 'SUBNET-IPV6', cell: (subnet) => subnet.subnetIpv6, wide: true },
    { header: 'ADDRESS-IPV6', cell: (subnet) => subnet.publicIpv6, wide: true },
    { header: 'VTEP', cell: (subnet) => subnet.vtepMac ?? subnet.vtepMacIpv6, wide: true },
    { header: 'REVISION', cell: (subnet) => subnet.revision, wide: true },
  ],
  services: [
    { header: 'NAME', cell: (service) => service.name },
    { header: 'VIP', cell: (service) => service.vips.join(',') || 'none' },
    { header: 'PORTS', cell: (service) => service.ports.map(portText).join(',') },
    { header: 'NODE-PORTS', cell: (service) => nodePorts(service).join(',') },
    { header: 'ENDPOINTS', cell: endpointCount },
    { header: 'TARGETS', cell: (service) => service.endpoints.map(({ to }) => to).join(','), wide: true },
    { header: 'SELECTOR', cell: (service) => labelsText(service.selector ?? {}), wide: true },
    { header: 'CREATED', cell: (service) => service.createdAt, wide: true },
    { header: 'REVISION', cell: (service) => service.revision, wide: true },
  ],
  endpoints: [
    { header: 'SERVICE', cell: (endpoint) => endpoint.service },
    { header: 'ENDPOINT', cell: ({ address, port }) => placeText(address, port) },
    { header: 'STATE', cell: (endpoint) => endpoint.state ?? 'ready' },
    { header: 'WEIGHT', cell: (endpoint) => endpoint.weight ?? 1 },
    { header: 'CONTAINER', cell: (endpoint) => endpoint.container },
    { header: 'NODE', cell: (endpoint) => endpoint.node },
    { header: 'REASON', cell: (endpoint) => endpoint.reason },
    { header: 'PORT-NAME', cell: (endpoint) => endpoint.portName, wide: true },
    { header: 'TARGET', cell: (endpoint) => endpoint.ref, wide: true },
    { header: 'UNTIL', cell: (endpoint) => endpoint.drainUntil, wide: true },
    { header: 'CHECKED-BY', cell: (endpoint) => endpoint.checkedBy, wide: true },
  ],
  containers: [
    { header: 'NAME', cell: (container) => container.name },
    { header: 'NODE', cell: (container) => container.host },
    { header: 'STATE', cell: containerState },
    { header: 'ADDRESS', cell: ({ status }) => status?.address ?? status?.ipv6Address },
    { header: 'ADDRESS-IPV6', cell: (container) => container.status?.ipv6Address, wide: true },
    { header: 'PID', cell: (container) => container.status?.pid, wide: true },
    { header: 'LABELS', cell: (container) => labelsText(container.labels ?? {}), wide: true },
    { header: 'COMMAND', cell: (container) => container.command.join(' '), wide: true },
    { header: 'REASON', cell: (container) => container.status?.reason, wide: true },
  ],
  workloads: [
    { header: 'NAME', cell: (workload) => workload.name },
    { header: 'ADDRESSES', cell: (workload) => workload.addresses.join(',') },
    { header: 'LABELS', cell: (workload) => labelsText(workload.labels) },
    { header: 'REVISION', cell: (workload) => workload.revision, wide: true },
  ],
  policies: [
    { header: 'NAME', cell: (policy) => policy.name },
    { header: 'CONTAINERS', cell: ({ subjects }) => subjectsText(subjects) },
    { header: 'INGRESS', cell: ({ ingress }) => sideText(ingress) },
    { header: 'EGRESS', cell: ({ egress }) => sideText(egress) },
    { header: 'PEERS', cell: ({ status }) => status?.peers, wide: true },
    { header: 'WARNINGS', cell: ({ status }) => status?.warnings.length, wide: true },
    { header: 'REVISION', cell: (policy) => policy.revision, wide: true },
  ],
  reservations: [
    { header: 'SUBNET', cell: (reservation) => reservation.subnet },
    { header: 'NODE', cell: (reservation) => reservation.node },
  ],
  events: [
    { header: 'TIME', cell: (event) => event.at },
    { header: 'NODE', cell: (event) => event.node },
    { header: 'SEVERITY', cell: (event) => event.severity },
    { header: 'KIND', cell: (event) => event.kind },
    { header: 'MESSAGE', cell: (event) => event.message },
    { header: 'SEQUENCE', cell: (event) => event.sequence, wide: true },
  ],
};

/** What tells an object from all others of its kind. */
export const NAMES: { readonly [K in Kind]: (object: ObjectsByKind[K]) => string } = {
  nodes: (node) => node.name,
  subnets: (subnet) => subnet.subnet,
  services: (service) => service.name,
  endpoints: (endpoint) =>
    `${endpoint.service ?? ''}/${endpoint.portName ? `${endpoint.portName}/` : ''}${placeText(endpoint.address, endpoint.port)}`,
  containers: (container) => container.name,
  workloads: (workload) => workload.name,
  policies: (policy) => policy.name,
  reservations: (reservation) => reservation.subnet,
  events: (event) => `${event.node}/${event.sequence}`,
};

/** `alive`, `alive,cordoned`, `dead,drained`. */
export function stateText(node: Pick<NodeView, 'alive' | 'cordoned' | 'drained'>): string {
  const decided = node.drained ? ',drained' : node.cordoned ? ',cordoned' : '';
  return `${node.alive ? 'alive' : 'dead'}${decided}`;
}

/** `2/3`: installed of wanted. */
function peersText(report: NodeView['report']): string | undefined {
  return report === undefined ? undefined : `${report.peersInstalled}/${report.peersWanted}`;
}

/** `88`, `53/udp`, `88→12345`. */
export function portText(port: ServicePort): string {
  const protocol = port.protocol === 'tcp' ? '' : `/${port.protocol}`;
  const target = port.targetPort === port.port || port.targetPort === undefined ? '' : `→${port.targetPort}`;
  return `${port.port}${protocol}${target}`;
}

export function nodePorts(service: Pick<ServiceView, 'ports'>): number[] {
  return service.ports.flatMap((port) => port.nodePort ?? []);
}

/** `2`, or `1/2`: ready of all. */
function endpointCount({ status, endpoints }: ServiceView): number | string {
  if (status === undefined) return endpoints.length;
  return status.ready === status.endpoints ? status.endpoints : `${status.ready}/${status.endpoints}`;
}

function inMs(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${Math.round(value)}ms`;
}
