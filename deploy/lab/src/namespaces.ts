import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CausewayError } from '@causeway/shared/errors';
import { childrenOf, identify, insidePids, type ProcessId } from './pids.ts';
import { spawnApart } from './process.ts';
import { INIT_SCRIPT, MEMBER_SCRIPT, portLines } from './scripts.ts';
import { type Member, switchLines } from './topology.ts';

/** Always with a user namespace, also for root: nothing in the lab has power over the machine. */
const UNSHARE = [
  'unshare',
  ...['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--ipc', '--uts'],
  ...['--mount-proc', '--kill-child'],
];

export interface Namespaces {
  /** Process 1 of the lab; its end is the end of everything in it. */
  readonly init: ProcessId;
  /** The outer number of each machine's holder process. */
  readonly holders: Readonly<Record<string, number>>;
}

/** Time for all machines and links to be made, milliseconds. */
const START_TIMEOUT_MS = 60_000;

/**
 * Writes everything that the lab's first processes read: what is laid where can be looked up there later.
 *
 * @param cgroup name of the lab's own group in the machine's; absent: it has none
 */
export function writePlan(directory: string, members: readonly Member[], cgroup = ''): void {
  const write = (path: string, lines: readonly string[]) =>
    writeFileSync(join(directory, path), lines.map((line) => `${line}\n`).join(''));
  for (const folder of ['etc', 'skeleton/causeway']) mkdirSync(join(directory, folder), { recursive: true });
  for (const member of members) {
    const home = `hosts/${member.name}`;
    for (const folder of ['run', 'lib', 'log', 'www'])
      mkdirSync(join(directory, home, folder), { recursive: true });
    write(`${home}/links.ip`, member.ip);
    write(`${home}/ports`, portLines(member.ip));
    write(
      `${home}/sysctls`,
      Object.entries(member.sysctls).map((entry) => entry.join(' ')),
    );
  }
  write('etc/hosts', ['127.0.0.1 localhost', ...members.map((each) => `${each.address} ${each.name}`)]);
  // No name server: a name that is not above fails at once.
  write('etc/resolv.conf', []);
  write('cgroup-name', [cgroup]);
  write('switch.ip', switchLines());
  write('init.sh', [INIT_SCRIPT]);
  write('member.sh', [MEMBER_SCRIPT]);
}

/**
 * Makes the outer namespaces and every machine in them.
 *
 * @param attached the kernel ends them all when this process ends, however it ends
 * @throws CausewayError `command-failed` with what the lab's processes said
 */
export async function startNamespaces(
  directory: string,
  names: readonly string[],
  attached: boolean,
): Promise<Namespaces> {
  const log = join(directory, 'init.log');
  const stderr = openSync(log, 'a');
  const prefix = attached ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const argv = [...prefix, ...UNSHARE, 'sh', 'init.sh', ...names];
  const child = spawnApart(argv, { cwd: directory, stderr });
  closeSync(stderr);
  try {
    await saidUp(child, names.length);
  } catch (error) {
    child.kill('SIGKILL');
    const said = readFileSync(log, 'utf8').trim();
    const why = error instanceof Error ? error.message : String(error);
    throw new CausewayError('command-failed', `making the lab's namespaces: ${why}: ${said}`, {
      cause: error,
    });
  }
  const init = identify(childrenOf(child.pid ?? 0)[0] ?? 0);
  if (init === undefined) throw new CausewayError('internal', 'making the lab: its first process has ended');
  return { init, holders: findHolders(directory, init, names) };
}

/**
 * The command line that runs `argv` on one machine of the lab. It enters all namespaces of the machine's holder
 * at once, and what it runs is killed when the entering process is.
 */
export function enter(holder: number, argv: readonly string[], wait = true): string[] {
  const namespaces = ['--user', '--mount', '--net', '--pid', '--ipc', '--uts', '--preserve-credentials'];
  const inner = wait ? ['setpriv', '--pdeathsig', 'KILL', '--', ...argv] : argv;
  return ['nsenter', '--target', String(holder), ...namespaces, '--', ...inner];
}

function saidUp(child: ReturnType<typeof spawnApart>, expected: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(new Error('no end after a minute')), START_TIMEOUT_MS);
    let up = 0;
    const finish = (error?: Error) => {
      clearTimeout(timer);
      child.stdout?.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    child.on('error', finish);
    child.on('exit', (code, signal) => finish(new Error(`its first process ended with ${code ?? signal}`)));
    if (child.stdout === null) return finish(new Error('no pipe'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('failed ')) finish(new Error(line));
      up += line.startsWith('up ') ? 1 : 0;
      if (up === expected) finish();
    });
  });
}

/** Each machine wrote down the number that its first process has inside the lab. */
function findHolders(directory: string, init: ProcessId, names: readonly string[]): Record<string, number> {
  const outer = insidePids(init.pid);
  const holders: Record<string, number> = {};
  for (const name of names) {
    const inner = Number(readFileSync(join(directory, `hosts/${name}/holder`), 'utf8'));
    const pid = outer.get(inner);
    if (pid === undefined) throw new CausewayError('internal', `making ${name}: its first process has ended`);
    holders[name] = pid;
  }
  return holders;
}
