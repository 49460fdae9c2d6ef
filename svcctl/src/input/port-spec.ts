import { invalid } from '@causeway/shared/errors';
import type { Protocol } from '@causeway/shared/model/service';
import { portIn } from './frontend.ts';
import { PROTOCOLS } from './protocol.ts';
import { parseSuffixed } from './suffix.ts';

/** One port of a service as it is sent to the controller. */
export interface PortSpec {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number;
  readonly protocol?: Protocol;
  readonly nodePort?: number | 'auto';
}

const FORM = '[NAME=]PORT[:TARGET][/PROTOCOL][,node-port=PORT]';
const PORT = 'which is not a port: a whole number from 1 to 65535';

/**
 * Parses the value of `--port`: `443`, `https=443:8443`, `53/udp`, `443,node-port=auto`.
 *
 * @throws CausewayError `invalid` naming the flag, the value and the part that is wrong
 */
export function parsePortSpec(text: string): PortSpec {
  const { head, said } = parseSuffixed('port', text, ['node-port']);
  const [, name, port = '', target, protocol] = /^(?:([^=]*)=)?([^:/=]*)(?::([^/]*))?(?:\/(.*))?$/s.exec(
    head,
  ) ?? [undefined];
  if (port === '' || name === '') throw invalid('port', text, `is not of the form ${FORM}`);
  const numberOf = (part: string): number => {
    const number = portIn(part);
    if (number === undefined) throw invalid('port', text, `has ${JSON.stringify(part)}, ${PORT}`);
    return number;
  };
  const nodePort = said['node-port'];
  return {
    ...(name === undefined ? {} : { name }),
    port: numberOf(port),
    ...(target === undefined ? {} : { targetPort: numberOf(target) }),
    ...(protocol === undefined ? {} : { protocol: protocolIn(text, protocol) }),
    ...(nodePort === undefined ? {} : { nodePort: nodePort === 'auto' ? nodePort : numberOf(nodePort) }),
  };
}

function protocolIn(text: string, part: string): Protocol {
  const protocol = PROTOCOLS.find((one) => one === part.toLowerCase());
  if (protocol === undefined)
    throw invalid(
      'port',
      text,
      `has the protocol ${JSON.stringify(part)}, which is none of ${PROTOCOLS.join(', ')}`,
    );
  return protocol;
}
