import { readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';

/** What the host allows. */
export interface HostAbilities {
  /** In a user namespace: no devices, no sysfs; and with a single user no groups. */
  readonly inUserNamespace: boolean;
  /** Names of the capabilities that this process could hand on. */
  readonly capabilities: ReadonlySet<string>;
  /** The kernel has IPv6. */
  readonly ipv6: boolean;
  /** Processes may be in more groups than one. */
  readonly groups: boolean;
  /** How many user numbers there are, from 0 on. */
  readonly users: number;
  /** The kernel makes a mount read-only with all that is mounted below it (mount_setattr(2)). */
  readonly changesWholeTrees: boolean;
}

/** By number, as in linux/capability.h. */
const CAPABILITY_NAMES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT ' +
  'SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP'
).split(' ');
/** The only map of the first user namespace: every number stands for itself. */
const WHOLE_MAP = /^\s*0\s+0\s+4294967295\s*$/;

/** What this process may do on its host, from /proc/self. */
export async function hostAbilities(): Promise<HostAbilities> {
  const [map, status, links, groups] = await Promise.all([
    readFile('/proc/self/uid_map', 'utf8'),
    readFile('/proc/self/status', 'utf8'),
    readdir('/proc/sys/net/ipv6/conf').catch(() => []),
    readFile('/proc/self/setgroups', 'utf8').catch(() => 'allow'),
  ]);
  return {
    inUserNamespace: !WHOLE_MAP.test(map),
    capabilities: boundingSet(status),
    ipv6: links.length > 0,
    groups: groups.trim() === 'allow',
    users: usersIn(map),
    changesWholeTrees: isSince(release(), MOUNT_SETATTR),
  };
}

/** The first kernel that has it. */
const MOUNT_SETATTR = [5, 12] as const;

/** PURE. @param release of a kernel: `6.1.0-18-amd64` */
export function isSince(release: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return first > major || (first === major && second >= minor);
}

/** PURE. How many numbers from 0 on an uid_map has. */
export function usersIn(map: string): number {
  const ranges = map
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((numbers) => numbers.length === 3)
    .sort(([a = 0], [b = 0]) => a - b);
  let count = 0;
  for (const [first = 0, , size = 0] of ranges) if (first === count) count += size;
  return count;
}

/** PURE. Names of the capabilities in the bounding set of a /proc/PID/status. */
export function boundingSet(status: string): ReadonlySet<string> {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return new Set(
    CAPABILITY_NAMES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`),
  );
}
