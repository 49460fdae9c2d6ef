import { invalid, show } from '@causeway/shared/errors';
import { NAME_PATTERN } from '@causeway/shared/model/input';
import { containsAddress, formatCidr, lastAddress } from '@causeway/shared/net/cidr';
import { type EndpointRef, parseEndpointRef } from '../endpoints/ref.ts';
import { unicastAddress } from './address.ts';
import type { ClusterFacts } from './cluster-facts.ts';

const NOT_A_REF =
  'is not an endpoint: an address and port such as "10.10.1.2:12345", or a container\'s name such as "web-1" or "web-1:12345", is needed';

/** The service that an endpoint is for, as far as its endpoints must agree with it. */
export interface ForService {
  readonly vip?: string;
  readonly ports: readonly { readonly port: number }[];
}

/**
 * Checks one reference to an endpoint, as the user typed it.
 *
 * @throws CausewayError `invalid`
 */
export function checkEndpointRef(
  field: string,
  text: string,
  service: ForService,
  facts: ClusterFacts,
): void {
  const ref = parseEndpointRef(text);
  if (ref === undefined) throw invalid(field, text, NOT_A_REF);
  checkPort(field, text, ref, service);
  if (ref.address !== undefined) checkAddress(field, text, ref.address, service, facts);
  else checkContainer(field, text, ref.container, facts);
}

/** Refuses a reference that is given twice. @throws CausewayError `invalid` */
export function checkNoDuplicates(field: string, refs: readonly string[]): void {
  refs.forEach((ref, index) => {
    if (refs.indexOf(ref) !== index) throw invalid(`${field}[${index}]`, ref, 'is given twice');
  });
}

function checkPort(field: string, text: string, ref: EndpointRef, service: ForService): void {
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
  dotted: string,
  service: ForService,
  facts: ClusterFacts,
): void {
  const address = unicastAddress(field, dotted, text, NOT_A_REF);
  if (dotted === service.vip) {
    throw invalid(
      field,
      text,
      'is the VIP of the service itself; an endpoint is a place that answers, such as "10.10.1.2:12345"',
    );
  }
  const owner = facts.vipOwner(dotted);
  if (owner !== undefined)
    throw invalid(field, text, `is the VIP of service ${show(owner)}, not a place that answers`);
  if (containsAddress(facts.serviceRange, address)) {
    throw invalid(
      field,
      text,
      `is inside the service range ${formatCidr(facts.serviceRange)}, where only VIPs are`,
    );
  }
  const { network } = facts;
  if (network !== undefined && (address === network.base || address === lastAddress(network))) {
    throw invalid(
      field,
      text,
      `is the first or last address of the container network ${formatCidr(network)}, which nobody has`,
    );
  }
}

function checkContainer(field: string, text: string, name: string, facts: ClusterFacts): void {
  if (!NAME_PATTERN.test(name)) throw invalid(field, text, NOT_A_REF);
  if (!facts.hasContainer(name)) {
    throw invalid(field, text, `names no container: there is none called "${name}"`);
  }
}
