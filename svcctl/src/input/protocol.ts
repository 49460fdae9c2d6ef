import { invalid } from '@causeway/shared/errors';
import { PROTOCOLS, type Protocol } from '@causeway/shared/model/service';

/** @throws CausewayError `invalid` unless it is tcp, udp or sctp, in letters of any size */
export function parseProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((one) => one === text.toLowerCase());
  if (protocol === undefined) throw invalid('protocol', text, `is none of ${PROTOCOLS.join(', ')}`);
  return protocol;
}
