import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import type { UnhealthyEndpoint } from '@causeway/shared/model/health';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import type { Ask } from './ask.ts';
import { type Question, questionsFor } from './questions.ts';
import { createSlots } from './slots.ts';
import { afterAnswer, type Verdict } from './verdict.ts';

/** Asks the endpoints that are this host's to ask, each at its own interval. */
export interface Checker {
  /** Which these are, by the newest snapshot. One that is not among them any more is forgotten. */
  want(snapshot: Snapshot): void;
  /** Those that are not healthy, sorted by service, port and place. */
  unhealthy(): readonly UnhealthyEndpoint[];
  /** `healthId`s of the others, sorted. */
  healthy(): readonly string[];
  /** How many are asked. */
  asked(): number;
  stop(): void;
}

export interface CheckerDeps {
  readonly host: string;
  readonly ask: Ask;
  /** What `unhealthy` or `healthy` says has changed. */
  readonly onChange: () => void;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

/** Questions that wait for an answer cost a socket each; commands a process. */
const MOST_SOCKETS = 256;
const MOST_COMMANDS = 8;
/** An interval is shortened by this part at most, so that questions that began together do not stay so. */
const JITTER = 0.1;

interface Asking {
  question: Question;
  verdict: Verdict;
  timer: NodeJS.Timeout | undefined;
  readonly ended: AbortController;
}

/**
 * A new endpoint is asked at once; one that is thought healthy already, some time within its interval, so that an agent
 * that starts does not ask a thousand in one moment. No endpoint is asked twice at once.
 */
export function createChecker({ host, ask, onChange, random = Math.random }: CheckerDeps): Checker {
  const askings = new Map<string, Asking>();
  const [sockets, commands] = [createSlots(MOST_SOCKETS), createSlots(MOST_COMMANDS)];
  let last: Pick<Snapshot, 'services' | 'endpoints'> | undefined;

  async function turn(asking: Asking): Promise<void> {
    const { signal } = asking.ended;
    const { check } = asking.question;
    const startedAt = performance.now();
    // What cannot even be asked, since somebody wrote nonsense into etcd, is not healthy, and ends no agent.
    const fault = await (check.type === 'command' ? commands : sockets)
      .run(async () => (signal.aborted ? undefined : ask(asking.question, signal)))
      .catch(messageOf);
    if (signal.aborted) return;
    const before = asking.verdict;
    asking.verdict = afterAnswer(before, fault, asking.question.check);
    const pause = asking.question.check.intervalMs * (1 - JITTER * random());
    wait(asking, startedAt + pause - performance.now());
    if (before.state !== asking.verdict.state || before.reason !== asking.verdict.reason) onChange();
  }
  function wait(asking: Asking, ms: number): void {
    clearTimeout(asking.timer);
    asking.timer = setTimeout(
      () => {
        asking.timer = undefined;
        void turn(asking);
      },
      Math.max(0, ms),
    );
  }
  function begin(question: Question): void {
    const asking = { question, verdict: question.first, timer: undefined, ended: new AbortController() };
    askings.set(question.key, asking);
    const { state } = question.first;
    wait(asking, state === 'healthy' ? random() * question.check.intervalMs : 0);
  }
  function goOn(asking: Asking, question: Question): void {
    const isOther = !isDeepStrictEqual(asking.question.check, question.check);
    asking.question = question;
    // While a question is open, its answer sets the next one's time.
    if (isOther && asking.timer !== undefined) wait(asking, random() * question.check.intervalMs);
  }
  function end(asking: Asking): void {
    clearTimeout(asking.timer);
    asking.ended.abort();
  }

  return {
    want: ({ services, endpoints }) => {
      if (last?.services === services && last.endpoints === endpoints) return;
      const questions = questionsFor(host, { services, endpoints }, last);
      last = { services, endpoints };
      const gone = new Set(askings.keys());
      for (const question of questions) {
        gone.delete(question.key);
        const asking = askings.get(question.key);
        if (asking === undefined) begin(question);
        else goOn(asking, question);
      }
      for (const key of gone) {
        const asking = askings.get(key);
        if (asking !== undefined) end(asking);
        askings.delete(key);
      }
      onChange();
    },
    unhealthy: () =>
      [...askings.values()]
        .filter(({ verdict }) => verdict.state !== 'healthy')
        .sort(({ question: a }, { question: b }) => (a.key < b.key ? -1 : 1))
        .map(({ question, verdict }) => ({ ...question.endpoint, reason: verdict.reason })),
    healthy: () =>
      [...askings.values()]
        .filter(({ verdict }) => verdict.state === 'healthy')
        .map(({ question }) => question.key)
        .sort(),
    asked: () => askings.size,
    stop: () => {
      for (const asking of askings.values()) end(asking);
      askings.clear();
    },
  };
}
