import { pino } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `info`: what changed and why; `warn`: something is wrong and goes on; `error`: a person should look. */
export type Logger = ReturnType<typeof createLogger>;

/** JSON lines on stdout. */
export function createLogger(level: LogLevel, host: string) {
  return pino({ level, base: { host }, timestamp: pino.stdTimeFunctions.isoTime });
}
