import type { ContainerSpec } from '@causeway/shared/model/container';

/** What the host allows, read once by `host.ts`. */
export interface OciFacts {
  /** In a user namespace with a single user: no groups, no cgroups, no sysfs. */
  readonly inUserNamespace: boolean;
  /** Names of the capabilities that this process could hand on. */
  readonly capabilities: ReadonlySet<string>;
  /** The kernel has IPv6. */
  readonly ipv6: boolean;
  readonly rootfs: string;
  readonly netnsPath: string;
}

/** The folder of cgroups that containers are in, when they have one. */
export const CGROUP = '/causeway';
export const CONTAINER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Docker's default set. */
const CAPABILITIES = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

/** Docker's lists: parts of /proc and /sys that tell of, or reach into, the host. */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * A neighbour on the bridge that announces itself as a router would get all of a container's IPv6 packets
 * (CVE-2020-13401). `default` is for a link that is made again later.
 */
const DEAF_TO_ROUTERS = { 'net.ipv6.conf.default.accept_ra': '0', 'net.ipv6.conf.eth0.accept_ra': '0' };

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** PURE. The OCI runtime configuration (config.json) of a container that joins a network namespace made before. */
export function ociConfig(spec: ContainerSpec, facts: OciFacts): object {
  const capabilities = CAPABILITIES.filter((one) => facts.capabilities.has(one));
  return {
    ociVersion: '1.0.2',
    hostname: spec.name,
    root: { path: facts.rootfs, readonly: true },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      cwd: '/',
      args: spec.command,
      env: [`PATH=${CONTAINER_PATH}`, `HOSTNAME=${spec.name}`, 'HOME=/root'],
      noNewPrivileges: true,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    mounts: mounts(facts.inUserNamespace),
    linux: {
      namespaces: [
        ...['pid', 'mount', 'uts', 'ipc'].map((type) => ({ type })),
        { type: 'network', path: facts.netnsPath },
      ],
      ...(facts.ipv6 ? { sysctl: DEAF_TO_ROUTERS } : {}),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      ...(facts.inUserNamespace ? {} : cgroup(spec.name)),
    },
  };
}

function cgroup(name: string): object {
  return {
    cgroupsPath: `${CGROUP}/${name}`,
    resources: { devices: [{ allow: false, access: 'rwm' }] },
  };
}

function mounts(inUserNamespace: boolean): readonly Mount[] {
  const guarded = ['nosuid', 'noexec', 'nodev'];
  // Group 5 (tty) has no number inside a user namespace of one user.
  const ptyOptions = ['newinstance', 'ptmxmode=0666', 'mode=0620', ...(inUserNamespace ? [] : ['gid=5'])];
  const all: readonly Mount[] = [
    mount('/proc', 'proc', guarded),
    mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('/dev/pts', 'devpts', ['nosuid', 'noexec', ...ptyOptions]),
    mount('/dev/shm', 'tmpfs', [...guarded, 'mode=1777', 'size=65536k'], 'shm'),
    mount('/dev/mqueue', 'mqueue', guarded),
    mount('/tmp', 'tmpfs', ['nosuid', 'nodev', 'mode=1777', 'size=65536k']),
    mount('/sys', 'sysfs', [...guarded, 'ro']),
  ];
  return inUserNamespace ? all.filter(({ type }) => type !== 'sysfs') : all;
}

function mount(destination: string, type: string, options: readonly string[], source = type): Mount {
  return { destination, type, source, options };
}
