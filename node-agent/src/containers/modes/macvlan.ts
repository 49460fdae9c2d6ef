import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { MacvlanMode } from '@causeway/shared/model/container-network';
import { blockHasIp, familyOf, formatBlock, parseBlock, parseIp } from '@causeway/shared/net/block';
import { run } from '@causeway/shared/programs/run';
import type { Fault, MakeRequest, World } from '../connection.ts';
import { listLinks } from '../network.ts';
import { ipBatch, ipBatchIn } from './batch.ts';
import { lookInside } from './inside-facts.ts';

/** What is wrong with the device of one that runs. */
export function macvlanFault(name: string, mode: MacvlanMode, { observed }: World): Fault | undefined {
  const lower = observed.links.get(mode.device);
  // The kernel has taken the device along with its link.
  if (lower === undefined) return { why: missing(mode.device), cure: 'wait' };
  const pid = observed.running.get(name)?.pid;
  if (pid === undefined) return undefined;
  const { links, routes } = lookInside(pid);
  if (!links.has('eth0')) return { why: 'its device is missing', cure: 'repair' };
  const lost = wantedRoutes(mode).filter((route) => !routes.has(`eth0 ${route}`));
  if (lost.length > 0) return { why: `its device has no route to ${lost.join(' and ')}`, cure: 'repair' };
  return lower.up ? undefined : { why: down(mode.device), cure: 'wait' };
}

/** PURE. What the kernel makes of addresses, and the ways out. */
export function wantedRoutes({ addresses, gateways }: MacvlanMode): readonly string[] {
  const connected = addresses.flatMap((address) => {
    const block = parseBlock(address);
    // An address that stands alone brings no route in IPv4.
    return block === undefined || block.length === 32 ? [] : formatBlock(block);
  });
  const defaults = gateways.map((gateway) => (familyOf(gateway) === 'ipv4' ? '0.0.0.0/0' : '::/0'));
  return [...new Set([...connected, ...defaults])];
}

/** Moves a device of the host's link into the container, as `eth0`. */
export async function makeMacvlan(mode: MacvlanMode, { place, world }: MakeRequest): Promise<void> {
  const { name, netns } = place;
  const lower = (await listLinks()).get(mode.device);
  if (lower === undefined) throw refused(name, mode, missing(mode.device));
  if (!lower.up) throw refused(name, mode, down(mode.device));
  const pid = world.observed.running.get(name)?.pid;
  if (pid === undefined || !lookInside(pid).links.has('eth0')) await addDevice(name, netns, mode);
  await ipBatchIn(netns, name, ['link set dev lo up', ...insideLines(mode)]);
}

async function addDevice(name: string, netns: string, mode: MacvlanMode): Promise<void> {
  const { device, mac } = mode;
  const address = mac === undefined ? '' : ` address ${mac}`;
  // Of a start that broke off; a fresh namespace has none.
  await run('ip', ['-n', netns, 'link', 'delete', 'dev', 'eth0'], {
    ...{ okCodes: [1], doing: `connecting ${name}` },
  });
  await ipBatch(name, [
    `link add link ${device} name eth0${address} netns ${netns} type macvlan mode bridge`,
  ]).catch((cause: unknown) => {
    // Loopback, a tunnel, a bridge's port, a MAC that another device of the link has.
    const [, said] = /(?:RTNETLINK answers|Error): (.+)/.exec(messageOf(cause)) ?? [];
    if (said === undefined) throw cause;
    throw refused(
      name,
      mode,
      `the kernel adds no macvlan to the link ${device} of this host: ${said}`,
      cause,
    );
  });
}

function insideLines({ addresses, gateways }: MacvlanMode): readonly string[] {
  return [
    ...addresses.map(
      (address) => `address replace ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`,
    ),
    'link set dev eth0 up',
    ...gateways.map((gateway) => {
      const to = familyOf(gateway) === 'ipv4' ? 'default' : '::/0';
      return `route replace ${to} via ${gateway} dev eth0${isNear(gateway, addresses) ? '' : ' onlink'}`;
    }),
  ];
}

/** A gateway that no address' network holds is a neighbour all the same: the user says so. */
function isNear(gateway: string, addresses: readonly string[]): boolean {
  const ip = parseIp(gateway);
  return addresses.some((address) => {
    const block = parseBlock(address);
    return ip !== undefined && block !== undefined && blockHasIp(block, ip);
  });
}

function missing(device: string): string {
  return `this host has no link ${device}`;
}

function down(device: string): string {
  return `the link ${device} of this host is down`;
}

function refused(name: string, { device }: MacvlanMode, reason: string, cause?: unknown): CausewayError {
  const text = `macvlan:${device}`;
  return new CausewayError('not-found', `network "${text}" of container ${name}: ${reason}`, {
    ...{ field: 'network', value: text },
    ...(cause === undefined ? {} : { cause }),
  });
}
