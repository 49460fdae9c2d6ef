/** A reference to an endpoint, taken apart: an address or a container's name, with or without a port. */
export type EndpointRef = Place & {
  /** As typed; undefined when none was. */
  readonly portText: string | undefined;
  /** 1–65535; undefined when none was typed or what was typed is no port. */
  readonly port: number | undefined;
};

type Place =
  | { readonly address: string; readonly container?: undefined }
  | { readonly address?: undefined; readonly container: string };

const LOOKS_LIKE_ADDRESS = /^[0-9.]*\.[0-9.]*$/;

/**
 * Takes `10.10.1.2:12345`, `10.10.1.2`, `web-1:12345` or `web-1` apart; says nothing of whether they exist.
 *
 * @returns undefined when there is more than one colon or nothing before it
 */
export function parseEndpointRef(text: string): EndpointRef | undefined {
  const [place, portText, ...rest] = text.split(':');
  if (place === undefined || place === '' || rest.length > 0) return undefined;
  const port = portText !== undefined && /^[1-9]\d{0,4}$/.test(portText) ? Number(portText) : undefined;
  const ports = { portText, port: port !== undefined && port <= 65535 ? port : undefined };
  return LOOKS_LIKE_ADDRESS.test(place) ? { address: place, ...ports } : { container: place, ...ports };
}
