import { invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ImageConfig } from '../images/image.ts';
import type { Cgroup } from './cgroups.ts';
import { hostnameOf } from './etc.ts';
import type { HostAbilities } from './host.ts';
import type { UserIds } from './image-user.ts';

/** What a container's configuration is made of beside its definition. */
export interface OciFacts extends Omit<HostAbilities, 'groups'> {
  readonly rootfs: string;
  /** Absent: it has the host's own network. */
  readonly netnsPath?: string;
  /** The namespace is somebody else's, too. */
  readonly sharesNetns: boolean;
  /** `eth0` is there before the process. */
  readonly bringsLink: boolean;
  /** Its link has nothing to do with IPv6: not even the address that every link has, which policies know nobody by. */
  readonly withoutIpv6: boolean;
  readonly image: ImageConfig;
  readonly user: UserIds;
  /** Files that are mounted over the image's, by path in the container. */
  readonly made: Readonly<Record<string, string>>;
  /** Its cgroup, in every hierarchy; absent: it has none. */
  readonly cgroup?: Cgroup;
  /** The filter of its system calls. */
  readonly seccomp: object | undefined;
  /** Its own user namespace; absent: none. */
  readonly ownUsers?: OwnUsers;
}

/** Users and groups from 0 on inside are those from `first` on outside. */
export interface IdMap {
  readonly first: number;
  readonly count: number;
}

/** A user namespace for a container. */
export interface OwnUsers {
  readonly map: IdMap;
  /** Path of the namespace, where it is there already; absent: the runtime makes it. */
  readonly path?: string;
}

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
 * (CVE-2020-13401). `default` is for a link that is made later.
 */
const DEAF_TO_ROUTERS = { 'net.ipv6.conf.default.accept_ra': '0' };
const DEAF_ON_ETH0 = { 'net.ipv6.conf.eth0.accept_ra': '0' };
const MUTE_ON_ETH0 = { 'net.ipv6.conf.eth0.disable_ipv6': '1' };
/** All ports are the container's own: its programs need no power to listen on those below 1024. */
const ALL_PORTS = { 'net.ipv4.ip_unprivileged_port_start': '0' };

/** The kernel's own limit. */
const MOST_GROUPS = 2_147_483_648;

/** Microseconds in which a container gets its share of the processors. */
const CPU_PERIOD = 100_000;
const LEAST_QUOTA = 1_000;

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** PURE. The OCI runtime configuration (config.json) of a container that joins a network namespace made before. */
export function ociConfig(spec: ContainerSpec, facts: OciFacts): object {
  const { rootfs, netnsPath, cgroup, ownUsers, user, image } = facts;
  const capabilities = CAPABILITIES.filter((one) => facts.capabilities.has(one));
  const inherited = user.uid === 0 ? { effective: capabilities, permitted: capabilities } : {};
  const { uid, gid, additionalGids } = user;
  return {
    ociVersion: '1.0.2',
    hostname: hostnameOf(spec),
    root: { path: rootfs, readonly: false },
    process: {
      terminal: false,
      user: { uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids }) },
      cwd: workdirOf(spec, image),
      args: argsOf(spec, image),
      env: envOf(spec, image, user),
      noNewPrivileges: true,
      capabilities: { bounding: capabilities, ...inherited },
    },
    mounts: [...mounts(facts), ...ownMounts(spec, facts)],
    linux: {
      namespaces: [
        ...['pid', 'mount', 'uts', 'ipc'].map((type) => ({ type })),
        ...(ownUsers === undefined ? [] : [userNamespace(ownUsers)]),
        ...(netnsPath === undefined ? [] : [{ type: 'network', path: netnsPath }]),
      ],
      ...(ownUsers === undefined ? {} : mappings(ownUsers)),
      ...sysctls(facts),
      ...(facts.seccomp === undefined ? {} : { seccomp: facts.seccomp }),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      ...(cgroup === undefined ? {} : { cgroupsPath: cgroup.path, resources: resources(spec, cgroup) }),
    },
  };
}

/** PURE. The image's entry point, and behind it the definition's words or the image's own. */
export function argsOf({ command }: ContainerSpec, image: ImageConfig): readonly string[] {
  return [...image.entrypoint, ...(command.length === 0 ? image.cmd : command)];
}

/** PURE. @throws CausewayError `invalid` for one of the image that is no absolute path */
export function workdirOf({ workdir }: ContainerSpec, image: ImageConfig): string {
  if (workdir !== undefined) return workdir;
  const own = image.workdir || '/';
  if (!own.startsWith('/'))
    throw invalid('workdir', own, 'is that of its image and no absolute path: give one');
  return own;
}

