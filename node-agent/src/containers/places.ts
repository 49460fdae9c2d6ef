import { createHash } from 'node:crypto';
import { LINK_PREFIX } from '@causeway/shared/names';

/** Where `ip netns` keeps its namespaces. */
export const NETNS_DIR = '/run/netns';
const NETNS_PREFIX = `${LINK_PREFIX}-`;
/** Containers of others: another name, so that whoever ends what is in a namespace of ours never ends them. */
const ATTACHED_PREFIX = `${LINK_PREFIX}a-`;

/** RFC 1123 label. Everything below builds paths and names of links from it: check before. */
const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

export function isContainerName(text: unknown): text is string {
  return typeof text === 'string' && NAME.test(text);
}

/** Every directory of ours on this host. */
export interface Layout {
  readonly runcRoot: string;
  readonly bundles: string;
  readonly records: string;
  /** What containers have written, and where their root file systems are mounted. */
  readonly roots: string;
  /** How containers ended, a file each, written by their monitors. */
  readonly exits: string;
  /** Notes that the host has begun to go down. */
  readonly shutdown: string;
  /** Root file systems as agents before this one made them. */
  readonly rootfs: string;
  readonly images: string;
  /** Layers of images for containers with a user namespace of their own. */
  readonly mapped: string;
}

/** What containers write lies in the state directory, not in the bundles: it survives a reboot. */
export function layoutOf(dirs: { readonly stateDir: string; readonly runDir: string }): Layout {
  return {
    runcRoot: `${dirs.runDir}/runc`,
    bundles: `${dirs.runDir}/bundles`,
    records: `${dirs.stateDir}/containers`,
    roots: `${dirs.stateDir}/roots`,
    exits: `${dirs.stateDir}/exits`,
    shutdown: `${dirs.stateDir}/shutdown`,
    rootfs: `${dirs.stateDir}/rootfs`,
    images: `${dirs.stateDir}/images`,
    mapped: `${dirs.stateDir}/mapped`,
  };
}

/** Everything that one container has on its host. */
export interface Place {
  readonly name: string;
  readonly netns: string;
  readonly netnsPath: string;
  /** The host's end of its veth pair. */
  readonly hostLink: string;
  readonly bundle: string;
  /** Holds the next three. */
  readonly root: string;
  /** What it has written, and overlayfs' own folder beside it. */
  readonly upper: string;
  readonly work: string;
  /** Where its root file system is mounted. */
  readonly merged: string;
  /** Files that are mounted over the image's: hosts, hostname, resolv.conf. */
  readonly etc: string;
  readonly exit: string;
  readonly rootfs: string;
  readonly record: string;
  readonly log: string;
}

/** @param name a checked container name */
export function placeOf(layout: Layout, name: string): Place {
  const root = `${layout.roots}/${name}`;
  return {
    name,
    netns: NETNS_PREFIX + name,
    netnsPath: `${NETNS_DIR}/${NETNS_PREFIX}${name}`,
    hostLink: hostLinkOf(name),
    bundle: `${layout.bundles}/${name}`,
    root,
    upper: `${root}/upper`,
    work: `${root}/work`,
    merged: `${root}/merged`,
    etc: `${root}/etc`,
    exit: `${layout.exits}/${name}`,
    rootfs: `${layout.rootfs}/${name}`,
    record: `${layout.records}/${name}.json`,
    log: `${layout.records}/${name}.log`,
  };
}

/** A link's name has at most 15 characters, a container's 63: a hash stands for it. */
export function hostLinkOf(name: string): string {
  return LINK_PREFIX + createHash('sha1').update(name).digest('hex').slice(0, 10);
}

const HOST_LINK = new RegExp(`^${LINK_PREFIX}[0-9a-f]{10}$`);

export function isHostLink(link: string): boolean {
  return HOST_LINK.test(link);
}

/** @returns the container's name, or undefined when the namespace is none of ours. */
export function nameOfNetns(netns: string): string | undefined {
  return behind(NETNS_PREFIX, netns);
}

/** Our name for the namespace of somebody else's container. @param name a checked container name */
export function attachedNetnsOf(name: string): string {
  return ATTACHED_PREFIX + name;
}

/** @returns the name of the container of others that the namespace is, or undefined when it is none. */
export function nameOfAttached(netns: string): string | undefined {
  return behind(ATTACHED_PREFIX, netns);
}

function behind(prefix: string, netns: string): string | undefined {
  const name = netns.startsWith(prefix) ? netns.slice(prefix.length) : '';
  return isContainerName(name) ? name : undefined;
}
