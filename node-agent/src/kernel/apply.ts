import { messageOf } from '@causeway/shared/errors';
import { createFailures, type Failures } from '../plan/order.ts';
import {
  type Fate,
  type ForwardingStep,
  type IpStep,
  isForwardingStep,
  isIpStep,
  isSingleStep,
  type SingleStep,
  type Step,
  type StepKind,
} from '../plan/step.ts';
import { linesOf } from './refusal.ts';

/** The effects that steps are made of. */
export interface Hands {
  /** @returns for each step its error, or undefined */
  ip(steps: readonly IpStep[]): Promise<readonly (Error | undefined)[]>;
  /** @returns for each step its error, or undefined */
  bridge(steps: readonly ForwardingStep[]): Promise<readonly (Error | undefined)[]>;
  /** Any other step. Rejects when it failed. */
  other(step: SingleStep): Promise<void>;
}

/**
 * Applies steps in their order, runs of `ip` and of `bridge` steps in one process each. A failure does not stop what
 * is independent of it; what needs it is not executed, or was refused by the kernel for it.
 *
 * @returns the fate of each step, in the order of the steps
 */
export async function applyAll(steps: readonly Step[], hands: Hands): Promise<readonly Fate[]> {
  const fates: Fate[] = [];
  const failures = createFailures();
  for (const group of groupsOf(steps)) {
    const before = group.map((step) => failures.blocking(step));
    const free = group.filter((_, i) => before[i] === undefined);
    const errors = await carryOut(free, hands);
    let next = 0;
    for (const [i, step] of group.entries()) {
      const because = before[i];
      const fate =
        because === undefined ? fateOf(step, errors[next++], failures) : notExecuted(step, because);
      if (fate.fate !== 'done') failures.add(step);
      fates.push(fate);
    }
  }
  return fates;
}

function fateOf(step: Step, error: Error | undefined, failures: Failures): Fate {
  if (error === undefined) return { step, fate: 'done' };
  // What it needs has failed in the same run: the kernel's complaint would only repeat that.
  const because = failures.blocking(step);
  if (because !== undefined) return notExecuted(step, because);
  const refused = linesOf(error);
  return { step, fate: 'failed', error, ...(refused.length === 0 ? {} : { refused }) };
}

function notExecuted(step: Step, kind: StepKind): Fate {
  return { step, fate: 'notExecuted', because: `${kind} failed` };
}

async function carryOut(steps: readonly Step[], hands: Hands): Promise<readonly (Error | undefined)[]> {
  if (steps.length === 0) return [];
  try {
    const ip = steps.filter(isIpStep);
    if (ip.length > 0) return await hands.ip(ip);
    const forwarding = steps.filter(isForwardingStep);
    if (forwarding.length > 0) return await hands.bridge(forwarding);
    for (const step of steps) if (isSingleStep(step)) await hands.other(step);
    return steps.map(() => undefined);
  } catch (error) {
    const told = error instanceof Error ? error : new Error(messageOf(error));
    return steps.map(() => told);
  }
}

/**
 * Runs of steps that may share a process, every other step by itself. The kernel refuses what cannot be done, so a
 * step may follow what it needs in one run; but nothing is taken away before it is known that what replaces it stands.
 */
function groupsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  let pending = createFailures();
  for (const step of steps) {
    const group = groups.at(-1);
    const first = group?.[0];
    const isSafe = !TAKES_AWAY.has(step.kind) || pending.blocking(step) === undefined;
    if (group !== undefined && first !== undefined && mayShare(first, step) && isSafe) group.push(step);
    else {
      groups.push([step]);
      pending = createFailures();
    }
    pending.add(step);
  }
  return groups;
}

const TAKES_AWAY: ReadonlySet<StepKind> = new Set(['address-delete', 'route-delete', 'link-delete']);

function mayShare(first: Step, step: Step): boolean {
  return (isIpStep(first) && isIpStep(step)) || (isForwardingStep(first) && isForwardingStep(step));
}
