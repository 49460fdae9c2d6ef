import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { Step } from '../plan/step.ts';

/**
 * What the kernel will tell of changes of our own: a host of a thousand peers must not look at all of them after each
 * one that it changes itself. Only what a peer is made of is expected; anything else is a reason to look.
 */
export interface Echoes {
  /** To be called before the steps are carried out. */
  expect(steps: readonly Step[]): void;
  /** To be called for steps that were refused. */
  forget(steps: readonly Step[]): void;
  /** @returns whether a line of `ip -N monitor label` is one that is expected; each is once */
  claims(line: string): boolean;
}

/** An echo that has not come after this time never will, milliseconds: the monitor was away. */
const LATE_MS = 3_000;

/** @param now milliseconds on a clock that does not jump */
export function createEchoes(now: () => number = () => performance.now()): Echoes {
  const expected = new Map<string, { readonly left: number; readonly at: number }>();
  let last = 0;
  return {
    expect: (steps) => {
      if (now() - last > LATE_MS) expected.clear();
      last = now();
      for (const step of steps) {
        const echo = echoOf(step);
        if (echo !== undefined) expected.set(echo, { left: leftOf(echo, last) + 1, at: last });
      }
    },
    forget: (steps) => {
      for (const step of steps) take(echoOf(step));
    },
    claims: (line) => take(echoIn(line)),
  };

  /** How many of these are still to come. */
  function leftOf(echo: string, time: number): number {
    const held = expected.get(echo);
    return held !== undefined && time - held.at < LATE_MS ? held.left : 0;
  }

  function take(echo: string | undefined): boolean {
    if (echo === undefined) return false;
    const left = leftOf(echo, now());
    const at = expected.get(echo)?.at;
    if (left > 1 && at !== undefined) expected.set(echo, { left: left - 1, at });
    else expected.delete(echo);
    return left > 0;
  }
}

function echoOf(step: Step): string | undefined {
  switch (step.kind) {
    case 'route-add':
    case 'route-replace':
      return `route ${step.route.destination} ${step.route.gateway} ${step.route.device}`;
    case 'route-clear':
    case 'route-delete':
      return `Deleted route ${step.route.destination} ${step.route.gateway} ${step.route.device}`;
    case 'neighbour-replace':
      return `neighbour ${step.address} ${step.link} ${step.mac}`;
    case 'forwarding-replace':
      return `neighbour ${step.remote} ${step.link} ${step.mac}`;
    default:
      return undefined;
  }
}

const ROUTE = new RegExp(`^\\[ROUTE\\](Deleted )?(\\S+) via (\\S+) dev (\\S+) proto ${ROUTE_PROTOCOL}\\b`);
const NEIGHBOUR = /^\[NEIGH\](\S+) dev (\S+) lladdr (\S+) (?:NOARP )?PERMANENT/;

function echoIn(line: string): string | undefined {
  const [route, deleted = '', ...way] = ROUTE.exec(line) ?? [];
  if (route !== undefined) return `${deleted}route ${way.join(' ')}`;
  const [neighbour, ...entry] = NEIGHBOUR.exec(line) ?? [];
  return neighbour === undefined ? undefined : `neighbour ${entry.join(' ')}`;
}
