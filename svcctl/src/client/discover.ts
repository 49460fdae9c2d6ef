import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CausewayError, invalid } from '@causeway/shared/errors';
import { CONTROLLER_SOCKET } from '@causeway/shared/names';

/** Where a controller is asked. */
export interface Server {
  /** As it is told to the user. */
  readonly text: string;
  /** Absent for a unix socket. */
  readonly url?: URL;
  readonly socketPath?: string;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** The socket of a controller on this host. */
  readonly localSocket?: string;
}

/**
 * Finds the controller: the flag, else SVCCTL_SERVER, else the local socket, else the newest running lab.
 * @throws CausewayError `invalid` for a malformed address, `unreachable` when there is nothing to ask
 */
export function findServer(flag: string | undefined, around: Surroundings): Server {
  if (flag !== undefined) return parseServer('server', flag);
  const fromEnv = around.env.SVCCTL_SERVER;
  if (fromEnv) return parseServer('SVCCTL_SERVER', fromEnv);
  const local = around.localSocket ?? CONTROLLER_SOCKET;
  if (existsSync(local)) return socket(local);
  const labs = around.env.CAUSEWAY_LAB_DIR || `/tmp/causeway-lab-${around.uid}`;
  const live = liveLabs(labs);
  const lab = live.find((one) => existsSync(one.socket));
  if (lab !== undefined) return socket(lab.socket);
  if (live[0] !== undefined)
    throw new CausewayError(
      'unreachable',
      `the lab "${live[0].name}" is up, but no controller in it; start it with ` +
        `\`npm run lab -- controller start --name ${live[0].name}\``,
    );
  throw new CausewayError(
    'unreachable',
    `no controller found: SVCCTL_SERVER is not set, there is no socket ${local} and no running lab in ${labs}; ` +
      'start one with `npm start`, or name one with --server http://HOST:7480',
  );
}

/** @param field how the user gave it: `server` or `SVCCTL_SERVER` */
export function parseServer(field: string, text: string): Server {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path === '' || path.includes('\0')) throw invalid(field, text, 'names no socket: write unix:/PATH');
    return socket(path);
  }
  // URL would leave white space out, and ask another host than the one that was named.
  if (!/^https?:\/\/[^/\s]\S*$/.test(text) || !URL.canParse(text))
    throw invalid(field, text, 'is neither http://HOST:PORT nor unix:/PATH');
  const url = new URL(text);
  if (url.search !== '' || url.hash !== '') throw invalid(field, text, 'has more than http://HOST:PORT');
  return { text: url.origin, url };
}

function socket(path: string): Server {
  return { text: `unix:${path}`, socketPath: path };
}

interface LiveLab {
  readonly name: string;
  /** Where its controller listens while it runs. */
  readonly socket: string;
  readonly startedAt: number;
}

/** The newest first. */
function liveLabs(directory: string): LiveLab[] {
  return namesIn(directory)
    .map((name) => readLab(directory, name))
    .filter((lab) => lab !== undefined)
    .sort((a, b) => b.startedAt - a.startedAt);
}

function readLab(folder: string, name: string): LiveLab | undefined {
  const directory = join(folder, name);
  try {
    const state: unknown = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'));
    if (typeof state !== 'object' || state === null) return undefined;
    const { initPid, startedAt } = state as { initPid?: unknown; startedAt?: unknown };
    if (typeof initPid !== 'number' || !isAlive(initPid)) return undefined;
    return {
      name,
      socket: join(directory, 'hosts/host-1/run/causeway/controller.sock'),
      startedAt: new Date(startedAt as string | number).getTime() || 0,
    };
  } catch {
    // A directory that is being made or taken down is no lab.
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
