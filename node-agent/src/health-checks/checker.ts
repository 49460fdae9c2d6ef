import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { UnhealthyEndpoint } from '@causeway/shared/model/health';
import type { ServiceSpec } from '@causeway/shared/model/service';
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
  /** `healthId`s of those that are healthy by an answer of their own, sorted. */
  healthy(): readonly string[];
  /** Those of the healthy ones that their set has as unready. */
  awaited(): readonly string[];
  /** How many are asked. */
  asked(): number;
  /** How many of those that were asked at once have not answered for the first time. */
  unanswered(): number;
  stop(): void;
}

export interface CheckerDeps {
  readonly host: string;
  readonly ask: Ask;
  /** What `unhealthy`, `healthy` or `awaited` says has changed, or the last of those that were asked at once has answered. */
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
  timer?: NodeJS.Timeout | undefined;
  /** Ends the question that is open. */
  open?: AbortController | undefined;
  /** `unasked`: asked at once, without an answer until now; `waiting`: some time within its interval. */
  answered: 'unasked' | 'waiting' | 'yes';
}

/** A service that has a check, as it was taken up last. */
interface Known {
  readonly spec: ServiceSpec;
  readonly set: EndpointSet | undefined;
  readonly keys: readonly string[];
}

/**
 * A new endpoint is asked at once; one that is thought healthy already, some time within its interval, so that an agent
 * that starts does not ask a thousand in one moment. No endpoint is asked twice at once.
 */
export function createChecker({ host, ask, onChange, random = Math.random }: CheckerDeps): Checker {
  const askings = new Map<string, Asking>();
  const services = new Map<string, Known>();
  const [sockets, commands] = [createSlots(MOST_SOCKETS), createSlots(MOST_COMMANDS)];
  let last: Pick<Snapshot, 'services' | 'endpoints'> | undefined;
  let unanswered = 0;

  async function turn(asking: Asking): Promise<void> {
    const { question } = asking;
    const { type, intervalMs } = question.check;
    const open = new AbortController();
    asking.open = open;
    const startedAt = performance.now();
    // What cannot even be asked, since somebody wrote nonsense into etcd, is not healthy, and ends no agent.
    const fault = await (type === 'command' ? commands : sockets)
      .run(async () => (open.signal.aborted ? undefined : ask(question, open.signal)))
      .catch(messageOf);
    if (open.signal.aborted) return;
    asking.open = undefined;
    const before = asking.verdict;
    asking.verdict = afterAnswer(before, fault, question.check);
    const isFirst = asking.answered !== 'yes';
    const wasLast = settle(asking, 'yes') && unanswered === 0;
    wait(asking, startedAt + intervalMs * (1 - JITTER * random()) - performance.now());
    const { state, reason } = asking.verdict;
    const isNews =
      state !== before.state || reason !== before.reason || (isFirst && asking.question.isUnready);
    if (isNews || wasLast) onChange();
  }
  /** @returns whether the first answer was waited for */
  function settle(asking: Asking, answered: Asking['answered']): boolean {
    const wasAwaited = asking.answered === 'unasked';
    if (wasAwaited) unanswered -= 1;
    asking.answered = answered;
    return wasAwaited;
  }
  function wait(asking: Asking, ms: number): void {
    clearTimeout(asking.timer);
    asking.timer = setTimeout(() => void turn(asking), Math.max(0, ms));
  }
  /** At once, unless there is time. */
  function waitForFirst(asking: Asking): void {
    const { verdict, question } = asking;
    wait(asking, verdict.state === 'healthy' ? random() * question.check.intervalMs : 0);
  }
  function begin(question: Question): void {
    const answered = question.first.state === 'healthy' ? 'waiting' : 'unasked';
    const asking: Asking = { question, verdict: question.first, answered };
    if (answered === 'unasked') unanswered += 1;
    askings.set(question.key, asking);
    waitForFirst(asking);
  }
  function goOn(asking: Asking, question: Question): void {
    const isOther =
      !isDeepStrictEqual(asking.question.check, question.check) ||
      asking.question.container !== question.container;
    asking.question = question;
    if (!isOther) return;
    // The answer to another question would say nothing.
    asking.open?.abort();
    waitForFirst(asking);
  }
  function end(key: string): void {
    const asking = askings.get(key);
    if (asking === undefined) return;
    clearTimeout(asking.timer);
    asking.open?.abort();
    settle(asking, 'yes');
    askings.delete(key);
  }
  function takeUp(spec: ServiceSpec, set: EndpointSet | undefined): void {
    const before = last === undefined ? 'unknown' : last.endpoints.get(spec.name);
    const questions = questionsFor(host, spec, set, before);
    const gone = new Set(services.get(spec.name)?.keys);
    for (const question of questions) {
      gone.delete(question.key);
      const asking = askings.get(question.key);
      if (asking === undefined) begin(question);
      else goOn(asking, question);
    }
    for (const key of gone) end(key);
    services.set(spec.name, { spec, set, keys: questions.map(({ key }) => key) });
  }
  const keysOf = (all: readonly Asking[]) => all.map(({ question }) => question.key).sort();
  const healthy = () =>
    [...askings.values()].filter(
      ({ verdict, answered }) => verdict.state === 'healthy' && answered === 'yes',
    );

  return {
    want: ({ services: all, endpoints }) => {
      if (last?.services === all && last.endpoints === endpoints) return;
      const gone = new Set(services.keys());
      let isOther = false;
      for (const spec of all) {
        if (spec.health === undefined) continue;
        gone.delete(spec.name);
        const [known, set] = [services.get(spec.name), endpoints.get(spec.name)];
        if (known?.spec === spec && known.set === set) continue;
        takeUp(spec, set);
        isOther = true;
      }
      for (const name of gone) {
        for (const key of services.get(name)?.keys ?? []) end(key);
        services.delete(name);
      }
      last = { services: all, endpoints };
      if (isOther || gone.size > 0) onChange();
    },
    unhealthy: () =>
      [...askings.values()]
        .filter(({ verdict }) => verdict.state !== 'healthy')
        .sort(({ question: a }, { question: b }) => (a.key < b.key ? -1 : 1))
        .map(({ question, verdict }) => ({ ...question.endpoint, reason: verdict.reason })),
    healthy: () => keysOf(healthy()),
    awaited: () => keysOf(healthy().filter(({ question }) => question.isUnready)),
    asked: () => askings.size,
    unanswered: () => unanswered,
    stop: () => {
      for (const key of [...askings.keys()]) end(key);
    },
  };
}
