import type { EndpointRef } from '@causeway/shared/model/service';
import type { ServiceView } from '../api.ts';
import { nodePorts } from './columns.ts';
import { labelsText } from './labels.ts';
import { placeText } from './place.ts';
import { safe } from './safe.ts';

/** `2.2.2.2:88 → 10.10.1.2:12345, web-2 (weight 3)  node port 30001` */
export function serviceLine(service: ServiceView): string {
  const open = nodePorts(service);
  const parts = [`${frontends(service)} → ${targetTexts(service).join(', ') || 'no endpoints'}`];
  if (open.length > 0) parts.push(`node port${open.length > 1 ? 's' : ''} ${open.join(', ')}`);
  return safe(parts.join('  '));
}

/** Where clients connect: `2.2.2.2:88, [fd00::2]:88`, `2.2.2.2:53/udp`. */
export function frontends({ vips, ports }: Pick<ServiceView, 'vips' | 'ports'>): string {
  const addresses = vips.length === 0 ? ['none'] : vips;
  return ports
    .flatMap(({ port, protocol }) =>
      addresses.map((vip) => `${placeText(vip, port)}${protocol === 'tcp' ? '' : `/${protocol}`}`),
    )
    .join(', ');
}

/** What a service was told to lead to: its targets as they were typed, and what it selects. */
export function targetTexts({ endpoints, selector }: Pick<ServiceView, 'endpoints' | 'selector'>): string[] {
  const selected = selector === undefined ? [] : [`all with ${labelsText(selector)}`];
  return [...endpoints.map(targetText), ...selected];
}

/** `web-1:80`, `web-1:80 (weight 3)`, `web-1:80 (drain until 2026-01-31T12:00:00Z)` */
function targetText({ to, weight, drain }: EndpointRef): string {
  const said = [
    ...(weight === undefined || weight === 1 ? [] : [`weight ${weight}`]),
    ...(drain === undefined ? [] : [drain.until === undefined ? 'drain' : `drain until ${drain.until}`]),
  ];
  return said.length === 0 ? to : `${to} (${said.join(', ')})`;
}

/** True when nothing was ever named or found that could answer. */
export function leadsNowhere({ endpoints, selector, status }: ServiceView): boolean {
  return endpoints.length === 0 && (selector === undefined || status?.endpoints === 0);
}

/** What a service without endpoints does, and what gives it some. */
export function noEndpointsNote(service: ServiceView, dryRun: boolean): string {
  const [has, are] = dryRun ? ['would have no endpoints', 'would be'] : ['has no endpoints yet', 'are'];
  const { name, selector } = service;
  const remedy =
    selector === undefined
      ? `add one with: svcctl endpoint add ${name} ${exampleOf(service)}`
      : `no container or workload has the labels ${labelsText(selector)}`;
  return safe(`service "${name}" ${has}: connections to ${frontends(service)} ${are} refused; ${remedy}`);
}

/** A service of IPv6 alone takes no IPv4 address. */
function exampleOf({ families }: ServiceView): string {
  return families.includes('ipv4') ? '10.10.x.y:PORT' : '[ADDRESS]:PORT';
}

/** What is to be known of a service's targets: those that lead nowhere, and those that may. */
export function notesOf({ status }: ServiceView): readonly string[] {
  return [...(status?.unresolved ?? []), ...(status?.warnings ?? [])];
}
