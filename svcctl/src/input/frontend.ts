import { invalid } from '@causeway/shared/errors';

export interface Frontend {
  /** Absent: the controller takes one from the service range. */
  readonly vip?: string;
  readonly port: number;
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/**
 * Parses `VIP:PORT` or `:PORT`. Whether the VIP may be used is the controller's to say.
 * @throws CausewayError `invalid` naming the part that is wrong
 */
export function parseFrontend(text: string): Frontend {
  const colon = text.lastIndexOf(':');
  if (colon < 0) throw invalid('VIP:PORT', text, 'has no port: write VIP:PORT, as in 2.2.2.2:88');
  const vip = text.slice(0, colon);
  const port = parsePort('port', text.slice(colon + 1));
  if (vip === '') return { port };
  if (vip.includes(':')) throw invalid('vip', vip, 'is not an IPv4 address: IPv6 is not served yet');
  if (!IPV4.test(vip)) throw invalid('vip', vip, 'is not an IPv4 address such as 2.2.2.2');
  return { vip, port };
}

/** @throws CausewayError `invalid` unless `text` is a whole number from 1 to 65535 */
export function parsePort(field: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw invalid(field, text, 'is not a port: a whole number from 1 to 65535');
  return port;
}

/** A number, or `auto`: the controller chooses one. */
export function parseNodePort(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : parsePort('node-port', text);
}
