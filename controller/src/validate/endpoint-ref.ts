import { invalid, show } from '@causeway/shared/errors';
import { NAME_PATTERN } from '@causeway/shared/model/input';
import { formatIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { type ParsedRef, parseEndpointRef } from '../endpoints/ref.ts';
import { unicastAddress } from './address.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { checkPlace } from './place.ts';

const NOT_A_REF =
  'is not an endpoint: an address and port such as "10.10.1.2:12345" or "[fd00::2]:12345", or a name such as "web-1" or "web-1:12345", is needed';

/** The service that an endpoint is for, as far as its endpoints must agree with it. */
export interface ForService {
  readonly vips: readonly string[];
  readonly families: readonly Family[];
  readonly ports: readonly { readonly port: number }[];
}

/**
 * Checks one reference to an endpoint, as the user typed it.
 *
 * @param known names that the service has already: what was removed since then is no reason to refuse another change
 * @throws CausewayError `invalid`
 */
export function checkEndpointRef(
  field: string,
  text: string,
  service: ForService,
  facts: ClusterFacts,
  known: ReadonlySet<string>,
): void {
  const ref = parseEndpointRef(text);
  if (ref === undefined) throw invalid(field, text, NOT_A_REF);
  checkPort(field, text, ref, service);
  if (ref.address !== undefined) checkAddress(field, text, ref.address, service, facts);
  else if (!known.has(ref.name)) checkName(field, text, ref.name, facts);
}

/** The names of containers and workloads in these references. */
export function namesIn(refs: readonly { readonly to: string }[]): ReadonlySet<string> {
  return new Set(refs.flatMap(({ to }) => parseEndpointRef(to)?.name ?? []));
}

/** Refuses a reference that is given twice. @throws CausewayError `invalid` */
export function checkNoDuplicates(field: string, refs: readonly { readonly to: string }[]): void {
  const seen = new Set<string>();
  refs.forEach(({ to }, index) => {
    if (seen.has(to)) throw invalid(`${field}[${index}]`, to, 'is given twice');
    seen.add(to);
  });
}

function checkPort(field: string, text: string, ref: ParsedRef, service: ForService): void {
  if (ref.portText === undefined) return;
  if (ref.port === undefined) {
    throw invalid(
      field,
      text,
      `has the port ${show(ref.portText)}, which is not a whole number from 1 to 65535`,
    );
  }
  if (new Set(service.ports.map((port) => port.port)).size > 1) {
    throw invalid(
      field,
      text,
      'names a port, but the service has several: leave it out, and each port goes to its own targetPort',
    );
  }
}

function checkAddress(
  field: string,
  text: string,
  typed: string,
  service: ForService,
  facts: ClusterFacts,
): void {
  const ip = unicastAddress(field, typed, text, NOT_A_REF);
  const address = formatIp(ip);
  if (service.vips.includes(address)) {
    throw invalid(
      field,
      text,
      'is the VIP of the service itself; an endpoint is a place that answers, such as "10.10.1.2:12345"',
    );
  }
  checkPlace(field, text, ip, facts);
  if (!service.families.includes(ip.family)) {
    const served = service.families.map((family) => FAMILY_NAMES[family]).join(' and ');
    throw invalid(
      field,
      text,
      `is of ${FAMILY_NAMES[ip.family]}, and the service is served in ${served} only: see "families"`,
    );
  }
}

function checkName(field: string, text: string, name: string, facts: ClusterFacts): void {
  if (!NAME_PATTERN.test(name)) throw invalid(field, text, NOT_A_REF);
  if (!facts.hasContainer(name) && !facts.hasWorkload(name))
    throw invalid(field, text, `names no container or workload: there is none called "${name}"`);
}
