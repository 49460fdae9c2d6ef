import { CausewayError, show } from '@causeway/shared/errors';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import { run } from '@causeway/shared/run';
import type { IpStep, RouteKey } from '../plan/step.ts';
import { parseBatch } from './ip-json.ts';

/** Numbers instead of names, so that a host's /etc/iproute2 changes nothing. */
const KERNEL_PROTOCOL = 2;
const LINK_SCOPE = 253;
/** Exit codes of `ip` that mean a refused command, not a broken program. */
const REFUSED = [1, 2, 255];

/**
 * Runs several `ip … show` commands in one process.
 *
 * @param family of the routes that are listed; links, addresses and neighbours are listed whatever it is when it is
 * absent, and routes are IPv4 ones then
 * @returns for each its JSON array
 */
export async function ipShow(
  commands: readonly string[],
  family?: Family,
): Promise<readonly (readonly Readonly<Record<string, unknown>>[])[]> {
  const which = family === undefined ? [] : [family === 'ipv4' ? '-4' : '-6'];
  const args = [...which, '-N', '-json', '-details', '-batch', '-'];
  const { stdout } = await run('ip', args, { input: asLines(commands), doing: 'listing links and routes' });
  return parseBatch(stdout, commands.length);
}

/**
 * Carries out steps in one `ip` process, which goes on after a step that the kernel refuses.
 *
 * @returns for each step its error, or undefined when it was done
 */
export async function ipApply(steps: readonly IpStep[]): Promise<readonly (Error | undefined)[]> {
  const lines = steps.map(ipCommand);
  const { exitCode, stderr } = await batch(lines);
  if (exitCode === 0) return lines.map(() => undefined);
  const { byLine, last } = readComplaints(stderr);
  if (last === undefined) return lines.map((line, i) => errorOf(line, byLine.get(i + 1)));

  // `ip` could not read a command and ended there, without naming the line: each goes by itself.
  const errors: (Error | undefined)[] = [];
  for (const line of lines) {
    const alone = await batch([line]);
    errors.push(alone.exitCode === 0 ? undefined : errorOf(line, alone.stderr.trim()));
  }
  return errors.map((error, i) => (wasDone(error, byLine.has(i + 1)) ? undefined : error));
}

/** One line of `ip -batch`. @throws CausewayError `internal` for a word that could be two. */
export function ipCommand(step: IpStep): string {
  return wordsOf(step)
    .map((word) => {
      if (/^[\w.:/@-]+$/.test(word)) return word;
      throw new CausewayError(
        'internal',
        `writing an ip command to ${step.text}: ${show(word)} is no plain word`,
      );
    })
    .join(' ');
}

/**
 * Reads what `ip -force -batch` complains of: one or more lines of text, then `Command failed -:LINE`.
 *
 * @returns complaints by line, from 1, and a last one that no line was named for
 */
export function readComplaints(stderr: string): {
  readonly byLine: ReadonlyMap<number, string>;
  readonly last: string | undefined;
} {
  const byLine = new Map<number, string>();
  let text: string[] = [];
  for (const line of stderr.split('\n').filter((one) => one !== '')) {
    const number = /^Command failed .*:(\d+)$/.exec(line)?.[1];
    if (number === undefined) text.push(line);
    else {
      byLine.set(Number(number), text.join('; ') || 'refused');
      text = [];
    }
  }
  return { byLine, last: text.length === 0 ? undefined : text.join('; ') };
}

function wordsOf(step: IpStep): readonly string[] {
  switch (step.kind) {
    case 'link-add':
      return [
        'link',
        'add',
        'name',
        step.link,
        'mtu',
        String(step.mtu),
        'address',
        step.mac,
        'type',
        'bridge',
      ];
    case 'link-set':
      return ['link', 'set', 'dev', step.link, 'mtu', String(step.mtu), 'up'];
    case 'link-delete':
      return ['link', 'delete', 'dev', step.link];
    case 'address-add':
      return ['address', 'add', step.address, 'dev', step.link];
    case 'address-delete':
      return ['address', 'delete', step.address, 'dev', step.link];
    case 'connected-add':
      return connectedWords(step.destination, step.device, step.source);
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return [
        'route',
        step.kind.slice('route-'.length),
        ...routeWords(step.route),
        'proto',
        String(ROUTE_PROTOCOL),
      ];
  }
}

function connectedWords(destination: string, device: string, source: string): readonly string[] {
  const marks = ['proto', String(KERNEL_PROTOCOL), 'scope', String(LINK_SCOPE), 'src', source];
  return ['route', 'add', destination, 'dev', device, ...marks];
}

function routeWords(route: RouteKey): readonly string[] {
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination,
    ...(route.gateway === undefined ? [] : ['via', route.gateway]),
    ...(route.device === undefined ? [] : ['dev', route.device]),
    ...(route.metric === 0 ? [] : ['metric', String(route.metric)]),
  ];
}

function batch(lines: readonly string[]) {
  const args = ['-4', '-N', '-force', '-batch', '-'];
  return run('ip', args, { input: asLines(lines), doing: 'changing links and routes', okCodes: REFUSED });
}

function errorOf(line: string, complaint: string | undefined): Error | undefined {
  if (complaint === undefined) return undefined;
  return new CausewayError('kernel-rejected', `changing links and routes: \`ip ${line}\`: ${complaint}`);
}

/** The second try of a step that the first try has done already is refused for being done. */
function wasDone(error: Error | undefined, refusedBefore: boolean): boolean {
  return error !== undefined && !refusedBefore && /File exists|No such process/.test(error.message);
}

function asLines(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`;
}
