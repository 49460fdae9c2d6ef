import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** The lab's programs are looked for where Debian keeps administrators' tools too. */
export function environment(extraPath: readonly string[] = []): NodeJS.ProcessEnv {
  const own = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
  return { ...process.env, PATH: [...extraPath, own, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(':') };
}

/** What programs on a machine of the lab find. */
export interface Around {
  /** Directories before those of PATH. */
  readonly path: readonly string[];
  /** URL of the REST API. */
  readonly controller: string;
  /** URLs of etcd, separated by commas. */
  readonly etcd: string;
}

/** What a person on a machine of the lab has in the environment: the programs, and where the controller and etcd are. */
export function environmentInside({ path, controller, etcd }: Around): Readonly<Record<string, string>> {
  return { PATH: environment(path).PATH ?? '', SVCCTL_SERVER: controller, CAUSEWAY_ETCD_URLS: etcd };
}

/** Starts a program in a session of its own, so that no terminal's Ctrl-C reaches it; nothing waits for it. */
export function spawnApart(
  argv: readonly string[],
  options: { readonly cwd: string; readonly stderr: number },
): ChildProcess {
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    cwd: options.cwd,
    env: environment(),
    detached: true,
    stdio: ['ignore', 'pipe', options.stderr],
  });
  child.unref();
  return child;
}

/** Starts a program that talks through pipes. Ending it is the caller's business. */
export function spawnPiped(argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams {
  return spawn(argv[0] ?? '', argv.slice(1), { env, stdio: ['pipe', 'pipe', 'pipe'] });
}

/**
 * Runs a program on this terminal: input, output and signals pass through.
 *
 * @returns its exit code, 128 + n when signal n ended it, 127 when there is no such program
 */
export function runThrough(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(argv[0] ?? '', argv.slice(1), { env, stdio: 'inherit' });
    // The terminal sends these to the program as well; it decides what they mean.
    for (const name of ['SIGINT', 'SIGQUIT'] as const) process.on(name, () => undefined);
    for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
    child.on('error', (error) => {
      console.error(`running ${argv[0]}: ${error.message}`);
      resolve(127);
    });
    child.on('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
