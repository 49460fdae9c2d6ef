import { existsSync, readFileSync } from 'node:fs';
import type { Engines } from '../../node-agent/src/containers/attach/seek.ts';
import { layoutOf } from '../../node-agent/src/containers/places.ts';
import {
  type ContainerNetwork,
  type ContainerRuntime,
  createRuntime,
} from '../../node-agent/src/containers/runtime.ts';
import { noteShutdown } from '../../node-agent/src/containers/shutdown.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';

/**
 * An agent's use of its containers, as a program: the tests bundle it and run it inside throw-away namespaces.
 * Reads a script from standard input, prints the answer of each call; each run is an agent started anew.
 */
export interface Script {
  readonly stateDir: string;
  readonly runDir: string;
  readonly network: ContainerNetwork;
  readonly engines?: Engines;
  readonly calls: readonly Call[];
}

/** What the agent answered to each call, and what the runtime told in between. */
export interface Answers {
  readonly answers: unknown[];
  readonly events: readonly (readonly [kind: string, message: string])[];
}

export type Call =
  | { readonly reconcile: readonly ContainerSpec[] }
  /** Passes that do no more than `most` each, until none is due at once. */
  | { readonly inPasses: readonly ContainerSpec[]; readonly most: number }
  | { readonly plan: readonly ContainerSpec[] }
  /** Kills a process, and answers when the runtime says that it is needed. */
  | { readonly killAndWait: number }
  | { readonly waitForNeed: true }
  | { readonly exec: readonly string[]; readonly in: string; readonly timeoutMs: number }
  /** A command of somebody who talks to it; once a file is there, something else happens, or he goes away. Answers its fate. */
  | {
      readonly begin: readonly string[];
      readonly in: string;
      readonly sign: string;
      readonly meanwhile?: Call;
    }
  | { readonly removeAll: true }
  /** What an agent does when it is told to end. */
  | { readonly noteShutdown: true };

/** What became of passes, and what was said of containers while they went on. */
export interface InPasses {
  readonly states: readonly ContainerStatus[];
  /** Of each pass, how many containers ran after it. */
  readonly running: readonly number[];
  /** Names, in the order in which they were first said to run. */
  readonly said: readonly string[];
}

async function inPasses(
  runtime: ContainerRuntime,
  network: ContainerNetwork,
  specs: readonly ContainerSpec[],
  most: number,
): Promise<InPasses> {
  const said = new Set<string>();
  const onState = ({ name, state }: ContainerStatus) => {
    if (state === 'running') said.add(name);
  };
  for (const running: number[] = []; ; ) {
    const { states, more } = await runtime.reconcile(specs, network, { most, onState });
    running.push(states.filter(({ state }) => state === 'running').length);
    if (!more) return { states, running, said: [...said] };
  }
}

async function main(): Promise<void> {
  const { stateDir, runDir, network, engines, calls }: Script = JSON.parse(readFileSync(0, 'utf8'));
  const runtime = createRuntime({ stateDir, runDir, ...(engines === undefined ? {} : { engines }) });
  const events: [string, string][] = [];
  runtime.onEvent((kind, message) => events.push([kind, message]));
  const answer = async (call: Call): Promise<unknown> => {
    if ('reconcile' in call) return (await runtime.reconcile(call.reconcile, network)).states;
    if ('inPasses' in call) return inPasses(runtime, network, call.inPasses, call.most);
    if ('plan' in call) return runtime.plan(call.plan, network);
    if ('exec' in call) {
      const startedAt = performance.now();
      const tookMs = () => Math.round(performance.now() - startedAt);
      return runtime
        .exec(call.in, { command: call.exec, timeoutMs: call.timeoutMs })
        .catch((error) => ({ error: error.code, tookMs: tookMs() }));
    }
    if ('begin' in call) {
      const unwanted = new AbortController();
      const request = { command: call.begin, stdin: false };
      const fate = runtime.execSession(call.in, request, unwanted.signal).then(
        () => 'begun',
        (error: Error) => error.message,
      );
      while (!existsSync(call.sign)) await new Promise((resolve) => setTimeout(resolve, 10));
      if (call.meanwhile === undefined) unwanted.abort('whoever ran the command has gone');
      else await answer(call.meanwhile);
      return fate;
    }
    if ('removeAll' in call) return runtime.removeAll();
    if ('noteShutdown' in call) return noteShutdown(layoutOf({ stateDir, runDir }));
    return new Promise((resolve) => {
      const stop = runtime.onNeed(() => {
        stop();
        clearInterval(alive);
        resolve('needed');
      });
      // The runtime's own timer keeps no process alive.
      const alive = setInterval(() => undefined, 1_000);
      if ('killAndWait' in call) process.kill(call.killAndWait, 'SIGKILL');
    });
  };
  const answers: unknown[] = [];
  for (const call of calls) answers.push(await answer(call));
  const told: Answers = { answers, events };
  process.stdout.write(JSON.stringify(told));
}

void main();
