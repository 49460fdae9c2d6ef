import { mkdir, writeFile } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import type { ByFamily } from '@causeway/shared/net/family';
import { run } from '@causeway/shared/programs/run';
import { macOf } from './addresses.ts';
import type { ContainerNetwork } from './host-network.ts';
import { configureInside, type Inside, insideCommand, insideLines } from './inside.ts';
import type { Place } from './places.ts';

/** The host's end of a container's veth pair, as the kernel lists it. */
export interface HostLink {
  readonly master?: string;
  readonly up: boolean;
  /** The other end is up too. Absent: not known. */
  readonly carrier?: boolean;
  readonly mtu: number;
  /** Of a bridge's port only. */
  readonly hairpin?: boolean;
}

/** What of a connection is there already, and the link-layer address that the user chose. */
export interface Existing {
  readonly netns: boolean;
  readonly link: boolean;
  readonly mac?: string;
  /** The namespace is somebody else's: nothing of it but our link is touched. */
  readonly foreign?: boolean;
  /** Lines of `ip` that come before all others. */
  readonly before?: readonly string[];
}

/**
 * Makes a container's namespace and its way to the bridge. Any part may be there already.
 *
 * The container's end of a link into a namespace where processes run goes up *last*: whatever they send finds its way at
 * once. A host's end that is whole and has a carrier tells that everything behind it is there, so nothing inside needs to
 * be listed to know that a link is well.
 */
export async function connect(
  place: Place,
  addresses: ByFamily<string>,
  network: ContainerNetwork,
  existing: Existing,
): Promise<void> {
  const mac = existing.mac ?? macOf(addresses);
  const inside = { addresses, mac, network, foreign: existing.foreign === true };
  if (!existing.netns && !existing.link) return connectNew(place, inside);
  const netns = existing.netns ? [] : [`netns add ${place.netns}`];
  const before = [...(existing.before ?? []), ...netns];
  if (!existing.link) return makeAnew(place, before, inside);
  await batch(place, before);
  try {
    await configureInside(place, inside);
  } catch {
    // A pair whose other end is elsewhere is of no use.
    await removeLink(place.hostLink);
    return makeAnew(place, [], inside);
  }
  await batch(place, attachLines(place, network));
}

/** All of it at once, in a namespace in which nobody is yet. */
async function connectNew(place: Place, inside: Inside): Promise<void> {
  await batch(place, [
    `netns add ${place.netns}`,
    pairLine(place, inside.mac, inside.network),
    await insideLine(place, inside),
    ...attachLines(place, inside.network),
  ]);
}

/** A link into a namespace in which somebody may already wait for it. */
async function makeAnew(place: Place, before: readonly string[], inside: Inside): Promise<void> {
  const { mac, network } = inside;
  await batch(place, [
    ...before,
    pairLine(place, mac, network),
    ...attachLines(place, network),
    await insideLine(place, inside),
  ]);
}

/**
 * The container's end as one line of a batch on the host: one process of ours, whatever it costs this one to start another.
 * In a batch, `ip netns exec` has its own child in the namespace.
 */
async function insideLine({ bundle, netns }: Place, inside: Inside): Promise<string> {
  const lines = `${bundle}/inside.ip`;
  await mkdir(bundle, { recursive: true });
  await writeFile(lines, `${insideLines(inside).join('\n')}\n`);
  return `netns exec ${netns} ${insideCommand(inside, lines)}`;
}

/** Gives the namespace of a running process its name back (`ip netns exec` and runc find it by that). */
export async function renameNetns(place: Place, pid: number, stale: boolean): Promise<void> {
  if (stale) await removeNetns(place.netns);
  await run('ip', ['netns', 'attach', place.netns, String(pid)], {
    doing: `naming the namespace of ${place.name}`,
  });
}

/** What is wrong with the host's end; undefined when nothing is. */
export function linkFault(link: HostLink | undefined, network: ContainerNetwork): string | undefined {
  if (link === undefined) return 'its link is missing';
  if (link.master !== network.bridge) return `its link is not on ${network.bridge}`;
  if (!link.up) return 'its link is down';
  if (link.carrier === false) return 'the container’s end of its link is down';
  if (link.hairpin === false) return 'its link is not in hairpin mode';
  return link.mtu === network.mtu ? undefined : `its link's MTU is ${link.mtu}, not ${network.mtu}`;
}

/** Exit 1 of `ip` is also "no such link": what is left over is seen by who looks afterwards. */
export async function removeLink(link: string): Promise<void> {
  await run('ip', ['link', 'delete', 'dev', link], { okCodes: [1], doing: `removing link ${link}` });
}

export async function removeNetns(netns: string): Promise<void> {
  await run('ip', ['netns', 'delete', netns], { okCodes: [1], doing: `removing namespace ${netns}` });
}

export async function listLinks(): Promise<ReadonlyMap<string, HostLink>> {
  const { stdout } = await run('ip', ['-d', '-j', 'link', 'show'], { doing: 'listing links' });
  return parseLinks(stdout);
}

/** The part of one link in `ip -d -j link show` that is read here. */
interface ListedLink {
  readonly ifname: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly master?: string;
  readonly linkinfo?: { readonly info_slave_data?: { readonly hairpin?: boolean } };
}

/** PURE. From `ip -d -j link show`, by name. */
export function parseLinks(json: string): ReadonlyMap<string, HostLink> {
  const listed: unknown = JSON.parse(json.trim() === '' ? '[]' : json);
  if (!Array.isArray(listed)) throw new CausewayError('unreadable', 'listing links: `ip -j` printed no list');
  return new Map(
    listed.map(({ ifname, flags, mtu = 0, master, linkinfo }: ListedLink) => {
      const hairpin = linkinfo?.info_slave_data?.hairpin;
      const port = hairpin === undefined ? {} : { hairpin };
      return [
        ifname,
        {
          up: flags?.includes('UP') ?? false,
          carrier: flags?.includes('LOWER_UP') ?? false,
          mtu,
          ...(master === undefined ? {} : { master }),
          ...port,
        },
      ];
    }),
  );
}

function pairLine({ hostLink, netns }: Place, mac: string, { mtu }: ContainerNetwork): string {
  return `link add dev ${hostLink} mtu ${mtu} type veth peer name eth0 mtu ${mtu} address ${mac} netns ${netns}`;
}

/**
 * Hairpin: with bridge-nf-call-iptables a container that reaches itself through a VIP is translated while still on
 * the bridge, and the frame must go out of the port that it came in by.
 */
function attachLines({ hostLink }: Place, { bridge, mtu }: ContainerNetwork): readonly string[] {
  return [
    `link set dev ${hostLink} mtu ${mtu}`,
    `link set dev ${hostLink} master ${bridge}`,
    `link set dev ${hostLink} type bridge_slave hairpin on`,
    `link set dev ${hostLink} up`,
  ];
}

async function batch(place: Place, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, doing: `connecting ${place.name}` });
}
