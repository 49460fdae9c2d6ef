import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type RunOptions, type RunResult, run } from '../../shared/src/programs/run.ts';

/**
 * A throw-away world of user, net, mount and pid namespaces: whatever happens in it never reaches this machine,
 * and it is gone when its first process ends.
 */
export interface Netns {
  /** Runs a command inside, as its root. */
  exec(command: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs lines of shell inside; stops at the first that fails. */
  sh(script: string, options?: RunOptions): Promise<RunResult>;
  /** Starts a command that stays until the world ends; resolves with its first line of output. */
  start(command: string, args?: readonly string[]): Promise<string>;
  /** Starts one whose streams are the caller's. */
  spawn(command: string, args?: readonly string[]): ChildProcessWithoutNullStreams;
  close(): Promise<void>;
}

const OWN_USER = ['--user', '--map-root-user'];

/** Signs of life of the first process: it answers when the namespaces stand. */
const FIRST_PROCESS = `
set -e
mount -t tmpfs tmpfs /run
# A runtime that runs as root here must not leave cgroups on this machine.
while read -r id parent device root at rest; do
  case $at in
  /sys/fs/cgroup | /sys/fs/cgroup/*) mount -o remount,bind,ro "$at" || : ;;
  esac
done </proc/self/mountinfo
mkdir -p /run/netns
ip link set lo up
echo ready
exec sleep infinity
`;

export interface NetnsOptions {
  /** Whose users it has: its own single one, root, or all of the machine's, which only the machine's root can give it. */
  readonly users?: 'one' | 'all';
}

export async function openNetns({ users = 'one' }: NetnsOptions = {}): Promise<Netns> {
  const [own, join] = users === 'all' ? [[], []] : [OWN_USER, ['--user', '--preserve-credentials']];
  const unshare = spawn(
    'unshare',
    [
      ...[...own, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', FIRST_PROCESS],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  await firstLine(unshare, 'unshare');
  const first = await firstProcess(unshare);
  const enter = ['--target', first, ...join, '--net', '--mount', '--pid'];
  const exec: Netns['exec'] = (command, args = [], options = {}) =>
    run('nsenter', [...enter, '--', command, ...args], options);
  return {
    exec,
    sh: (script, options = {}) => exec('sh', ['-ec', script], options),
    start: async (command, args = []) => {
      const daemon = spawn('nsenter', [...enter, '--', command, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return firstLine(daemon, command);
    },
    spawn: (command, args = []) => spawn('nsenter', [...enter, '--', command, ...args]),
    close: async () => {
      const ended = once(unshare, 'exit');
      unshare.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits for a sign of life. @throws Error with what it complained of, when it ends before */
async function firstLine(child: ChildProcess, what: string): Promise<string> {
  const { stdout, stderr } = child;
  if (stdout === null) throw new Error(`${what}: no output`);
  let complaint = '';
  stderr?.on('data', (chunk) => {
    complaint += String(chunk);
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${what} ended: ${complaint}`);
  });
  const [line] = await Promise.race([once(stdout, 'data'), ended]);
  ended.catch(() => undefined);
  stdout.resume();
  return String(line).trim();
}

/** The child that unshare forked, in this machine's pid numbers. */
async function firstProcess(unshare: ChildProcess): Promise<string> {
  const children = await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8');
  return children.trim();
}
