import { CausewayError, invalid } from '@causeway/shared/errors';
import type { ServiceInput } from '@causeway/shared/model/service-input';
import { Option } from 'commander';
import { choiceOption } from './choice.ts';
import { parseDuration } from './duration.ts';
import { parsePort } from './frontend.ts';

type HealthInput = NonNullable<ServiceInput['health']>;

const TYPES = ['tcp', 'http', 'https', 'command'] as const;
const MAX_COUNT = 100;

export interface HealthOptions {
  readonly health?: (typeof TYPES)[number];
  readonly healthPath?: string;
  readonly healthPort?: number;
  readonly healthCommand?: string;
  /** Milliseconds. */
  readonly healthInterval?: number;
  readonly healthTimeout?: number;
  readonly healthRise?: number;
  readonly healthFall?: number;
}

/** `--health` and what belongs to it. */
export function healthOptions(): readonly Option[] {
  const option = <T>(flags: string, text: string, parse: (value: string) => T) =>
    new Option(flags, text).argParser(parse);
  return [
    choiceOption('--health <check>', 'ask endpoints whether they serve', TYPES),
    option('--health-path <path>', 'with http and https: what is asked for (default: /)', (text) => text),
    option('--health-port <port>', 'ask on this port (default: the endpoint’s)', (text) =>
      parsePort('health-port', text),
    ),
    option('--health-command <line>', 'with command: a line for the container’s sh', (text) => text),
    option('--health-interval <time>', 'from one question to the next (default: 10s)', (text) =>
      wholeMs('health-interval', text),
    ),
    option('--health-timeout <time>', 'how long an answer may take (default: 1s)', (text) =>
      wholeMs('health-timeout', text),
    ),
    option('--health-rise <n>', 'good answers in a row that bring it back (default: 1)', (text) =>
      countIn('health-rise', text),
    ),
    option('--health-fall <n>', 'bad answers in a row that take it out (default: 3)', (text) =>
      countIn('health-fall', text),
    ),
  ];
}

/**
 * @returns the check that was asked for, undefined for none
 * @throws CausewayError `invalid` when the flags do not go together
 */
export function healthInput(options: HealthOptions): HealthInput | undefined {
  const { health: type, healthPath: path, healthCommand: line, healthPort: port } = options;
  const { healthInterval: interval, healthTimeout: timeout, healthRise: rise, healthFall: fall } = options;
  if (type === undefined) {
    refuseAlone(options);
    return undefined;
  }
  const not = (flag: string, value: unknown, kinds: string) =>
    invalid(flag, value, `is for --health ${kinds}, and this is --health ${type}`);
  if (path !== undefined && type !== 'http' && type !== 'https')
    throw not('health-path', path, 'http and https');
  if (line !== undefined && type !== 'command') throw not('health-command', line, 'command');
  if (port !== undefined && type === 'command') throw not('health-port', port, 'tcp, http and https');
  if (line?.trim() === '') throw invalid('health-command', line, 'is empty: a line for sh is needed');
  if (type === 'command' && line === undefined)
    throw new CausewayError('invalid', 'health "command" needs a --health-command', { field: 'health' });
  return {
    type,
    ...(path === undefined ? {} : { path }),
    ...(port === undefined ? {} : { port }),
    ...(line === undefined ? {} : { command: ['sh', '-c', line] }),
    ...(interval === undefined ? {} : { intervalMs: interval }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(rise === undefined ? {} : { rise }),
    ...(fall === undefined ? {} : { fall }),
  };
}

/** A check's details without a check would be forgotten in silence. */
function refuseAlone(options: HealthOptions): void {
  const details = [
    ['health-path', options.healthPath],
    ['health-port', options.healthPort],
    ['health-command', options.healthCommand],
    ['health-interval', options.healthInterval],
    ['health-timeout', options.healthTimeout],
    ['health-rise', options.healthRise],
    ['health-fall', options.healthFall],
  ] as const;
  for (const [flag, value] of details)
    if (value !== undefined) throw invalid(flag, value, `needs --health ${TYPES.join('|')} beside it`);
}

function wholeMs(flag: string, text: string): number {
  const milliseconds = parseDuration(flag, text);
  if (!Number.isInteger(milliseconds)) throw invalid(flag, text, 'is not a whole number of milliseconds');
  return milliseconds;
}

function countIn(flag: string, text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MAX_COUNT)
    throw invalid(flag, text, `is not a count: a whole number from 1 to ${MAX_COUNT}`);
  return count;
}
