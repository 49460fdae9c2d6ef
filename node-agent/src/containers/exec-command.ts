/** What to run in a container, for somebody who talks to it. */
export interface SessionRequest {
  /** Program and arguments; not empty. */
  readonly command: readonly string[];
  /** Beside the container's own, which these go before. */
  readonly env?: Readonly<Record<string, string>>;
  /** `1000`, `1000:100`, `www-data`. Absent: the container's. */
  readonly user?: string;
  /** Absolute path. Absent: the container's. */
  readonly workdir?: string;
  /** A terminal of that size. Absent: none, and stdout and stderr come apart. */
  readonly tty?: TerminalSize;
  /** False: the command reads nothing. */
  readonly stdin: boolean;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

interface Where {
  readonly runcRoot: string;
  readonly name: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** `UID[:GID]` */
  readonly user: string | undefined;
}

/** PURE. The arguments of runc. */
export function execArguments(request: SessionRequest, where: Where): readonly string[] {
  const { command, env = {}, workdir, tty } = request;
  return [
    ...['--root', where.runcRoot, '--log', where.logFile, '--log-format', 'json'],
    ...['exec', '--pid-file', where.pidFile],
    ...(tty === undefined ? [] : ['--tty']),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(where.user === undefined ? [] : ['--user', where.user]),
    ...(workdir === undefined ? [] : ['--cwd', workdir]),
    ...['--', where.name, ...command],
  ];
}

/**
 * PURE. The same in a terminal: Node makes none, `script` does, whose terminal runc passes on to the one that it makes in
 * the container, with its size.
 *
 * @param ttyFile takes the name of the terminal, for changes of its size
 */
export function inTerminal(
  command: readonly string[],
  ttyFile: string,
  { columns, rows }: TerminalSize,
): [program: string, args: readonly string[]] {
  const lines = [
    `tty >${quoted(ttyFile)}`,
    `stty rows ${rows} cols ${columns}`,
    `exec ${command.map(quoted).join(' ')}`,
  ];
  return ['script', ['--quiet', '--return', '--echo', 'never', '--command', lines.join('\n'), '/dev/null']];
}

/** PURE. One word for a shell, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
