import { type Command, Option } from 'commander';
import { Client } from './client/client.ts';
import { findServer } from './client/discover.ts';
import { EXIT_CODES_HELP } from './exit.ts';
import { parseDuration } from './input/duration.ts';
import type { Io } from './io.ts';
import { OUTPUTS, type Output, parseOutput } from './print/output.ts';
import { safe } from './print/safe.ts';
import { type Followed, waitForHosts } from './wait.ts';

/** Options that every command has through the program. */
interface GlobalOptions {
  readonly server?: string;
}

export interface WriteOptions {
  readonly output?: Output;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
}

export const DEFAULT_TIMEOUT_MS = 30_000;

/** What a command works with. */
export class Context {
  readonly io: Io;
  readonly program: Command;

  constructor(io: Io, program: Command) {
    this.io = io;
    this.program = program;
  }

  /** @throws CausewayError when no controller can be found; nothing is asked of it yet */
  client(): Client {
    return new Client(findServer(this.program.opts<GlobalOptions>().server, this.io));
  }

  /** One sentence for the person, on stderr. */
  note(sentence: string): void {
    this.io.err(`svcctl: ${safe(sentence)}\n`);
  }

  /** Adds a command; its help closes with the examples and the exit codes. */
  command(parent: Command, usage: string, summary: string, examples: readonly string[]): Command {
    const lines = examples.map((example) => `  ${example}`).join('\n');
    return parent
      .command(usage)
      .description(summary)
      .addHelpText('after', `\nExample${examples.length > 1 ? 's' : ''}:\n${lines}\n\n${EXIT_CODES_HELP}`);
  }

  /**
   * Waits, when that was asked for, until every host's kernel holds a write, and says how long each took:
   * on stdout, unless stdout carries a machine's format.
   */
  async settle(
    client: Client,
    revision: number,
    options: WriteOptions,
    what: Followed = 'services',
  ): Promise<void> {
    if (!options.wait || options.dryRun) return;
    const print = options.output === undefined ? this.io.out : this.io.err;
    await waitForHosts(client, {
      ...{ what, revision },
      timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
      now: () => this.io.now(),
      onHost: (name, milliseconds) =>
        print(`  ${safe(name)}  applied after ${Math.round(milliseconds)} ms\n`),
      onNote: (sentence) => this.note(sentence),
    });
  }
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'print in another format')
    .choices(OUTPUTS)
    .argParser(parseOutput);
}

export function dryRunOption(): Option {
  return new Option('--dry-run', 'say what would happen, and change nothing');
}

export function waitOptions(until = 'every host’s kernel holds the change'): [Option, Option] {
  return [new Option('--wait', `return when ${until}`).conflicts('dryRun'), timeoutOption()];
}

/** Of commands that wait unless they are told not to: who stops something wants to know it stopped. */
export function noWaitOptions(until: string): [Option, Option, Option] {
  return [
    new Option('--wait', `return when ${until} (default)`).hideHelp(),
    new Option('--no-wait', `return at once, not when ${until}`),
    timeoutOption(),
  ];
}

export function timeoutOption(): Option {
  return new Option('--timeout <time>', 'how long to wait: 30s, 500ms, 2m (default: 30s)').argParser((text) =>
    parseDuration('timeout', text),
  );
}
