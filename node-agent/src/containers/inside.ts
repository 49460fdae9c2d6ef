import { CausewayError } from '@causeway/shared/errors';
import { bitsOf, familyOf, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, FAMILIES, type Family } from '@causeway/shared/net/family';
import { run } from '@causeway/shared/programs/run';
import type { ContainerNetwork } from './host-network.ts';
import type { Place } from './places.ts';

const DEFAULT_ROUTES: Readonly<Record<Family, string>> = { ipv4: 'default', ipv6: '::/0' };

/** What the container's end of its link is to have. */
export interface Inside {
  readonly addresses: ByFamily<string>;
  readonly mac: string;
  readonly network: ContainerNetwork;
  /** The namespace is somebody else's: only our link in it is touched, and its settings are not as we make them. */
  readonly foreign: boolean;
}

/**
 * The container's end of its link: exactly these addresses, a default route per family, the network's MTU. What is there
 * and right stays untouched, so that connections survive.
 */
export async function configureInside(place: Place, inside: Inside): Promise<void> {
  const { addresses, network } = inside;
  await (inside.foreign ? batchInForeign(place, inside) : batchInside(place, insideLines(inside)));
  const stale = (await listInside(place)).filter(({ local }) => !Object.values(addresses).includes(local));
  await batchInside(
    place,
    stale.map(({ local, prefixlen }) => `address delete ${local}/${prefixlen} dev eth0`),
  );
  const left = new Set(stale.map(({ local }) => familyOf(local)));
  for (const family of FAMILIES)
    if (left.has(family) && network.gateways[family] === undefined) await forgetRoutes(place, family);
}

/** PURE. Lines of `ip` in the container's namespace. */
export function insideLines({ addresses, mac, network, foreign }: Inside): readonly string[] {
  return [
    ...(foreign ? [] : ['link set dev lo up']),
    `link set dev eth0 mtu ${network.mtu} address ${mac}`,
    ...entriesOf(addresses).map(([, address]) => `address replace ${addressArguments(address, network)}`),
    'link set dev eth0 up',
    ...entriesOf(network.gateways).map(
      ([family, gateway]) => `route replace ${DEFAULT_ROUTES[family]} via ${gateway} dev eth0`,
    ),
  ];
}

/** Nobody else has the address, so the kernel need not ask around first: it is usable at once (`nodad`). */
function addressArguments(address: string, { subnets }: ContainerNetwork): string {
  const family = familyOf(address) ?? 'ipv4';
  const length = parseBlock(subnets[family] ?? '')?.length ?? bitsOf(family);
  return `${address}/${length} dev eth0${family === 'ipv6' ? ' nodad' : ''}`;
}

interface Listed {
  readonly local: string;
  readonly prefixlen: number;
}

async function listInside(place: Place): Promise<readonly Listed[]> {
  const { stdout } = await run(
    'ip',
    ['-n', place.netns, '-j', 'address', 'show', 'dev', 'eth0', 'scope', 'global'],
    { doing: `connecting ${place.name}` },
  );
  return parseAddresses(stdout);
}

/** PURE. From `ip -j address show dev eth0`, which prints empty objects for what it left out. */
export function parseAddresses(json: string): readonly Listed[] {
  const listed: unknown = JSON.parse(json.trim() === '' ? '[]' : json);
  if (!Array.isArray(listed))
    throw new CausewayError('unreadable', 'listing addresses: `ip -j` printed no list');
  return listed.flatMap(({ addr_info = [] }: { readonly addr_info?: readonly Partial<Listed>[] }) =>
    addr_info.flatMap(({ local, prefixlen }) =>
      local === undefined || prefixlen === undefined ? [] : { local, prefixlen },
    ),
  );
}

/** Without an address of the family a way out would only make programs wait. */
async function forgetRoutes(place: Place, family: Family): Promise<void> {
  const flag = family === 'ipv4' ? '-4' : '-6';
  await run('ip', [flag, '-n', place.netns, 'route', 'flush', 'exact', 'default'], {
    doing: `connecting ${place.name}`,
  });
}

/**
 * Engines switch IPv6 off where they give none, and a new link begins with that; and routers that announce themselves on
 * the bridge are none of the container's.
 */
const FOREIGN_SETTINGS =
  'conf=/proc/sys/net/ipv6/conf/eth0; if [ -d $conf ]; then echo 0 >$conf/accept_ra; ' +
  '[ "$1" = ipv4 ] || echo 0 >$conf/disable_ipv6; fi; exec ip -batch "$2"';

/** @param lines path of a file with lines of `ip`; `-` for standard input */
function foreignCommand({ addresses }: Inside, lines: string): readonly string[] {
  return ['sh', '-ec', FOREIGN_SETTINGS, 'sh', addresses.ipv6 === undefined ? 'ipv4' : 'ipv6', lines];
}

/** PURE. What carries out the lines of a file in the namespace, as words of a line of `ip`. */
export function insideCommand(inside: Inside, lines: string): string {
  const command = inside.foreign ? foreignCommand(inside, lines) : ['ip', '-batch', lines];
  return command.map((word) => (word.includes('"') ? `'${word}'` : `"${word}"`)).join(' ');
}

async function batchInForeign({ name, netnsPath }: Place, inside: Inside): Promise<void> {
  const args = [`--net=${netnsPath}`, '--', ...foreignCommand(inside, '-')];
  const input = `${insideLines(inside).join('\n')}\n`;
  await run('nsenter', args, { input, doing: `connecting ${name}` });
}

async function batchInside(place: Place, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const doing = `connecting ${place.name}`;
  await run('ip', ['-n', place.netns, '-batch', '-'], { input: `${lines.join('\n')}\n`, doing });
}
