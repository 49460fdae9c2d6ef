import type { ServiceView } from '../api.ts';
import { nodePorts } from './columns.ts';
import { safe } from './safe.ts';

/** `2.2.2.2:88 → 10.10.1.2:12345, 10.10.2.2:12345  node port 30001` */
export function serviceLine(service: Pick<ServiceView, 'vip' | 'ports' | 'endpoints'>): string {
  const targets = service.endpoints.length === 0 ? 'no endpoints' : service.endpoints.join(', ');
  const open = nodePorts(service);
  const parts = [`${frontends(service)} → ${targets}`];
  if (open.length > 0) parts.push(`node port${open.length > 1 ? 's' : ''} ${open.join(', ')}`);
  return safe(parts.join('  '));
}

/** Where clients connect: `2.2.2.2:88`, `2.2.2.2:53/udp`. */
export function frontends(service: Pick<ServiceView, 'vip' | 'ports'>): string {
  return service.ports
    .map(
      ({ port, protocol }) => `${service.vip ?? 'none'}:${port}${protocol === 'tcp' ? '' : `/${protocol}`}`,
    )
    .join(', ');
}

/** What a service without endpoints does, and the command that adds one. */
export function noEndpointsNote(service: ServiceView, dryRun: boolean): string {
  const [has, are] = dryRun ? ['would have no endpoints', 'would be'] : ['has no endpoints yet', 'are'];
  return safe(
    `service "${service.name}" ${has}: connections to ${frontends(service)} ${are} refused; ` +
      `add one with: svcctl endpoint add ${service.name} 10.10.x.y:PORT`,
  );
}

/** What is to be known of a service's targets: those that lead nowhere, and those that may. */
export function notesOf({ status }: ServiceView): readonly string[] {
  return [...(status?.unresolved ?? []), ...(status?.warnings ?? [])];
}
