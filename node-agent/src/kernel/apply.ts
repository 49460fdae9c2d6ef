import { messageOf } from '@causeway/shared/errors';
import { blockedBy } from '../plan/order.ts';
import { type Fate, type IpStep, isIpStep, type Step, type StepKind } from '../plan/step.ts';

/** The effects that steps are made of. */
export interface Hands {
  /** @returns for each step its error, or undefined */
  ip(steps: readonly IpStep[]): Promise<readonly (Error | undefined)[]>;
  /** Any other step. Rejects when it failed. */
  other(step: Exclude<Step, IpStep>): Promise<void>;
}

/**
 * Applies steps in their order, runs of `ip` steps in one process. A failure does not stop what is independent of
 * it; what needs it is not executed.
 *
 * @returns the fate of each step, in the order of the steps
 */
export async function applyAll(steps: readonly Step[], hands: Hands): Promise<readonly Fate[]> {
  const fates: Fate[] = [];
  const failed = new Set<StepKind>();
  for (const group of groupsOf(steps)) {
    const blocked = group.map((step) => blockedBy(step, failed));
    const free = group.filter((_, i) => blocked[i] === undefined);
    const errors = new Map(zip(free, await carryOut(free, hands)));
    for (const [i, step] of group.entries()) {
      const because = blocked[i];
      const error = errors.get(step);
      if (because !== undefined) fates.push({ step, fate: 'notExecuted', because: `${because} failed` });
      else if (error !== undefined) fates.push({ step, fate: 'failed', error });
      else fates.push({ step, fate: 'done' });
      if (error !== undefined || because !== undefined) failed.add(step.kind);
    }
  }
  return fates;
}

async function carryOut(steps: readonly Step[], hands: Hands): Promise<readonly (Error | undefined)[]> {
  if (steps.length === 0) return [];
  try {
    const ip = steps.filter(isIpStep);
    if (ip.length === steps.length) return await hands.ip(ip);
    for (const step of steps) if (!isIpStep(step)) await hands.other(step);
    return steps.map(() => undefined);
  } catch (error) {
    const told = error instanceof Error ? error : new Error(messageOf(error));
    return steps.map(() => told);
  }
}

/**
 * Runs of `ip` steps that may share a process, every other step by itself. Steps on which a later one of the run
 * depends end a run, so that their failure is known.
 */
function groupsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const group = groups.at(-1);
    const first = group?.[0];
    const joins = group !== undefined && first !== undefined && isIpStep(first) && isIpStep(step);
    const kinds = new Set(group?.map((one) => one.kind));
    if (joins && blockedBy(step, kinds) === undefined) group.push(step);
    else groups.push([step]);
  }
  return groups;
}

function zip<A, B>(as: readonly A[], bs: readonly B[]): [A, B][] {
  return as.flatMap((a, i) => (i in bs ? [[a, bs[i] as B] as [A, B]] : []));
}
