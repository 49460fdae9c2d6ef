import { invalid } from '@causeway/shared/errors';
import type { Protocol } from '@causeway/shared/model/service';

/** All of them, or this does not compile: the model itself would be a large part of the bundle. */
const KNOWN: Readonly<Record<Protocol, Protocol>> = { tcp: 'tcp', udp: 'udp', sctp: 'sctp' };
export const PROTOCOLS: readonly Protocol[] = Object.values(KNOWN);

/** @throws CausewayError `invalid` unless it is tcp, udp or sctp, in letters of any size */
export function parseProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((one) => one === text.toLowerCase());
  if (protocol === undefined) throw invalid('protocol', text, `is none of ${PROTOCOLS.join(', ')}`);
  return protocol;
}
