import { createInterface } from 'node:readline';
import { linuxKernel } from '../../node-agent/src/kernel/linux.ts';
import { messageOf } from '../../shared/src/errors.ts';
import { run } from '../../shared/src/programs/run.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';

/**
 * The real kernel's effects as a program: the tests bundle it and run it inside throw-away namespaces. One call per
 * line of standard input, one answer per line of standard output.
 */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly signal: string; readonly reason: string };

const kernel = linuxKernel({ stateDir: process.argv[2] ?? '', rulesets: { nftables, iptables } });
let monitor: ReturnType<typeof kernel.watch> | undefined;

function say(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Errors inside of fates lose their message in JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) => (part instanceof Error ? { message: messageOf(part) } : part)) ??
      'null',
  );
}

async function carryOut({ method, argument }: Call): Promise<unknown> {
  if (method === 'sh') return (await run('sh', ['-ec', String(argument)])).stdout;
  if (method === 'watch') {
    const request = argument as Omit<Parameters<typeof kernel.watch>[0], 'onSignal'>;
    monitor = kernel.watch({ ...request, onSignal: (signal, reason) => say({ signal, reason }) });
    return undefined;
  }
  if (method === 'focus') return monitor?.focus(argument as Parameters<typeof monitor.focus>[0]);
  if (method === 'unwatch') return monitor?.close();
  const known: Readonly<Record<string, unknown>> = { ...kernel };
  const effect = known[method];
  if (typeof effect !== 'function') throw new Error(`no such effect: ${method}`);
  return effect(argument);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const call: Call = JSON.parse(line);
  carryOut(call).then(
    (result) => say({ id: call.id, result: plain(result) }),
    (error: unknown) => say({ id: call.id, error: messageOf(error) }),
  );
});