/** Later ones go before. */
function envOf(spec: ContainerSpec, image: ImageConfig, user: UserIds): readonly string[] {
  const all = new Map([
    ['PATH', CONTAINER_PATH],
    ['HOSTNAME', hostnameOf(spec)],
    ['HOME', user.home],
    ...image.env.map((one) => {
      const [key = '', ...value] = one.split('=');
      return [key, value.join('=')] as const;
    }),
    ...Object.entries(spec.env ?? {}),
  ]);
  return [...all].map(([key, value]) => `${key}=${value}`);
}

function userNamespace({ path }: OwnUsers): object {
  return { type: 'user', ...(path === undefined ? {} : { path }) };
}

function mappings({ map: { first, count } }: OwnUsers): object {
  const all = [{ containerID: 0, hostID: first, size: count }];
  return { uidMappings: all, gidMappings: all };
}

/** The host's own are not the container's to change. */
function sysctls(facts: OciFacts): object {
  const { ipv6, netnsPath, sharesNetns, bringsLink, withoutIpv6, users, ownUsers } = facts;
  if (netnsPath === undefined || sharesNetns) return {};
  const deaf = {
    ...DEAF_TO_ROUTERS,
    ...(bringsLink ? DEAF_ON_ETH0 : {}),
    ...(bringsLink && withoutIpv6 ? MUTE_ON_ETH0 : {}),
  };
  // Without the power of raw sockets, ping has those that the kernel gives to groups.
  const lastGroup = Math.min(ownUsers?.map.count ?? users, MOST_GROUPS) - 1;
  const ping = { 'net.ipv4.ping_group_range': `0 ${lastGroup}` };
  return { sysctl: { ...ALL_PORTS, ...ping, ...(ipv6 ? deaf : {}) } };
}

function resources({ cpus, memoryBytes }: ContainerSpec, { limitsSwap }: Cgroup): object {
  const quota = cpus === undefined ? undefined : Math.max(LEAST_QUOTA, Math.round(cpus * CPU_PERIOD));
  return {
    devices: [{ allow: false, access: 'rwm' }],
    ...(quota === undefined ? {} : { cpu: { quota, period: CPU_PERIOD } }),
    ...(memoryBytes === undefined ? {} : { memory: memory(memoryBytes, limitsSwap) }),
  };
}

/** `swap` is that of memory and swap together: with the same limit there is none. */
function memory(limit: number, limitsSwap: boolean): object {
  return { limit, ...(limitsSwap ? { swap: limit } : {}) };
}

/** The definition's own come last, so that they lie over all others. */
function ownMounts(
  { mounts: own = [] }: ContainerSpec,
  { made, changesWholeTrees }: OciFacts,
): readonly Mount[] {
  // What is mounted below a source has its own word for it.
  const unwritable = changesWholeTrees ? ['ro', 'rro'] : ['ro'];
  return [
    ...Object.entries(made).map(([at, source]) => mount(at, 'bind', ['bind', 'rprivate'], source)),
    ...own.map(({ source, destination, readOnly }) =>
      mount(destination, 'bind', ['rbind', 'rprivate', ...(readOnly ? unwritable : [])], source),
    ),
  ];
}

function mounts({ inUserNamespace, ownUsers, netnsPath }: OciFacts): readonly Mount[] {
  const guarded = ['nosuid', 'noexec', 'nodev'];
  // Group 5 (tty) has no number inside a user namespace of one user.
  const ptyOptions = ['newinstance', 'ptmxmode=0666', 'mode=0620', ...(inUserNamespace ? [] : ['gid=5'])];
  const sysfs =
    ownUsers === undefined || netnsPath !== undefined
      ? mount('/sys', 'sysfs', [...guarded, 'ro'])
      : // The host's network is not its own, so that the kernel mounts no new one for it.
        mount('/sys', 'none', ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'], '/sys');
  return [
    mount('/proc', 'proc', guarded),
    mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('/dev/pts', 'devpts', ['nosuid', 'noexec', ...ptyOptions]),
    mount('/dev/shm', 'tmpfs', [...guarded, 'mode=1777', 'size=65536k'], 'shm'),
    mount('/dev/mqueue', 'mqueue', guarded),
    ...(inUserNamespace ? [] : [sysfs]),
  ];
}

function mount(destination: string, type: string, options: readonly string[], source = type): Mount {
  return { destination, type, source, options };
}
