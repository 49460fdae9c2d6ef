import { isIPv4, isIPv6 } from 'node:net';
import { invalid } from '@causeway/shared/errors';
import type { Protocol } from '@causeway/shared/model/service';
import { parseProtocol } from './protocol.ts';

export interface Frontend {
  /** An address, `auto` (the controller takes one from the service range) or `none` (NodePorts only). */
  readonly vip: string;
  readonly port: number;
  /** Absent: it was not said. */
  readonly protocol?: Protocol;
}

const NO_VIP =
  'is not an IPv4 address such as 2.2.2.2, an IPv6 address in brackets such as [fd00::2], auto or none';
const NO_PORT = 'has no port: write VIP:PORT, as in 2.2.2.2:88 or [fd00::2]:88';

/**
 * Parses `VIP:PORT`, `[VIP]:PORT`, `:PORT`, each also with `/udp` behind it, as svcctl prints them. Whether the VIP may
 * be used is the controller's to say.
 *
 * @throws CausewayError `invalid` naming the part that is wrong
 */
export function parseFrontend(text: string): Frontend {
  const { vip, port, protocol } = split(text);
  if (port === undefined) throw invalid('VIP:PORT', text, NO_PORT);
  return {
    vip: parseVip(vip),
    port: parsePort('port', port),
    ...(protocol === undefined ? {} : { protocol: parseProtocol(protocol) }),
  };
}

/** A frontend that may leave out its port, since ports are named elsewhere. @throws CausewayError as `parseFrontend` */
export function parseOpenFrontend(text: string): Pick<Frontend, 'vip'> & Partial<Frontend> {
  const { vip, port, protocol } = split(text);
  const isBare = port === undefined && vip !== '' && protocol === undefined;
  return isBare ? { vip: parseVip(vip) } : parseFrontend(text);
}

/** @throws CausewayError `invalid` unless `text` is a whole number from 1 to 65535 */
export function parsePort(field: string, text: string): number {
  const port = portIn(text);
  if (port === undefined) throw invalid(field, text, 'is not a port: a whole number from 1 to 65535');
  return port;
}

/** @returns undefined unless `text` is a whole number from 1 to 65535 */
export function portIn(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port < 1 || port > 65535 ? undefined : port;
}

/** A number, or `auto`: the controller chooses one. */
export function parseNodePort(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : parsePort('node-port', text);
}

/**
 * The value of `--vip`: an address, with or without brackets, or `auto`.
 *
 * @throws CausewayError `invalid`
 */
export function parseSecondVip(text: string): string {
  const vip = /^\[(.*)\]$/s.exec(text)?.[1] ?? text;
  if (vip === 'auto' || isIPv4(vip) || isPlainIpv6(vip)) return vip;
  throw invalid('vip', text, 'is not an IPv4 address, an IPv6 address or auto');
}

interface Parts {
  readonly vip: string;
  readonly port?: string;
  readonly protocol?: string;
}

function split(text: string): Parts {
  const [, place = text, protocol] = /^(.*)\/([a-z]*)$/is.exec(text) ?? [];
  const more = protocol === undefined ? {} : { protocol };
  const bracketed = /^(\[[^\]]*\])(?::(.*))?$/s.exec(place);
  if (bracketed !== null) {
    const [, vip = '', port] = bracketed;
    return { vip, ...(port === undefined ? {} : { port }), ...more };
  }
  const colon = place.lastIndexOf(':');
  if (colon < 0) return { vip: place, ...more };
  const [vip, port] = [place.slice(0, colon), place.slice(colon + 1)];
  if (vip.includes(':')) throw invalid('VIP:PORT', text, `has IPv6 without brackets: write [${vip}]:${port}`);
  return { vip, port, ...more };
}

function parseVip(text: string): string {
  if (text === '' || text === 'auto') return 'auto';
  if (text === 'none' || isIPv4(text)) return text;
  const inner = /^\[(.*)\]$/s.exec(text)?.[1];
  if (inner === undefined || !isPlainIpv6(inner)) throw invalid('vip', text, NO_VIP);
  return inner;
}

/** Zones mean something on one host only. */
function isPlainIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}
