import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CausewayError, show } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { removeCgroups } from './cgroups.ts';
import type { ClusterSettings } from './options.ts';
import { identify, isAlive, type ProcessId } from './pids.ts';

/** `state.json` of a lab: what another process needs to find it and get in. */
export interface LabState {
  readonly name: string;
  /** Process 1 of the lab, as seen from outside; absent while the lab is being made. */
  readonly initPid?: number;
  readonly initStart?: number;
  /** Who makes it, so that a half-made lab of a dead maker is recognised. */
  readonly maker: ProcessId;
  readonly lifetime: 'attached' | 'detached';
  /** Its own group in this machine's control groups; absent where it has none. */
  readonly cgroup?: string;
  /** `host-1` … */
  readonly hosts: readonly string[];
  /** Every machine's holder process, as seen from outside. */
  readonly members: Readonly<Record<string, number>>;
  /** Its dataplane is the one that agents were last started with. */
  readonly settings: ClusterSettings;
  /** RFC 3339 */
  readonly startedAt: string;
}

/** Longest path of a unix socket on Linux, bytes. */
const SOCKET_PATH_LIMIT = 107;
export const SOCKET_IN_LAB = 'hosts/host-1/run/causeway/controller.sock';

/** Where this user's labs live; made if missing, and refused if somebody else made it. */
export function baseDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  const directory = process.env.CAUSEWAY_LAB_DIR || `/tmp/causeway-lab-${uid}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== uid)
    throw new CausewayError(
      'conflict',
      `making the lab's directory ${directory}: it belongs to somebody else; name another in CAUSEWAY_LAB_DIR`,
    );
  return directory;
}

/**
 * Claims a name and its directory. What a dead lab of that name left behind is removed first.
 *
 * @param next take `NAME-2`, `NAME-3`… when the name is in use
 * @throws CausewayError `conflict` when a live lab has the name
 */
export async function claimName(
  state: LabState,
  next: boolean,
): Promise<{ name: string; directory: string }> {
  const base = baseDirectory();
  await sweep();
  for (let number = 1; ; number++) {
    const name = number === 1 ? state.name : `${state.name}-${number}`;
    const directory = join(base, name);
    if (Buffer.byteLength(join(directory, SOCKET_IN_LAB)) > SOCKET_PATH_LIMIT)
      throw new CausewayError(
        'invalid',
        `making the lab ${show(name)} in ${base}: the path is too long for a socket; name a shorter one in CAUSEWAY_LAB_DIR`,
      );
    if (claim(base, directory, { ...state, name })) return { name, directory };
    if (!next)
      throw new CausewayError(
        'conflict',
        `making the lab ${show(name)}: it is up already; take it down (npm run lab -- down --name ${name}) or give this one another --name`,
      );
  }
}

export function writeState(directory: string, state: LabState): void {
  const part = join(directory, `state.json.${process.pid}`);
  writeFileSync(part, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(part, join(directory, 'state.json'));
}

/** @returns undefined when there is no lab of that name, or it is dead */
export function liveLab(name: string): { state: LabState; directory: string } | undefined {
  const directory = join(baseDirectory(), name);
  const state = readState(directory);
  return state !== undefined && lives(state) ? { state, directory } : undefined;
}

/** The live labs of this user, the newest first. */
export function liveLabs(): LabState[] {
  return names()
    .flatMap((name) => liveLab(name)?.state ?? [])
    .sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** Removes what dead labs left behind. */
export async function sweep(): Promise<void> {
  const base = baseDirectory();
  for (const name of readdirSync(base)) {
    const directory = join(base, name);
    const state = readState(directory);
    const leftOver = name.startsWith('.') ? abandoned(name) : !lives(state);
    if (!leftOver) continue;
    if (state?.cgroup !== undefined) await removeCgroups(state.cgroup);
    await removeDirectory(base, directory);
  }
}

/** Removes a lab's directory; it gets out of the way at once, whatever its removal costs. */
export async function removeDirectory(base: string, directory: string): Promise<void> {
  const aside = join(base, `.gone-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    renameSync(directory, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    rmSync(aside, { recursive: true, force: true });
  } catch {
    // Containers' roots are read-only directories; an ordinary user must open them first.
    await run('chmod', ['-R', 'u+rwX', aside], { doing: 'opening a dead lab for removal' });
    rmSync(aside, { recursive: true, force: true });
  }
}

function claim(base: string, directory: string, state: LabState): boolean {
  const part = join(base, `.new-${process.pid}-${Math.random().toString(36).slice(2)}`);
  mkdirSync(part, { mode: 0o700 });
  writeState(part, state);
  try {
    // Fails on a directory that is not empty: two claims of one name cannot both succeed.
    renameSync(part, directory);
    return true;
  } catch (error) {
    rmSync(part, { recursive: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

function lives(state: LabState | undefined): boolean {
  if (state === undefined) return false;
  if (state.initPid === undefined || state.initStart === undefined) return isAlive(state.maker);
  return isAlive({ pid: state.initPid, start: state.initStart });
}

/** Names like `.new-123-x` carry the process that is at work on them. */
function abandoned(name: string): boolean {
  const pid = /^\.(?:new|gone)-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && identify(Number(pid)) === undefined;
}

function readState(directory: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

function names(): string[] {
  return readdirSync(baseDirectory()).filter((name) => !name.startsWith('.'));
}
