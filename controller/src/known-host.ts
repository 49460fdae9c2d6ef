import { CausewayError, show } from '@causeway/shared/errors';
import { parseIp } from '@causeway/shared/net/block';
import type { App } from './deps.ts';
import { withStatus } from './problem.ts';

/** RFC 9110: what was asked of a server that is not the one meant. */
const MISDIRECTED = 421;

/**
 * Refuses what is asked of a name that is not the controller's. A page of a site whose name leads to the controller's
 * address all at once (DNS rebinding) is a page of the controller itself to its browser, and could read and write
 * everything; its requests tell the site's name as their `Host`. Nobody can own an address, nor a name without a dot.
 *
 * @param names with dots at which users reach this controller
 */
export function refuseOtherHosts(app: App, names: readonly string[]): void {
  const known = new Set(names.map(plain));
  app.addHook('onRequest', async ({ headers: { host } }) => {
    if (host === undefined || isKnown(host, known)) return;
    const message = `the request's Host ${show(host)} is no name of this controller: ask its address, or start it with --server-names ${show(nameIn(host))}`;
    throw withStatus(MISDIRECTED, new CausewayError('invalid', message, { field: 'Host', value: host }));
  });
}

function isKnown(host: string, known: ReadonlySet<string>): boolean {
  const name = plain(nameIn(host));
  if (!name.includes('.') && !name.startsWith('[')) return true;
  // The zone of a link-local address is the client's own.
  const address = name.replace(/^\[|(?:%.*)?\]$/g, '');
  return parseIp(address) !== undefined || name.endsWith('.localhost') || known.has(name);
}

/** Without the port. */
function nameIn(host: string): string {
  return host.replace(/:\d*$/, '');
}

/** `Web.Example.` and `web.example` are one name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
