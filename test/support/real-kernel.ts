import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel, Signal } from '../../node-agent/src/kernel/kernel.ts';
import type { FlowListing } from '../../node-agent/src/plan/flows.ts';
import type { Fate } from '../../node-agent/src/plan/step.ts';
import { CausewayError } from '../../shared/src/errors.ts';
import { start } from '../../shared/src/programs/start.ts';
import type { Answer } from '../contract/kernel-driver.ts';
import { useBundle } from './bundle.ts';

/** A host of its own inside throw-away namespaces, and the real effects working in it. */
export interface RealKernel extends Kernel {
  /** Runs lines of shell on that host; stops at the first that fails. */
  sh(script: string): Promise<string>;
  close(): Promise<void>;
}

const SETUP = `
set -e
mount -t tmpfs tmpfs /run
# Nobody else is there to have an address: else each link's own is told of a second or two after the link.
for each in all default; do echo 0 > /proc/sys/net/ipv6/conf/$each/accept_dad; done
ip link set lo up
ip link add eth0 type veth peer name far
ip link set far up
ip address add 192.168.122.11/24 dev eth0
ip address add fd00:122::11/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 192.168.122.1
ip route add default via fd00:122::1
exec "$@"
`;

/** The effects as a program, for a file of tests. */
export const useKernelDriver = () => useBundle(new URL('../contract/kernel-driver.ts', import.meta.url));

/** What is left of an error in JSON is its message. */
function withError(fate: Fate): Fate {
  return fate.fate === 'failed' ? { ...fate, error: new Error(fate.error.message) } : fate;
}

export async function openRealKernel(driver: string): Promise<RealKernel> {
  const stateDir = mkdtempSync(join(tmpdir(), 'causeway-kernel-'));
  const waiting = new Map<number, (answer: Answer) => void>();
  let listener: ((signal: Signal, reason: string) => void) | undefined;
  let complaint = '';
  const namespaces = [
    '--user',
    '--map-root-user',
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const host = start(
    'unshare',
    [...namespaces, 'sh', '-c', SETUP, 'sh', process.execPath, driver, stateDir],
    {
      writable: true,
      dieWithParent: true,
      onLine: (line, stream) => {
        if (stream === 'stderr') {
          complaint += `${line}\n`;
          return;
        }
        const answer: Answer = JSON.parse(line);
        if ('signal' in answer) listener?.(answer.signal as Signal, answer.reason);
        else waiting.get(answer.id)?.(answer);
      },
    },
  );
  void host.exited.then(() => {
    for (const [id, answer] of waiting) answer({ id, error: `the host is gone: ${complaint}` });
  });

  let last = 0;
  const call = async <T>(method: string, argument?: unknown): Promise<T> => {
    last += 1;
    const id = last;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      host.write(`${JSON.stringify({ id, method, argument })}\n`);
    });
    waiting.delete(id);
    if ('error' in answer) throw new CausewayError('internal', answer.error);
    return ('result' in answer ? answer.result : undefined) as T;
  };
  return {
    host: (request) => call('host', request),
    toolFor: (dataplane) => call('toolFor', dataplane),
    observe: (look) => call('observe', look),
    apply: async (steps) => (await call<readonly Fate[]>('apply', steps)).map(withError),
    // What is absent in JSON is the one thing that `null` stands for.
    listFlows: async (request) => (await call<FlowListing | null>('listFlows', request)) ?? undefined,
    forgetFlows: (forgetting) => call('forgetFlows', forgetting),
    remains: () => call('remains'),
    restoreSysctls: () => call('restoreSysctls'),
    removeEmptyTables: () => call('removeEmptyTables'),
    watch: ({ onSignal, ...request }) => {
      listener = onSignal;
      void call('watch', request);
      return {
        focus: (focus) => void call('focus', focus),
        close: () => void call('unwatch').catch(() => undefined),
      };
    },
    sh: (script) => call('sh', script),
    close: async () => {
      host.kill('SIGKILL');
      await host.exited;
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
