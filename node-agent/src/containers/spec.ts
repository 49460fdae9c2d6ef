import { createHash } from 'node:crypto';
import { invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { isContainerName } from './places.ts';

/** The host's runtime mounts something over these: a file below them would never be seen. */
const MOUNTED = ['/proc', '/dev', '/sys'];
/** Linux limits: a path, and one part of it, in bytes. */
const MAX_PATH = 4095;
const MAX_PART = 255;
const HOSTNAME = /^[a-z0-9](?:[-.a-z0-9]{0,61}[a-z0-9])?$/i;

/**
 * Checks what came from etcd once more, before a name or a path reaches the host.
 *
 * @throws CausewayError `invalid`, naming field and value
 */
export function checkSpec(spec: ContainerSpec): void {
  if (!isContainerName(spec.name))
    throw invalid('name', spec.name, 'is no name of a container: a-z, 0-9 and "-", at most 63 characters');
  checkCommand(spec.command);
  if (typeof spec.files !== 'object' || spec.files === null || Array.isArray(spec.files))
    throw invalid('files', spec.files, 'is no map from paths to text');
  for (const [path, text] of Object.entries(spec.files)) {
    const fault = pathFault(path);
    if (fault !== undefined) throw invalid('files', path, fault);
    if (typeof text !== 'string') throw invalid(`files[${JSON.stringify(path)}]`, text, 'is no text');
  }
  checkOptions(spec);
}

function checkOptions({ env = {}, mounts = [], workdir, hostname }: ContainerSpec): void {
  for (const [key, value] of Object.entries(env)) {
    if (key === '' || /[=\0]/.test(key)) throw invalid('env', key, 'is no name of a variable');
    if (value.includes('\0')) throw invalid(`env[${key}]`, value, 'holds a NUL character');
  }
  for (const { source, destination } of mounts) {
    const fault = pathFault(destination);
    if (fault !== undefined) throw invalid('mounts', destination, fault);
    if (!source.startsWith('/') || /\p{Cc}/u.test(source))
      throw invalid('mounts', source, 'is no absolute path of the host');
  }
  if (workdir !== undefined && (!workdir.startsWith('/') || /\p{Cc}/u.test(workdir)))
    throw invalid('workdir', workdir, 'is no absolute path');
  if (hostname !== undefined && !HOSTNAME.test(hostname))
    throw invalid('hostname', hostname, 'is no host name: letters, 0-9, "-" and ".", at most 63 characters');
}

function checkCommand(command: unknown): void {
  if (!Array.isArray(command)) throw invalid('command', command, 'is no list of words');
  for (const [index, word] of command.entries()) {
    if (typeof word !== 'string' || word.includes('\0') || (index === 0 && word === ''))
      throw invalid(`command[${index}]`, word, 'is no word of a command');
  }
}

function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is no absolute path';
  const parts = path.slice(1).split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return 'has an empty, "." or ".." part';
  if (/\p{Cc}/u.test(path)) return 'has a control character';
  if (Buffer.byteLength(path) > MAX_PATH || parts.some((part) => Buffer.byteLength(part) > MAX_PART))
    return 'is longer than a file name can be';
  const over = MOUNTED.find((mount) => path === mount || path.startsWith(`${mount}/`));
  return over === undefined ? undefined : `lies under ${over}, which every container has of its own`;
}

/**
 * Tells one definition of a container from another, as far as a running one cannot be made to follow: it is made anew then.
 * Addresses, labels, published ports and what is done with a container are followed while it runs.
 */
export function specHash(spec: ContainerSpec): string {
  const files = sorted(spec.files);
  const { image, user, workdir, hostname, mounts, cpus, memoryBytes, userNamespace } = spec;
  const env = spec.env === undefined ? undefined : sorted(spec.env);
  const made = { image, network: networkOf(spec), env, user, workdir, hostname, mounts, cpus, memoryBytes };
  const extras = JSON.stringify({ ...made, userNamespace });
  // What agents before this one started is known to them by these two alone.
  const parts = extras === '{}' ? [spec.command, files] : [spec.command, files, extras];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Of a bridge's port, nothing is fixed. */
function networkOf({ network }: ContainerSpec): unknown {
  switch (network?.kind) {
    case undefined:
    case 'bridge':
      return undefined;
    case 'p2p':
      return { kind: network.kind, peer: network.peer };
    default:
      return network;
  }
}

/** Their order does not matter. */
function sorted(map: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
