import { CausewayError, invalid } from '@causeway/shared/errors';
import type { TerminalSize } from '@causeway/shared/exec-frames';
import { execute } from '../client/exec.ts';
import { containerName } from '../containers.ts';
import type { Context } from '../context.ts';
import { CommandExit } from '../exit.ts';

interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
}

/** Of a terminal that has not said how large it is. */
const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 };

export function addExec(context: Context): void {
  context
    .command(context.program, 'exec', 'Run a command in a container', [
      'svcctl exec web-1 -- cat /etc/hosts',
      'svcctl exec -it web-1 -- sh',
      'tar c . | svcctl exec -i web-1 -- tar x -C /www',
    ])
    .argument('<name>', 'the container’s name, on whichever host it is')
    .argument('<command...>', 'program and arguments, behind --')
    .option('-i, --interactive', 'hand it what is read from standard input')
    .option('-t, --tty', 'give it a terminal')
    .option('-e, --env <name=value>', 'a variable of its environment; repeatable', environment)
    .option('-u, --user <user>', 'UID[:GID], or a name that the container knows')
    .option('-w, --workdir <path>', 'where it is started')
    .addHelpText(
      'after',
      '\nThe exit code is the command’s: 127 there is no such program, 126 it cannot be run.\n' +
        'Ctrl-C goes to the command; a second one, without a terminal, kills it.',
    )
    .action((name: string, command: readonly string[], options: ExecOptions) =>
      exec(context, containerName(name), command, options),
    );
}

async function exec(
  context: Context,
  name: string,
  command: readonly string[],
  { interactive = false, tty = false, env, user, workdir }: ExecOptions,
): Promise<void> {
  if (workdir !== undefined && !workdir.startsWith('/'))
    throw invalid('workdir', workdir, 'is not an absolute path');
  const client = context.client();
  const terminal = context.io.terminal();
  try {
    if (tty && interactive && terminal.isTerminal) terminal.raw();
    const end = await execute(
      client,
      name,
      {
        ...{ command, stdin: interactive },
        ...(env === undefined ? {} : { env }),
        ...(user === undefined ? {} : { user }),
        ...(workdir === undefined ? {} : { workdir }),
        ...(tty ? { tty: terminal.size() ?? USUAL_SIZE } : {}),
      },
      terminal,
    );
    if (end.code !== undefined) throw new CausewayError(end.code, end.reason ?? 'the command was not run');
    if (end.reason !== undefined) context.note(end.reason);
    if (end.exitCode !== 0) throw new CommandExit(end.exitCode);
  } finally {
    terminal.close();
  }
}

function environment(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw invalid('env', text, 'is not NAME=VALUE');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
