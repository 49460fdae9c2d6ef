import { canonicalIp, parseIp } from '@causeway/shared/net/block';

/** A reference to an endpoint, taken apart: an address or a name, with or without a port. */
export type ParsedRef = Place & {
  /** As typed; undefined when none was. */
  readonly portText: string | undefined;
  /** 1–65535; undefined when none was typed or what was typed is no port. */
  readonly port: number | undefined;
};

type Place =
  /** In its canonical form if it is one at all. */
  | { readonly address: string; readonly name?: undefined }
  /** Of a container or a workload. */
  | { readonly address?: undefined; readonly name: string };

const LOOKS_LIKE_ADDRESS = /^[0-9.]*\.[0-9.]*$/;
const BRACKETED = /^\[([^[\]]+)\](?::(.*))?$/s;

/**
 * Takes `10.10.1.2:12345`, `10.10.1.2`, `[fd00::2]:12345`, `fd00::2`, `web-1:12345` or `web-1` apart; says nothing of
 * whether they exist.
 *
 * @returns undefined when it has none of these forms
 */
export function parseEndpointRef(text: string): ParsedRef | undefined {
  const bracketed = BRACKETED.exec(text);
  if (bracketed !== null) return addressRef(bracketed[1] ?? '', bracketed[2]);
  // Nearly all have one colon at most, and there are tens of thousands.
  const isLong = text.indexOf(':') !== text.lastIndexOf(':');
  if (isLong && parseIp(text)?.family === 'ipv6') return addressRef(text, undefined);
  const [place, portText, ...rest] = text.split(':');
  if (place === undefined || place === '' || rest.length > 0) return undefined;
  return LOOKS_LIKE_ADDRESS.test(place)
    ? addressRef(place, portText)
    : { name: place, portText, port: portOf(portText) };
}

function addressRef(address: string, portText: string | undefined): ParsedRef {
  return { address: canonicalIp(address) ?? address, portText, port: portOf(portText) };
}

function portOf(text: string | undefined): number | undefined {
  const port = text !== undefined && /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
  return port !== undefined && port <= 65535 ? port : undefined;
}

/** An address and a port as people write them: `10.10.1.2:80`, `[fd00::2]:80`. */
export function formatPlace({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A place as a text that sorts by family, by address as a number, then by port. */
export function placeKey({ address, port }: { readonly address: string; readonly port: number }): string {
  const ip = parseIp(address);
  const digits = ip?.family === 'ipv6' ? 32 : 8;
  const number = (ip?.value ?? 0n).toString(16).padStart(digits, '0');
  return `${digits === 8 ? 4 : 6}${number}:${String(port).padStart(5, '0')}`;
}
