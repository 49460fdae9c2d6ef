import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import type { ForwardingStep, IpStep, RenameStep } from '../plan/step.ts';
import { bridgeCommand, ipCommand } from './ip-command.ts';
import { readComplaints } from './ip-complaints.ts';
import { type Json, parseBatch } from './ip-json.ts';
import type { IpSession } from './ip-session.ts';

type Program = 'ip' | 'bridge';

/** Exit codes that mean a refused command, not a broken program. */
const REFUSED = [1, 2, 255];

/**
 * Runs several `ip … show` commands in one process. Routes are those of IPv4, but of both families where a command asks
 * for all tables.
 *
 * @returns for each its JSON array
 */
export async function ipShow(commands: readonly string[]): Promise<readonly (readonly Json[])[]> {
  const args = ['-N', '-json', '-details', '-batch', '-'];
  const { stdout } = await run('ip', args, { input: asLines(commands), doing: 'listing links and routes' });
  return parseBatch(stdout, commands.length);
}

/** Runs several `bridge … show` commands in one process. @returns for each its JSON array */
export async function bridgeShow(commands: readonly string[]): Promise<readonly (readonly Json[])[]> {
  const args = ['-json', '-batch', '-'];
  const { stdout } = await run('bridge', args, {
    input: asLines(commands),
    doing: 'listing forwarding entries',
  });
  return parseBatch(stdout, commands.length);
}

/**
 * Gives a link another name. Kernels before 6.2 want it down for that: what they take away with it is put back by the
 * next look.
 */
export async function renameLink({ from, link, text }: RenameStep): Promise<void> {
  const doing = { doing: `trying to ${text}` };
  const { exitCode } = await run('ip', ['link', 'set', 'dev', from, 'name', link], {
    ...doing,
    okCodes: REFUSED,
  });
  if (exitCode === 0) return;
  const input = `link set dev ${from} down\nlink set dev ${from} name ${link}\n`;
  await run('ip', ['-batch', '-'], { ...doing, input });
}

/** Most routes that a staying `ip` is told at once: for more, a program of their own costs little. */
const FEW = 32;

/**
 * Carries out steps of either family in one `ip` process, which goes on after a step that the kernel refuses. A few routes
 * go to an `ip` that runs already, if there is one.
 *
 * @returns for each step its error, or undefined when it was done
 */
export async function ipApply(
  steps: readonly IpStep[],
  session: IpSession | undefined,
): Promise<readonly (Error | undefined)[]> {
  const isQuick = steps.length <= FEW && steps.every(({ kind }) => kind.startsWith('route-'));
  if (steps.some(({ kind }) => /^(link|tunnel)-(add|delete)$/.test(kind))) session?.renew();
  const lines = steps.map(ipCommand);
  const complaints = isQuick ? await session?.tell(lines) : undefined;
  if (complaints === undefined) return applyLines('ip', lines);
  return lines.map((line, i) => errorOf('ip', line, complaints.get(i)));
}

/** As `ipApply`, with `bridge`. */
export function bridgeApply(steps: readonly ForwardingStep[]): Promise<readonly (Error | undefined)[]> {
  return applyLines('bridge', steps.map(bridgeCommand));
}

async function applyLines(
  program: Program,
  lines: readonly string[],
): Promise<readonly (Error | undefined)[]> {
  const { exitCode, stderr } = await batch(program, lines);
  if (exitCode === 0) return lines.map(() => undefined);
  const { byLine, last } = readComplaints(stderr);
  if (last === undefined) return lines.map((line, i) => errorOf(program, line, byLine.get(i + 1)));

  // It could not read a command and ended there, without naming the line: each goes by itself.
  const errors: (Error | undefined)[] = [];
  for (const line of lines) {
    const alone = await batch(program, [line]);
    errors.push(alone.exitCode === 0 ? undefined : errorOf(program, line, alone.stderr.trim()));
  }
  return errors.map((error, i) => (wasDone(error, byLine.has(i + 1)) ? undefined : error));
}

function batch(program: Program, lines: readonly string[]) {
  const args = [...(program === 'ip' ? ['-N'] : []), '-force', '-batch', '-'];
  return run(program, args, { input: asLines(lines), doing: 'changing links and routes', okCodes: REFUSED });
}

function errorOf(program: Program, line: string, complaint: string | undefined): Error | undefined {
  if (complaint === undefined) return undefined;
  return new CausewayError(
    'kernel-rejected',
    `changing links and routes: \`${program} ${line}\`: ${complaint}`,
  );
}

/** The second try of a step that the first try has done already is refused for being done. */
function wasDone(error: Error | undefined, refusedBefore: boolean): boolean {
  return (
    error !== undefined && !refusedBefore && /File exists|No such process|No such file/.test(error.message)
  );
}

function asLines(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`;
}
