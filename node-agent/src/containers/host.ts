import { readdir, readFile } from 'node:fs/promises';
import type { OciFacts } from './oci.ts';

export type HostAbilities = Pick<OciFacts, 'inUserNamespace' | 'capabilities' | 'ipv6'>;

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
  const [map, status, links] = await Promise.all([
    readFile('/proc/self/uid_map', 'utf8'),
    readFile('/proc/self/status', 'utf8'),
    readdir('/proc/sys/net/ipv6/conf').catch(() => []),
  ]);
  return {
    inUserNamespace: !WHOLE_MAP.test(map),
    capabilities: boundingSet(status),
    ipv6: links.length > 0,
  };
}

/** PURE. Names of the capabilities in the bounding set of a /proc/PID/status. */
export function boundingSet(status: string): ReadonlySet<string> {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return new Set(
    CAPABILITY_NAMES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`),
  );
}
